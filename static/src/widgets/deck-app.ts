/** What the workbench and the review page have in common: grid, dialogs, keys, history, status line, and their session. */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";
import { afterPaint } from "../lib/after-paint";
import type { Batch } from "../lib/batches";
import { tileOf } from "../lib/members";
import type { Stored, VerdictEntry } from "../lib/outbox-store";
import type { Session } from "../lib/session";
import type { Answer, Box, Term, Tile } from "../lib/wire";
import "./action-bar";
import { Deck } from "./deck";
import type { FrameDialog } from "./frame-dialog";
import "./frame-dialog";
import type { HelpDialog } from "./help-dialog";
import "./help-dialog";
import "./history-list";
import { problemList } from "./problem-list";
import type { ResultGrid } from "./result-grid";
import "./result-grid";
import { type Card, sideCard } from "./side-card";
import type { StackDialog } from "./stack-dialog";
import "./stack-dialog";
import "./status-bar";

const TICK_MS = 5000; // the pace and the ages in the history change with time alone

export abstract class DeckApp<S extends Session = Session> extends LitElement {
  @property({ attribute: false }) session!: S;
  @state() private problems: Stored[] = [];
  @query("sfi-grid") protected grid!: ResultGrid;
  @query("sfi-frame") protected frame!: FrameDialog;
  @query("sfi-stack") private stack!: StackDialog;
  @query("sfi-help") private help!: HelpDialog;
  protected deck: Deck | null = null;
  protected readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected readonly can_search: boolean = true;

  /** What only this page does with a key; true when it knew the action. */
  protected abstract perform(action: string): boolean;

  protected override firstUpdated(): void {
    const { session, grid, frame, stack, help } = this;
    const { signal } = this.life;
    const perform = (action: string) => this.perform(action);
    this.deck = new Deck(session, { grid, frame, stack, help, perform }, signal);
    const refresh = afterPaint(() => this.requestUpdate());
    session.addEventListener("change", refresh, { signal });
    session.outbox.addEventListener("change", () => void this.loadProblems(), { signal });
    void this.loadProblems();
    const timer = setInterval(() => this.requestUpdate(), TICK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  /** The right column, top to bottom: the page's own cards, then the history. */
  protected column(own: readonly Card[]): TemplateResult {
    const { session } = this;
    const cards: Card[] = [...own];
    if (!session.isViewer)
      cards.push({ name: "history", title: "History", grows: true, body: this.history() });
    return html`<aside class="workbench-right" aria-label="Cards and history">
      ${this.problems.length ? this.problemPanel() : nothing} ${cards.map(sideCard)}
    </aside>`;
  }

  private history(): TemplateResult {
    const { session } = this;
    return html`<sfi-history
      .batches=${session.decisions.batches}
      .revision=${Date.now()}
      .pictureOf=${this.pictureOfItem}
      @history-undo=${(event: CustomEvent<Batch>) => session.undo(event.detail)}
      @history-redo=${(event: CustomEvent<Batch>) => session.redo(event.detail)}
    ></sfi-history>`;
  }

  private readonly pictureOfItem = (item: number): string =>
    this.deck?.thumbnails.get(item) ?? this.session.api.url("item_thumbnail", item);

  private problemPanel(): TemplateResult {
    return problemList(this.problems, {
      nameOf: (item) => this.session.ranking.find(item)?.name ?? `item ${item}`,
      force: (entry) => void this.force(entry),
      again: (entries) => this.session.refusals.again(entries),
      dismiss: (entries) => void this.session.outbox.dismiss(...entries.map(({ seq }) => seq)),
    });
  }

  protected toolbar(is_review: boolean): TemplateResult {
    return html`<sfi-actions
      .session=${this.session}
      ?is_review=${is_review}
      @action=${(event: CustomEvent<string>) => this.deck?.perform(event.detail)}
    ></sfi-actions>`;
  }

  /** The line at the bottom and the dialogs: the end of either page. */
  protected foot(): TemplateResult {
    const { session } = this;
    return html`<sfi-status .session=${session} .num_problems=${this.problems.length} .revision=${Date.now()}></sfi-status>
      <sfi-frame
        .can_search=${this.can_search}
        .canAccept=${() => session.canAnswer}
        @frame-box=${(event: CustomEvent) => this.boxed(event.detail)}
        @frame-accept=${(event: CustomEvent) => this.attempt(this.acceptBox(event.detail))}
      ></sfi-frame>
      <sfi-stack></sfi-stack>
      <sfi-help></sfi-help>`;
  }

  /** A box was drawn in the frame dialog; a page that does not search has no use for one. */
  protected boxed(_drawn: unknown): void {}

  /** What is in the box is an item of its own from now on, and accepted; the frame is answered for itself. */
  private async acceptBox({ term, box }: { term: Term; box: Box }): Promise<void> {
    const { session } = this;
    const asked = { item: term.item, box, class: session.query.class };
    const made = await session.api.post<{ tile: Tile }>(session.api.url("boxes"), asked);
    const tile = { ...tileOf(made.tile, session.api), rank: null };
    if (tile.answer !== "accept") session.answerAside(tile, "accept");
    this.frame.accepted();
  }

  private async loadProblems(): Promise<void> {
    this.problems = await this.session.outbox.problems();
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

  protected async attempt(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => this.session.fail(error));
  }
}
