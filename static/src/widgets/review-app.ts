/** The review page: tabs of what was answered, the grid with the keys of the workbench, weak batches and history. */

import { html, nothing } from "lit";
import { customElement } from "lit/decorators.js";
import { countText } from "../lib/format";
import { type ReviewSession, TABS, type Tab } from "../lib/review-session";
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
        ${this.toolbar(true)} ${this.empty()}
        <sfi-grid></sfi-grid>
      </section>
      ${this.column([
        {
          name: "weak-batches",
          title: "Weak batches",
          body: html`<sfi-weak-batches .session=${session}></sfi-weak-batches>`,
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

  private empty() {
    const { session } = this;
    if (session.error) {
      return html`<div class="alert start-line" data-tone="reject" role="alert">
        <p>${session.error}</p>
        <button type="button" class="btn btn-small" @click=${() => session.search()}>Try again</button>
      </div>`;
    }
    if (session.ranking.state !== "idle" || session.ranking.tiles.length || !session.ranking.isComplete)
      return nothing;
    return html`<div class="empty start-state">
      <h2>${session.label_class ? `Nothing ${session.tab} for ${session.label_class.name}` : "No class yet"}</h2>
      <p>${NOTHING[session.tab] ?? "Answer items in the workbench and they appear here."}</p>
      <a class="btn" href=${session.config.urls.workbench_page ?? ""}>Open the workbench</a>
    </div>`;
  }

  protected override perform(action: string): boolean {
    if (action === "later" || action === "accept-above" || action === "reject-below") return true; // not here
    if (!action.startsWith("class-")) return false;
    const chosen = this.session.classes[Number(action.slice(6)) - 1];
    if (chosen) this.session.relabel(chosen);
    return true;
  }
}
