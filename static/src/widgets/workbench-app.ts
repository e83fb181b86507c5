/** The workbench: query bar, facets, grid, and the right column of cards around one session. */

import { html } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { countAbove, takeWeak } from "../lib/weak-labels";
import type { Filters, Term } from "../lib/wire";
import { CutLine } from "./cut-line";
import { DeckApp } from "./deck-app";
import { Examples, termOf } from "./examples";
import { type Choice, readSources } from "./facet-panel";
import "./facet-panel";
import "./left-to-find";
import type { QueryBar } from "./query-bar";
import "./query-bar";
import type { Card } from "./side-card";
import { startState } from "./start-state";
import "./weak-panel";

@customElement("sfi-workbench")
export class WorkbenchApp extends DeckApp {
  @state() private sources: readonly Choice[] = [];
  @state() private is_taking = false;
  @query("sfi-query-bar") private bar!: QueryBar;
  private examples!: Examples;
  private cut: CutLine | null = null;

  protected override firstUpdated(): void {
    super.firstUpdated();
    const { session, grid } = this;
    const { signal } = this.life;
    this.examples = new Examples(session, this.bar, this.frame);
    const cut = new CutLine(session, grid);
    this.cut = cut;
    session.addEventListener("ranked", () => cut.set(null), { signal });
    grid.addEventListener("grid-carry", ((event: CustomEvent) =>
      this.examples.carried(event)) as EventListener);
    grid.addEventListener("grid-dragged", ((event: CustomEvent) =>
      this.examples.dragged(event)) as EventListener);
    void this.loadChoices();
  }

  protected override render() {
    const { session } = this;
    const { ranking } = session;
    const is_loading = ranking.state === "loading";
    return html`
      ${this.queryBar(is_loading)}
      <aside class="workbench-left" aria-label="Filters">${this.facets()}</aside>
      <section class="workbench-middle" aria-label="Results" aria-busy=${is_loading}>
        ${this.toolbar(false)} ${startState(session)}
        <sfi-grid></sfi-grid>
      </section>
      ${this.column(this.cards())} ${this.foot()}
    `;
  }

  /** The cards between the counters and the history; a new one is one line here. */
  private cards(): Card[] {
    const { session } = this;
    const left = html`<sfi-left-to-find .session=${session}></sfi-left-to-find>`;
    const audits: Card = { name: "left", title: "Left to find", body: left };
    if (session.isViewer) return [audits];
    return [audits, { name: "weak", title: "Take as weak labels", body: this.weak() }];
  }

  private queryBar(is_loading: boolean) {
    const { session } = this;
    return html`<sfi-query-bar
      .terms=${session.query.terms}
      .pictureOf=${this.pictureOf}
      .busy=${is_loading}
      @query-terms=${(event: CustomEvent<Term[]>) => session.setTerms(event.detail)}
      @query-image=${(event: CustomEvent<Blob>) => this.attempt(this.examples.upload(event.detail))}
      @query-box=${(event: CustomEvent<Term>) => this.examples.drawBox(event.detail)}
    ></sfi-query-bar>`;
  }

  private facets() {
    const { session } = this;
    return html`<sfi-facets
      .classes=${session.classes}
      .label_class=${session.query.class}
      .counts=${session.counts}
      .filters=${session.query.filters}
      .api=${session.api}
      .sources=${this.sources}
      .can_create=${session.config.role === "manager"}
      .is_browsing=${session.isBrowsing}
      @facet-class=${(event: CustomEvent<number>) => session.setClass(event.detail)}
      @facet-create=${(event: CustomEvent<string>) => this.attempt(session.createClass(event.detail))}
      @facet-filters=${(event: CustomEvent<Filters>) => session.setFilters(event.detail)}
    ></sfi-facets>`;
  }

  private weak() {
    const { session } = this;
    const { ranking } = session;
    return html`<sfi-weak
      .similarity=${this.cut?.similarity ?? null}
      .total=${ranking.total}
      .countAbove=${(similarity: number) => countAbove(session, similarity)}
      .is_ready=${session.canAnswer && !session.isBrowsing && ranking.round !== null}
      .is_busy=${this.is_taking}
      @weak-take=${(event: CustomEvent) => this.taking(takeWeak(session, event.detail))}
      @weak-cut=${(event: CustomEvent<number | null>) => this.moveCut((cut) => cut.above(event.detail))}
    ></sfi-weak>`;
  }

  protected override perform(action: string): boolean {
    const { session } = this;
    const tile = session.current;
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
        this.examples.add(action === "add-positive" ? 1 : -1);
        return true;
      case "draw-box":
        if (tile) this.examples.drawBox(termOf(tile, 1));
        return true;
      case "apply-ranking":
        void session.better.apply();
        return true;
      case "cut-lower":
      case "cut-raise":
        this.moveCut((cut) => cut.move(action === "cut-lower" ? 1 : -1));
        return true;
      case "query-bar":
        this.bar.focus();
        return true;
      default:
        return false;
    }
  }

  private moveCut(move: (cut: CutLine) => void): void {
    if (!this.cut) return;
    move(this.cut);
    this.requestUpdate();
  }

  protected override boxed(drawn: { term: Term; box: Term["box"] }): void {
    this.examples.boxed(drawn);
  }

  private readonly pictureOf = (term: Term): string => {
    const { api } = this.session;
    return term.kind === "image" ? api.url("query_image", term.image) : api.url("item_thumbnail", term.item);
  };

  private async taking(work: Promise<void>): Promise<void> {
    this.is_taking = true;
    await this.attempt(work);
    this.is_taking = false;
  }

  private async loadChoices(): Promise<void> {
    this.sources = await readSources(this.session.api).catch(() => []);
  }
}
