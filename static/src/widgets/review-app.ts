/** The review page: tabs of what was answered, the grid with the keys of the workbench, weak batches and history. */

import { html, nothing } from "lit";
import { customElement } from "lit/decorators.js";
import { partOf } from "../lib/box";
import { countText } from "../lib/format";
import { type ReviewSession, TABS, type Tab } from "../lib/review-session";
import { counters } from "./counters";
import { DeckApp } from "./deck-app";
import "./weak-batches";

const GLYPH: Readonly<Record<Tab, string>> = {
  accepted: "✓",
  rejected: "✕",
  weak: "~",
  unsure: "?",
  disputed: "⚑",
  suspect: "!",
};
const STATE: Readonly<Record<Tab, string>> = {
  accepted: "accept",
  rejected: "reject",
  weak: "weak",
  unsure: "unsure",
  disputed: "disputed",
  suspect: "suspect",
};
const NOTHING: Partial<Record<Tab, string>> = {
  disputed: "Nobody disagrees.",
  suspect: "The answers do not contradict each other, or there are too few to compare.",
};

@customElement("sfi-review")
export class ReviewApp extends DeckApp<ReviewSession> {
  protected override render() {
    const { session } = this;
    return html`
      <header class="review-head">
        ${this.classSelect()}
        <div class="review-tabs" role="tablist" aria-label="What was answered">
          ${TABS.filter((tab) => tab !== "suspect" || session.config.urls.label_errors).map((tab) => this.tabButton(tab))}
        </div>
        ${session.isViewer ? nothing : this.reasonField()}
        <a class="btn btn-small push" href=${session.config.urls.workbench_page ?? ""}>Back to finding</a>
      </header>
      <section class="workbench-middle" aria-label=${session.tab} aria-busy=${session.ranking.state === "loading"}>
        ${this.toolbar(true)} ${this.about()} ${this.empty()}
        <sfi-grid></sfi-grid>
      </section>
      ${this.column([
        { name: "so-far", title: "So far", body: counters(session.counts) },
        {
          name: "weak-batches",
          title: "Weak batches",
          body: html`<sfi-weak-batches .session=${session} @audit-drawn=${() => this.grid.focus()}></sfi-weak-batches>`,
        },
      ])}
      ${this.foot()}
    `;
  }

  private classSelect() {
    const { session } = this;
    return html`<label class="review-class"
      >Class
      <select
        class="select select-small"
        @change=${(event: Event) => session.setClass(Number((event.target as HTMLSelectElement).value))}
      >
        ${session.classes.map(
          (each, index) =>
            html`<option value=${each.id} ?selected=${each.id === session.query.class}>
              ${index < 9 ? `${index + 1}  ` : ""}${each.name}
            </option>`,
        )}
      </select>
    </label>`;
  }

  /** Why an answer is changed: kept in the ledger with it. */
  private reasonField() {
    const { session } = this;
    return html`<label class="review-reason"
      >Reason
      <input
        type="text"
        maxlength="500"
        placeholder="optional, goes with each answer"
        .value=${session.reason}
        @input=${(event: Event) => {
          session.reason = (event.target as HTMLInputElement).value.trim();
        }}
      />
    </label>`;
  }

  private tabButton(tab: Tab) {
    const { counts } = this.session;
    return html`<button
      type="button"
      role="tab"
      class="review-tab"
      data-state=${STATE[tab]}
      title=${tab === "suspect" ? "Answers that the other answers contradict, most likely wrong first" : ""}
      aria-selected=${tab === this.session.tab}
      @click=${() => this.session.setTab(tab)}
    >
      <i aria-hidden="true">${GLYPH[tab]}</i> ${tab} ${tab === "suspect" ? nothing : html`<b class="number">${counts ? countText(counts[tab]) : "–"}</b>`}
    </button>`;
  }

  /** What the suspects are, and what a key does to them. */
  private about() {
    const { suspects, tab, isViewer } = this.session;
    if (tab !== "suspect" || !suspects || suspects.note) return nothing;
    const { num_judged, num_likely, num_reviewed } = suspects;
    return html`<p class="start-line review-about">
      <b class="number">${countText(num_likely)}</b> of <b class="number">${countText(num_judged)}</b> answers are
      contradicted by the others; those come first.
      ${isViewer ? nothing : html`Answer again: the same answer confirms, another corrects, and neither is listed any more.`}
      ${num_reviewed ? html`<b class="number">${countText(num_reviewed)}</b> were looked at in review.` : nothing}
    </p>`;
  }

  private empty() {
    const { session } = this;
    if (session.error) {
      return html`<div class="alert start-line ${session.ranking.tiles.length ? "start-over" : ""}" data-tone="reject" role="alert">
        <p>${session.error}</p>
        <button type="button" class="btn btn-small" @click=${() => session.search()}>Try again</button>
      </div>`;
    }
    if (session.ranking.state !== "idle" || session.ranking.tiles.length || !session.ranking.isComplete)
      return nothing;
    return html`<div class="empty start-state">
      <h2>${session.label_class ? `Nothing ${session.tab} for ${session.label_class.name}` : "No class yet"}</h2>
      <p>${this.why() ?? "Answer items in the workbench and they appear here."}</p>
      <a class="btn" href=${session.config.urls.workbench_page ?? ""}>Open the workbench</a>
    </div>`;
  }

  private why(): string | undefined {
    const { tab, suspects } = this.session;
    return (tab === "suspect" && suspects?.note) || NOTHING[tab];
  }

  protected override readonly can_search = false;

  /** On the part that the answer was about, where that is known: it becomes a box of its own. */
  private drawBox(): boolean {
    const { session } = this;
    const tile = session.current;
    if (!tile || tile.kind === "clip") return true;
    const term = { kind: "item" as const, item: tile.item, box: null, weight: 1 };
    const url = session.api.url("item_frame", tile.item);
    this.frame.open({ url, tile, term, start: partOf(tile) });
    return true;
  }

  protected override perform(action: string): boolean {
    if (action === "later" || action === "accept-above" || action === "reject-below") return true; // not here
    if (action === "draw-box") return this.drawBox();
    if (!action.startsWith("class-")) return false;
    const chosen = this.session.classes[Number(action.slice(6)) - 1];
    if (chosen) this.session.relabel(chosen);
    return true;
  }
}
