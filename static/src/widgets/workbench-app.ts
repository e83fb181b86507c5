/** The workbench: query bar, facets, grid, and the right column of cards around one session. */

import { html } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { type Mix, mixName } from "../lib/mix";
import type { Query } from "../lib/query-url";
import { countAbove, takeWeak } from "../lib/weak-labels";
import type { Filters, Term } from "../lib/wire";
import { CutLine } from "./cut-line";
import { DeckApp } from "./deck-app";
import { Examples, termOf } from "./examples";
import "./facet-panel";
import "./mix-panel";
import "./left-to-find";
import type { QueryBar } from "./query-bar";
import "./query-bar";
import type { QueryHistory } from "./query-history";
import "./query-history";
import type { Card } from "./side-card";
import "./stack-errors";
import { startState } from "./start-state";
import { unitSwitch } from "./unit-switch";
import type { WeakPanel } from "./weak-panel";
import "./weak-panel";

@customElement("sfi-workbench")
export class WorkbenchApp extends DeckApp {
  @state() private is_taking = false;
  @query("sfi-query-bar") private bar!: QueryBar;
  @query("sfi-query-history") private queries!: QueryHistory;
  @query("sfi-weak") private weak_panel!: WeakPanel | null;
  private examples!: Examples;
  private cut: CutLine | null = null;

  protected override firstUpdated(): void {
    super.firstUpdated();
    const { session, grid } = this;
    const { signal } = this.life;
    session.ranking.numSeen = () => grid.room;
    this.examples = new Examples(session, this.bar, this.frame);
    const cut = new CutLine(session, grid);
    this.cut = cut;
    session.addEventListener("ranked", () => cut.set(null), { signal });
    session.ranking.addEventListener("change", () => cut.grown(), { signal });
    grid.addEventListener("grid-carry", ((event: CustomEvent) =>
      this.examples.carried(event)) as EventListener);
    grid.addEventListener("grid-dragged", ((event: CustomEvent) =>
      this.examples.dragged(event)) as EventListener);
  }

  protected override render() {
    const { session } = this;
    const { ranking } = session;
    const is_loading = ranking.state === "loading";
    return html`
      ${this.queryBar(is_loading)}
      <aside class="workbench-left" aria-label="Filters">${unitSwitch(session)} ${this.facets()}</aside>
      <section class="workbench-middle" aria-label="Results" aria-busy=${is_loading}>
        ${this.toolbar(false)} ${startState(session)}
        <sfi-grid></sfi-grid>
      </section>
      ${this.column(this.cards())} ${this.foot()}
      <sfi-query-history
        .api=${session.api}
        .names=${session.names}
        .pictureOf=${this.pictureOf}
        .user=${session.config.user.name}
        @history-open=${(event: CustomEvent<Query>) => session.reopen(event.detail)}
        @history-closed=${() => this.grid.focus()}
      ></sfi-query-history>
    `;
  }

  /** The cards above the history; a new one is one line here. Counts are with the states, at the left. */
  private cards(): Card[] {
    const { session } = this;
    const left = html`<sfi-left-to-find .session=${session} @audit-drawn=${() => this.grid.focus()}></sfi-left-to-find>`;
    const audits: Card = { name: "left", title: "Left to find", body: left };
    const mix: Card = { name: "mix", title: "Queue", hint: mixName(session.query.mix), body: this.mix() };
    const checks = html`<sfi-stack-errors .session=${session}></sfi-stack-errors>`;
    const stacks: Card = { name: "stacks", title: "Answers by stack", body: checks };
    if (session.isViewer) return [audits, mix, stacks];
    return [audits, mix, stacks, { name: "weak", title: "Take as weak labels", body: this.weak() }];
  }

  private queryBar(is_loading: boolean) {
    const { session } = this;
    return html`<sfi-query-bar
      .terms=${session.query.terms}
      .gone=${session.trouble.gone}
      .filters=${session.query.filters}
      .misread=${session.misread}
      .names=${session.names}
      .filesLike=${this.filesLike}
      .encoder=${session.config.encoder}
      .reads_text=${session.config.reads_text ?? false}
      .has_history=${true}
      .pictureOf=${this.pictureOf}
      .busy=${is_loading}
      @query-line=${(event: CustomEvent) => this.setLine(event.detail)}
      @query-history=${() => this.queries.open()}
      @line-left=${() => this.grid.focus()}
      @query-terms=${(event: CustomEvent<Term[]>) => session.setTerms(event.detail)}
      @query-image=${(event: CustomEvent<Blob>) => this.attempt(this.examples.upload(event.detail))}
      @query-box=${(event: CustomEvent<Term>) => this.examples.drawBox(event.detail)}
    ></sfi-query-bar>`;
  }

  private mix() {
    const { session } = this;
    const { ranking } = session;
    return html`<sfi-mix
      .mix=${session.query.mix ?? null}
      .in_effect=${session.query.mix ? ranking.mix : null}
      .notes=${ranking.notes}
      .is_ready=${!session.isBrowsing}
      @mix-set=${(event: CustomEvent<Mix | null>) => session.setMix(event.detail)}
    ></sfi-mix>`;
  }

  private facets() {
    const { session } = this;
    return html`<sfi-facets
      .classes=${session.classes}
      .label_class=${session.query.class}
      .counts=${session.counts}
      .filters=${session.query.filters}
      .api=${session.api}
      .sources=${session.sources}
      @facet-term=${(event: CustomEvent<Term>) => session.addTerm(event.detail)}
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
      case "queries":
        this.queries.open();
        return true;
      case "all-matching":
        return this.allMatching();
      case "query-bar":
        this.bar.focus();
        return true;
      default:
        return false;
    }
  }

  /** An answer to what nobody has looked at is a weak label: the card for those is where it goes on. */
  private allMatching(): boolean {
    const { session, weak_panel } = this;
    if (!weak_panel?.is_ready) return false;
    session.drop();
    weak_panel.propose();
    session.say("Not all that match were on the screen: together they can be taken as weak labels");
    return true;
  }

  /** What was typed is found: the keys are about it, and no longer about the line. */
  private setLine(line: { filters: Filters; terms: Term[] }): void {
    void this.session.setLine(line);
    this.grid.focus();
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

  private readonly filesLike = async (part: string): Promise<readonly string[]> => {
    const { api } = this.session;
    const url = api.url("media_files", undefined, { search: part.replaceAll("*", ""), page_size: 12 });
    const answer = await api.get<{ results: { name: string }[] }>(url);
    return [...new Set(answer.results.map(({ name }) => name))];
  };
}
