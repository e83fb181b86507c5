/** Decisions that the server did not take: somebody else was first, or a refusal. Nothing is overwritten unasked. */

import { html, type TemplateResult } from "lit";
import { PARTICIPLE_OF } from "../lib/answers";
import { countText } from "../lib/format";
import type { Stored, VerdictEntry } from "../lib/outbox-store";

interface Deeds {
  nameOf(item: number): string;
  force(entry: Stored): void;
  again(entries: readonly Stored[]): void;
  dismiss(entries: readonly Stored[]): void;
}

export function problemList(problems: readonly Stored[], deeds: Deeds): TemplateResult {
  return html`<section class="panel problems" role="alert" aria-label="Not saved">
    <h2 class="panel-title">Needs a look</h2>
    <ul>
      ${problems.map((entry) => (isConflict(entry) ? conflict(entry, deeds) : null))}
      ${[...refusals(problems)].map(([reason, entries]) => refusal(reason, entries, deeds))}
    </ul>
  </section>`;
}

function isConflict(entry: Stored): entry is VerdictEntry & Stored {
  return entry.kind === "verdict" && entry.problem?.kind === "conflict";
}

/** A whole batch is refused for one reason: reason -> what it is about. */
function refusals(problems: readonly Stored[]): Map<string, Stored[]> {
  const found = new Map<string, Stored[]>();
  for (const entry of problems) {
    if (isConflict(entry)) continue;
    const reason = entry.problem?.reason || "no reason given";
    found.set(reason, [...(found.get(reason) ?? []), entry]);
  }
  return found;
}

function conflict(entry: VerdictEntry & Stored, deeds: Deeds): TemplateResult {
  const { problem, operation } = entry;
  return html`<li class="problem">
    <p>
      <b>${deeds.nameOf(operation.item)}</b>: you said <b>${PARTICIPLE_OF[operation.answer]}</b>,
      ${problem?.by ?? "somebody"} said <b>${PARTICIPLE_OF[problem?.answer ?? ""] ?? "nothing, it was undone"}</b> first.
    </p>
    <div class="row">
      <button type="button" class="btn btn-small" @click=${() => deeds.force(entry)}>Mine counts</button>
      <button type="button" class="btn btn-small" @click=${() => deeds.dismiss([entry])}>Keep theirs</button>
    </div>
  </li>`;
}

function refusal(reason: string, entries: readonly Stored[], deeds: Deeds): TemplateResult {
  const [first] = entries;
  const one = first?.kind === "verdict" ? deeds.nameOf(first.operation.item) : "an undo";
  const subject = entries.length === 1 ? one : `${countText(entries.length)} answers`;
  return html`<li class="problem">
    <p><b>${subject}</b> ${entries.length === 1 ? "was" : "were"} refused: ${reason}</p>
    <div class="row">
      <button type="button" class="btn btn-small" @click=${() => deeds.again(entries)}>Send again</button>
      <button type="button" class="btn btn-small" @click=${() => deeds.dismiss(entries)}>Dismiss</button>
    </div>
  </li>`;
}
