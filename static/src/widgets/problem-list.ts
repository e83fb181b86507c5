/** Decisions that the server did not take: somebody else was first, or a refusal. Nothing is overwritten unasked. */

import { html, nothing, type TemplateResult } from "lit";
import { PARTICIPLE_OF } from "../lib/answers";
import type { Stored } from "../lib/outbox-store";

interface Deeds {
  force(entry: Stored): void;
  dismiss(entry: Stored): void;
}

export function problemList(problems: readonly Stored[], deeds: Deeds): TemplateResult {
  return html`<section class="panel problems" role="alert" aria-label="Not saved">
    <h2 class="panel-title">Needs a look</h2>
    <ul>
      ${problems.map((entry) => row(entry, deeds))}
    </ul>
  </section>`;
}

function row(entry: Stored, deeds: Deeds): TemplateResult {
  const { problem } = entry;
  const subject = entry.kind === "verdict" ? `item ${entry.operation.item}` : "an undo";
  const is_conflict = problem?.kind === "conflict" && entry.kind === "verdict";
  return html`<li class="problem">
    ${
      is_conflict
        ? html`<p>
            <b>${subject}</b>: you said <b>${PARTICIPLE_OF[entry.operation.answer]}</b>,
            ${problem.by ?? "somebody"} said
            <b>${PARTICIPLE_OF[problem.answer ?? ""] ?? "nothing, it was undone"}</b> first.
          </p>`
        : html`<p><b>${subject}</b> was refused: ${problem?.reason || "no reason given"}</p>`
    }
    <div class="row">
      ${
        is_conflict
          ? html`<button type="button" class="btn btn-small" @click=${() => deeds.force(entry)}>Mine counts</button>`
          : nothing
      }
      <button type="button" class="btn btn-small" @click=${() => deeds.dismiss(entry)}>
        ${is_conflict ? "Keep theirs" : "Dismiss"}
      </button>
    </div>
  </li>`;
}
