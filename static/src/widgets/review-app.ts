/** The review page: tabs of what was answered, the grid with the keys of the workbench, weak batches and history. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { afterPaint } from "../lib/after-paint";
import type { Batch } from "../lib/decisions";
import { agoText, countText } from "../lib/format";
import type { Stored, VerdictEntry } from "../lib/outbox-store";
import { type ReviewSession, TABS, type Tab } from "../lib/review-session";
import type { Answer } from "../lib/wire";
import "./action-bar";
import { Deck } from "./deck";
import type { FrameDialog } from "./frame-dialog";
import "./frame-dialog";
import type { HelpDialog } from "./help-dialog";
import "./help-dialog";
import type { ResultGrid } from "./result-grid";
import "./result-grid";
import "./side-panel";
import type { StackDialog } from "./stack-dialog";
import "./stack-dialog";
import "./status-bar";

interface WeakBatch {
  id: string;
  label_class: number;
  first_n: number | null;
  min_similarity: number | null;
  num_labels?: number;
  by?: string;
  created_at?: string;
  reverted_at: string | null;
}

const GLYPH: Readonly<Record<Tab, string>> = {
  accepted: "✓",
  rejected: "✕",
  weak: "~",
  unsure: "?",
  disputed: "⚑",
};
const STATE: Readonly<Record<Tab, string>> = {
  accepted: "accept",
  rejected: "reject",
  weak: "weak",
  unsure: "unsure",
  disputed: "disputed",
};

@customElement("sfi-review")
export class ReviewApp extends LitElement {
  @property({ attribute: false }) session!: ReviewSession;
  @state() private problems: Stored[] = [];
  @state() private weak: readonly WeakBatch[] = [];
  @query("sfi-grid") private grid!: ResultGrid;
  @query("sfi-frame") private frame!: FrameDialog;
  @query("sfi-stack") private stack!: StackDialog;
  @query("sfi-help") private help!: HelpDialog;
  private deck: Deck | null = null;
  private readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    const { session, grid, frame, stack, help } = this;
    const { signal } = this.life;
    this.deck = new Deck(
      session,
      { grid, frame, stack, help, perform: (action) => this.perform(action) },
      signal,
    );
    session.addEventListener(
      "change",
      afterPaint(() => this.requestUpdate()),
      { signal },
    );
    session.addEventListener("query", () => void this.loadWeak(), { signal });
    session.outbox.addEventListener("change", () => void this.loadProblems(), { signal });
    void this.loadProblems();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  protected override render() {
    const { session } = this;
    return html`
      <header class="review-head">
        <label class="review-class"
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
        </label>
        <div class="review-tabs" role="tablist" aria-label="What was answered">
          ${TABS.map((tab) => this.tabButton(tab))}
        </div>
        <a class="btn btn-small push" href=${session.config.urls.workbench_page ?? ""}>Back to finding</a>
      </header>
      <section class="workbench-middle" aria-label=${session.tab}>
        <sfi-actions .session=${session} is_review @action=${(event: CustomEvent<string>) => this.deck?.perform(event.detail)}></sfi-actions>
        ${this.empty()}
        <sfi-grid></sfi-grid>
      </section>
      <aside class="workbench-right review-side" aria-label="History">
        ${this.weakPanel()}
        <sfi-side
          .batches=${session.decisions.batches}
          .has_history=${!session.isViewer}
          .problems=${this.problems}
          .counts=${session.counts}
          .revision=${Date.now()}
          @side-undo=${(event: CustomEvent<Batch>) => session.undo(event.detail)}
          @side-redo=${(event: CustomEvent<Batch>) => session.redo(event.detail)}
          @side-force=${(event: CustomEvent<Stored>) => this.force(event.detail)}
          @side-dismiss=${(event: CustomEvent<number>) => session.outbox.dismiss(event.detail)}
        ></sfi-side>
      </aside>
      <sfi-status
        .per_minute=${session.rate.perMinute(Date.now())}
        .counts=${session.counts}
        .unsaved=${session.outbox.unsaved}
        .state=${session.outbox.state}
        .said=${session.said}
        .login_url=${session.config.urls.login ?? ""}
      ></sfi-status>
      <sfi-frame></sfi-frame>
      <sfi-stack></sfi-stack>
      <sfi-help></sfi-help>
    `;
  }

  private tabButton(tab: Tab) {
    const { counts } = this.session;
    return html`<button
      type="button"
      role="tab"
      class="review-tab"
      data-state=${STATE[tab]}
      aria-selected=${tab === this.session.tab}
      @click=${() => this.session.setTab(tab)}
    >
      <i aria-hidden="true">${GLYPH[tab]}</i> ${tab} <b class="number">${counts ? countText(counts[tab]) : "–"}</b>
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
      <p>${session.tab === "disputed" ? "Nobody disagrees." : "Answer items in the workbench and they appear here."}</p>
      <a class="btn" href=${session.config.urls.workbench_page ?? ""}>Open the workbench</a>
    </div>`;
  }

  private weakPanel() {
    const { query } = this.session;
    const shown = this.weak.filter(
      (batch) => batch.reverted_at === null && batch.label_class === query.class,
    );
    return html`<section class="panel" aria-label="Weak batches">
      <h2 class="panel-title">Weak batches</h2>
      ${
        shown.length
          ? html`<ol class="history">
              ${shown.map((batch) => this.weakRow(batch))}
            </ol>`
          : html`<p class="panel-note">Labels taken in bulk from a ranking are listed here with their origin and can be taken back.</p>`
      }
    </section>`;
  }

  private weakRow(batch: WeakBatch) {
    const origin =
      batch.first_n === null
        ? `similarity ≥ ${batch.min_similarity?.toFixed(3)}`
        : `first ${countText(batch.first_n)}`;
    const count = batch.num_labels;
    const when = batch.created_at ? agoText(Date.parse(batch.created_at), Date.now()) : "";
    return html`<li class="batch" data-state="weak">
      <span class="batch-glyph" aria-hidden="true">~</span>
      <span class="batch-what"
        >${count === undefined ? nothing : html`<b>${countText(count)}</b> weak `}<small>${[origin, batch.by, when].filter(Boolean).join(" · ")}</small></span
      >
      ${
        this.session.isViewer
          ? nothing
          : html`<button type="button" class="btn btn-small" @click=${() => this.revert(batch)}>Revert</button>`
      }
    </li>`;
  }

  private perform(action: string): boolean {
    if (action === "later" || action === "accept-above" || action === "reject-below") return true; // not here
    if (!action.startsWith("class-")) return false;
    const chosen = this.session.classes[Number(action.slice(6)) - 1];
    if (chosen) void this.session.setClass(chosen.id);
    return true;
  }

  private async revert(batch: WeakBatch): Promise<void> {
    const { session } = this;
    try {
      await session.api.post(session.api.url("weak_revert", batch.id), {});
      session.say("Weak batch taken back");
      await session.reload();
    } catch (error) {
      session.fail(error);
    }
  }

  private async loadWeak(): Promise<void> {
    const { api, query } = this.session;
    if (query.class === null) return;
    type Answer = WeakBatch[] | { results: WeakBatch[] };
    const said = await api
      .get<Answer>(api.url("weak", undefined, { class: query.class }))
      .catch(() => [] as WeakBatch[]);
    this.weak = Array.isArray(said) ? said : said.results;
  }

  private async loadProblems(): Promise<void> {
    this.problems = await this.session.outbox.problems();
    this.requestUpdate();
  }

  private async force(entry: Stored): Promise<void> {
    const { operation, problem } = entry as VerdictEntry & Stored;
    await this.session.outbox.dismiss(entry.seq);
    this.session.force(
      operation,
      problem?.version ?? operation.base_version,
      (problem?.answer ?? "") as Answer | "",
    );
  }
}
