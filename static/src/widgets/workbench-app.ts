/** The workbench: query bar, facets, grid, history and weak labels around one session. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { afterPaint } from "../lib/after-paint";
import type { Batch } from "../lib/decisions";
import type { Stored, VerdictEntry } from "../lib/outbox-store";
import type { Session } from "../lib/session";
import type { Answer, Filters, Term, Tile } from "../lib/wire";
import "./action-bar";
import { Deck } from "./deck";
import { type Choice, readSources } from "./facet-panel";
import "./facet-panel";
import type { FrameDialog } from "./frame-dialog";
import "./frame-dialog";
import type { HelpDialog } from "./help-dialog";
import "./help-dialog";
import type { QueryBar } from "./query-bar";
import "./query-bar";
import type { ResultGrid } from "./result-grid";
import "./result-grid";
import "./side-panel";
import type { StackDialog } from "./stack-dialog";
import "./stack-dialog";
import { startState } from "./start-state";
import "./status-bar";
import type { Take } from "./weak-panel";
import "./weak-panel";

@customElement("sfi-workbench")
export class WorkbenchApp extends LitElement {
  @property({ attribute: false }) session!: Session;
  @state() private problems: Stored[] = [];
  @state() private sources: readonly Choice[] = [];
  @state() private cut: number | null = null;
  @state() private is_taking = false;
  @query("sfi-grid") private grid!: ResultGrid;
  @query("sfi-query-bar") private bar!: QueryBar;
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
    const perform = (action: string) => this.perform(action);
    this.deck = new Deck(session, { grid, frame, stack, help, perform }, signal);
    session.addEventListener(
      "change",
      afterPaint(() => this.requestUpdate()),
      { signal },
    );
    session.addEventListener("ranked", () => this.cutAt(null), { signal });
    session.outbox.addEventListener("change", () => void this.loadProblems(), { signal });
    grid.addEventListener("grid-carry", ((event: CustomEvent) => this.carried(event)) as EventListener);
    grid.addEventListener("grid-dragged", ((event: CustomEvent) => this.dragged(event)) as EventListener);
    void this.loadProblems();
    void this.loadChoices();
    this.setInterval();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  /** The pace and the ages in the history change with time alone. */
  private setInterval(): void {
    const timer = setInterval(() => this.requestUpdate(), 5000);
    this.life.signal.addEventListener("abort", () => clearInterval(timer));
  }

  protected override render() {
    const { session } = this;
    const { ranking, query } = session;
    const ready = session.canAnswer && !session.isBrowsing && ranking.round !== null;
    return html`
      <sfi-query-bar
        .terms=${query.terms}
        .pictureOf=${this.pictureOf}
        .busy=${ranking.state === "loading"}
        @query-terms=${(event: CustomEvent<Term[]>) => session.setTerms(event.detail)}
        @query-image=${(event: CustomEvent<Blob>) => this.upload(event.detail)}
        @query-box=${(event: CustomEvent<Term>) => this.drawBox(event.detail)}
      ></sfi-query-bar>
      <aside class="workbench-left" aria-label="Filters">
        <sfi-facets
          .classes=${session.classes}
          .label_class=${query.class}
          .counts=${session.counts}
          .filters=${query.filters}
          .api=${session.api}
          .sources=${this.sources}
          .can_create=${session.config.role === "manager"}
          .is_browsing=${session.isBrowsing}
          @facet-class=${(event: CustomEvent<number>) => session.setClass(event.detail)}
          @facet-create=${(event: CustomEvent<string>) => this.attempt(session.createClass(event.detail))}
          @facet-filters=${(event: CustomEvent<Filters>) => session.setFilters(event.detail)}
        ></sfi-facets>
      </aside>
      <section class="workbench-middle" aria-label="Results" aria-busy=${ranking.state === "loading"}>
        <sfi-actions .session=${session} @action=${(event: CustomEvent<string>) => this.deck?.perform(event.detail)}></sfi-actions>
        ${startState(session)}
        <sfi-grid></sfi-grid>
      </section>
      <aside class="workbench-right" aria-label="History">
        ${session.isViewer ? nothing : this.weak(ready)}
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
        .round_ms=${session.round_ms}
        .encoder=${ranking.encoder || (session.config.encoder ?? "")}
        .blend=${query.mode === "learned" ? ranking.blend : null}
        .said=${session.said}
        .login_url=${session.config.urls.login ?? ""}
      ></sfi-status>
      <sfi-frame @frame-box=${(event: CustomEvent) => this.boxed(event.detail)}></sfi-frame>
      <sfi-stack></sfi-stack>
      <sfi-help></sfi-help>
    `;
  }

  private weak(is_ready: boolean) {
    const { session } = this;
    const { ranking } = session;
    return html`<sfi-weak
      .similarity=${this.cut === null ? null : (ranking.tiles[this.cut - 1]?.similarity ?? null)}
      .total=${ranking.total}
      .countAbove=${(similarity: number) => this.countAbove(similarity)}
      .is_ready=${is_ready}
      .is_busy=${this.is_taking}
      @weak-take=${(event: CustomEvent<Take>) => this.attempt(this.takeWeak(event.detail))}
      @weak-cut=${(event: CustomEvent<number | null>) => this.cutAbove(event.detail)}
    ></sfi-weak>`;
  }

  /** What only the workbench does with a key. */
  private perform(action: string): boolean {
    const { session } = this;
    const tile = session.ranking.tiles[session.selection.cursor];
    if (action.startsWith("class-")) {
      const chosen = session.classes[Number(action.slice(6)) - 1];
      if (chosen) void session.setClass(chosen.id);
      return true;
    }
    switch (action) {
      case "picked":
      case "apply":
        if (action === "apply" && session.armed) return false;
        if (session.isBrowsing && tile) void session.beginWith(termOf(tile, 1));
        return true;
      case "add-positive":
      case "add-negative":
        this.addTerms(action === "add-positive" ? 1 : -1);
        return true;
      case "draw-box":
        if (tile) this.drawBox(termOf(tile, 1));
        return true;
      case "apply-ranking":
        void session.applyBetter();
        return true;
      case "cut-lower":
      case "cut-raise":
        this.moveCut(action === "cut-lower" ? 1 : -1);
        return true;
      case "query-bar":
        this.bar.focus();
        return true;
      default:
        return false;
    }
  }

  private addTerms(weight: number): void {
    const { session } = this;
    const tiles = session.targets();
    if (!tiles.length) return;
    const added = tiles.map((tile) => termOf(tile, weight));
    const others = session.query.terms.filter(
      (term) => !added.some((each) => each.item === term.item && !term.box),
    );
    void session.setTerms([...others, ...added]);
  }

  private drawBox(term: Term): void {
    const { api, ranking } = this.session;
    if (term.kind === "image") {
      this.frame.open({ url: api.url("query_image", term.image), tile: null, term });
    } else
      this.frame.open({
        url: api.url("item_frame", term.item),
        tile: ranking.find(term.item ?? 0) ?? null,
        term,
      });
  }

  /** A box takes the place of the whole picture it was drawn on. */
  private boxed({ term, box }: { term: Term; box: Term["box"] }): void {
    const { session } = this;
    const others = session.query.terms.filter((other) => other !== term);
    void session.setTerms([...others, { ...term, box }]);
  }

  private async upload(image: Blob): Promise<void> {
    const { session } = this;
    await this.attempt(
      session.api
        .post<{ id: string }>(session.api.url("query_images"), image)
        .then(({ id }) => session.addTerm({ kind: "image", image: id, box: null, weight: 1 })),
    );
  }

  private readonly pictureOf = (term: Term): string => {
    const { api } = this.session;
    return term.kind === "image" ? api.url("query_image", term.image) : api.url("item_thumbnail", term.item);
  };

  private carried(event: CustomEvent<{ x: number; y: number; is_outside: boolean } | null>): void {
    this.bar.target = event.detail?.is_outside === true && this.isOverBar(event.detail);
  }

  private dragged(event: CustomEvent<{ tile: Tile; x: number; y: number }>): void {
    if (this.isOverBar(event.detail)) void this.session.addTerm(termOf(event.detail.tile, 1));
  }

  private isOverBar({ x, y }: { x: number; y: number }): boolean {
    return this.bar.contains(document.elementFromPoint(x, y));
  }

  /** The cut line moves by whole rows; it begins below the row of the cursor. */
  private moveCut(rows: number): void {
    const { columns } = this.grid.layout;
    const length = this.session.ranking.tiles.length;
    const row =
      this.cut === null
        ? Math.floor(this.session.selection.cursor / columns)
        : Math.round(this.cut / columns) - 1;
    const to = Math.max(columns, Math.min(length, (row + 1 + (this.cut === null ? 0 : rows)) * columns));
    this.cutAt(this.session.isBrowsing ? null : to);
  }

  private cutAbove(similarity: number | null): void {
    if (similarity === null) {
      this.cutAt(null);
      return;
    }
    const { tiles } = this.session.ranking;
    const below = tiles.findIndex((tile) => (tile.similarity ?? 0) < similarity);
    this.cutAt(below < 0 ? tiles.length : below);
  }

  private cutAt(index: number | null): void {
    this.cut = index;
    this.grid.cut = index;
    this.grid.repaint();
  }

  private async countAbove(similarity: number): Promise<number> {
    const { tiles, isComplete } = this.session.ranking;
    const below = tiles.findIndex((tile) => (tile.similarity ?? 0) < similarity);
    if (below >= 0 || isComplete) return below < 0 ? tiles.length : below;
    return this.session.countAbove(similarity);
  }

  private async takeWeak(take: Take): Promise<void> {
    this.is_taking = true;
    try {
      await this.session.takeWeak(take);
    } finally {
      this.is_taking = false;
    }
  }

  private async loadProblems(): Promise<void> {
    this.problems = await this.session.outbox.problems();
    this.requestUpdate();
  }

  /** Said against what somebody else said first; both stay in the ledger. */
  private async force(entry: Stored): Promise<void> {
    const { operation, problem } = entry as VerdictEntry & Stored;
    await this.session.outbox.dismiss(entry.seq);
    this.session.force(
      operation,
      problem?.version ?? operation.base_version,
      (problem?.answer ?? "") as Answer | "",
    );
  }

  private async loadChoices(): Promise<void> {
    this.sources = await readSources(this.session.api).catch(() => []);
  }

  private async attempt(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => this.session.fail(error));
  }
}

function termOf(tile: Tile, weight: number): Term {
  return { kind: "item", item: tile.item, box: null, weight };
}
