/**
 * Right side: counters, weak labels, history of batches, decisions that need a look.
 * Events: "side-undo" (Batch), "side-redo" (Batch), "side-weak" ({first_n} | {min_similarity}), "side-revert" (id),
 * "side-force" (Stored), "side-dismiss" (seq).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Batch } from "../lib/decisions";
import { agoText, countText } from "../lib/format";
import type { Stored } from "../lib/outbox-store";
import type { Counts } from "../lib/wire";

const GLYPH = { accept: "✓", reject: "✕", unsure: "?" } as const;
const VERB = { accept: "accepted", reject: "rejected", unsure: "unsure" } as const;
const SHOWN = 50;

@customElement("sfi-side")
export class SidePanel extends LitElement {
  @property({ attribute: false }) batches: readonly Batch[] = [];
  @property({ attribute: false }) problems: readonly Stored[] = [];
  @property({ attribute: false }) counts: Counts | null = null;
  @property({ attribute: false }) has_history = true; // a viewer has none
  @property({ attribute: false }) revision = 0; // batches are changed in place

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    return html`${this.problems.length ? this.problemsPanel() : nothing}
      <section class="panel" aria-label="Counters">
        <h2 class="panel-title">So far</h2>
        <dl class="counters">
          ${this.counter("accepted", "accept", "✓")} ${this.counter("rejected", "reject", "✕")}
          ${this.counter("unsure", "unsure", "?")} ${this.counter("weak", "weak", "~")}
          ${this.counter("untouched", "untouched", "·")}
        </dl>
      </section>
      ${this.has_history ? this.history() : nothing}`;
  }

  private history() {
    return html`<section class="panel grows" aria-label="History">
      <h2 class="panel-title">History</h2>
      ${
        this.batches.length
          ? html`<ol class="history">
              ${this.batches.slice(0, SHOWN).map((batch) => this.batchRow(batch))}
            </ol>`
          : html`<p class="panel-note">Every batch of answers appears here and can be undone, whatever its age.</p>`
      }
    </section>`;
  }

  private counter(name: keyof Counts, state: string, glyph: string) {
    return html`<div data-state=${state}>
      <dt><i aria-hidden="true">${glyph}</i> ${name}</dt>
      <dd>${this.counts ? countText(this.counts[name]) : "–"}</dd>
    </div>`;
  }

  private batchRow(batch: Batch) {
    const is_undone = batch.state === "undone";
    return html`<li class="batch ${is_undone ? "is-undone" : ""}" data-state=${batch.answer}>
      <span class="batch-glyph" aria-hidden="true">${GLYPH[batch.answer]}</span>
      <span class="batch-what"
        ><b>${countText(batch.count)}</b> ${is_undone ? "undone" : VERB[batch.answer]}
        <small>${batch.class_name} · ${agoText(batch.at, Date.now())}${batch.is_saved ? "" : " · unsaved"}</small></span
      >
      <button type="button" class="btn btn-small" @click=${() => this.tell(is_undone ? "side-redo" : "side-undo", batch)}>
        ${is_undone ? "Redo" : "Undo"}
      </button>
    </li>`;
  }

  private problemsPanel() {
    return html`<section class="panel problems" role="alert" aria-label="Not saved">
      <h2 class="panel-title">Needs a look</h2>
      <ul>
        ${this.problems.map((entry) => this.problemRow(entry))}
      </ul>
    </section>`;
  }

  private problemRow(entry: Stored) {
    const { problem } = entry;
    const subject = entry.kind === "verdict" ? `item ${entry.operation.item}` : "an undo";
    const is_conflict = problem?.kind === "conflict" && entry.kind === "verdict";
    return html`<li class="problem">
      ${
        is_conflict
          ? html`<p>
              <b>${subject}</b>: you said <b>${VERB[entry.operation.answer]}</b>,
              ${problem.by ?? "somebody"} said <b>${VERB[problem.answer as keyof typeof VERB] ?? "nothing, it was undone"}</b> first.
            </p>`
          : html`<p><b>${subject}</b> was refused: ${problem?.reason || "no reason given"}</p>`
      }
      <div class="row">
        ${
          is_conflict
            ? html`<button type="button" class="btn btn-small" @click=${() => this.tell("side-force", entry)}>Mine counts</button>`
            : nothing
        }
        <button type="button" class="btn btn-small" @click=${() => this.tell("side-dismiss", entry.seq)}>
          ${is_conflict ? "Keep theirs" : "Dismiss"}
        </button>
      </div>
    </li>`;
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
