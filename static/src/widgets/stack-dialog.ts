/**
 * The members of a stack, answered one by one or a range at a time: the exceptions to the answer of their stack. Members
 * answered alike with one key leave it together. The keys of the grid come by way of the deck.
 * Events: "stack-cursor" (the Tile it is on), "stack-action" (what a button does that stands for a key), "stack-closed".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { GLYPH_OF, PARTICIPLE_OF } from "../lib/answers";
import { countText, timeText } from "../lib/format";
import { layoutOf, stepped } from "../lib/grid-window";
import { hint, keymap } from "../lib/own-keys";
import { rangeOf, Selection } from "../lib/selection";
import type { Answer, Tile } from "../lib/wire";
import { answerButtons } from "./answer-buttons";

const LEAST_PX = 140; // as the style sheet has them
const CAPTION_PX = 22;
const GAP_PX = 8;

interface Armed {
  answer: Answer;
  indexes: ReadonlySet<number>;
}

@customElement("sfi-stack")
export class StackDialog extends LitElement {
  @state() private tiles: Tile[] = [];
  @state() private title_text = "";
  @state() private armed: Armed | null = null; // waits for Enter
  @query("dialog") private dialog!: HTMLDialogElement;
  private readonly selection = new Selection();
  pictureOf: (item: number) => string = () => "";
  canAnswer: () => boolean = () => false;

  protected override createRenderRoot(): this {
    return this;
  }

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  open(tiles: Tile[], item: number): void {
    this.tiles = tiles;
    this.armed = null;
    this.selection.reset();
    this.selection.move(
      Math.max(
        0,
        tiles.findIndex((tile) => tile.item === item),
      ),
      false,
      tiles.length,
    );
    this.title_text = tiles[0]?.name ?? "";
    this.tell();
    void this.updateComplete.then(() => {
      if (!this.dialog.open) this.dialog.showModal();
      this.focusCursor();
    });
  }

  close(): void {
    this.dialog?.close();
  }

  /** Answers have changed: of the tiles in place, and as `overlay` knows them. */
  repaint(overlay?: (tile: Tile) => Tile): void {
    if (overlay) this.tiles.forEach(overlay);
    this.requestUpdate();
  }

  /** The chosen members, or the one at the cursor. */
  get targets(): Tile[] {
    return this.at(this.selection.targets(this.tiles.length));
  }

  /** Lights up the members to the first, or to the last: the stack is split here. */
  arm(answer: Answer, is_above: boolean): void {
    const indexes = rangeOf(this.selection.cursor, is_above ? 0 : this.tiles.length - 1);
    this.armed = { answer, indexes: new Set(indexes) };
  }

  /** What was lit up, which is over; null where nothing was. */
  take(): { answer: Answer; tiles: Tile[] } | null {
    const { armed } = this;
    this.armed = null;
    return (
      armed && { answer: armed.answer, tiles: this.at([...armed.indexes].sort((one, other) => one - other)) }
    );
  }

  private at(indexes: readonly number[]): Tile[] {
    return indexes.flatMap((index) => this.tiles[index] ?? []);
  }

  protected override render() {
    return html`<dialog class="stack-dialog" aria-label="Members of the stack" @close=${this.closed} @cancel=${this.cancel}>
      <header class="frame-head">
        <b class="clip">${this.title_text}</b><span class="muted">${this.tiles.length} members</span>
        <span class="push hint" role="status">${this.says()}</span>
        <button type="button" class="btn btn-small" @click=${this.close}>Close</button>
      </header>
      <div class="stack-members" role="listbox" aria-multiselectable="true" aria-label="Members">
        ${this.tiles.map((tile, index) => this.member(tile, index))}
      </div>
      ${this.canAnswer() ? html`<footer class="dialog-foot" role="toolbar" aria-label="Answers">${answerButtons(this.act)}</footer>` : nothing}
      <p class="stack-note">
        A member answered otherwise than its stack leaves it; those answered with one key leave it together. Shift and arrows choose
        several, <kbd>${keymap.shown("accept-above")}</kbd> and <kbd>${keymap.shown("reject-below")}</kbd> light up all before or all behind: the stack is split there.
      </p>
    </dialog>`;
  }

  private says(): string {
    const { armed } = this;
    if (armed) return `${countText(armed.indexes.size)} to ${armed.answer}: Enter applies, Esc drops`;
    const { size } = this.selection.chosen;
    return size
      ? `${countText(size)} chosen · Esc drops`
      : `${hint(["accept", "reject", "unsure", "peek"])} · Esc closes`;
  }

  private member(tile: Tile, index: number) {
    const { cursor, chosen } = this.selection;
    const lit = this.armed?.indexes.has(index) ? this.armed.answer : "";
    const by_stack = tile.answer !== "" && tile.is_derived === true;
    const said = tile.answer
      ? `, ${PARTICIPLE_OF[tile.answer]}${by_stack ? " by its stack" : ""}`
      : ", undecided";
    return html`<button
      type="button"
      class="member"
      role="option"
      data-answer=${lit || tile.answer}
      data-lit=${lit || nothing}
      aria-selected=${index === cursor || chosen.has(index)}
      ?data-cursor=${index === cursor}
      ?data-chosen=${chosen.has(index)}
      tabindex=${index === cursor ? 0 : -1}
      @click=${(event: MouseEvent) => this.press(index, event)}
    >
      <img src=${this.pictureOf(tile.item)} alt="" loading="lazy" />
      <span class="tile-glyph" ?hidden=${!tile.answer && !lit}>${GLYPH_OF[lit || tile.answer] ?? ""}</span>
      <span class="tile-caption"
        >${tile.media_kind === "video" ? timeText(tile.pts_seconds) : tile.name}<i class="visually-hidden">${said}</i>${by_stack ? html`<small class="member-mark" aria-hidden="true">by stack</small>` : nothing}</span
      >
    </button>`;
  }

  private press(index: number, { shiftKey, ctrlKey, metaKey }: MouseEvent): void {
    if (ctrlKey || metaKey) this.selection.toggle(index);
    else this.selection.move(index, shiftKey, this.tiles.length);
    this.moved();
  }

  private moved(): void {
    this.armed = null;
    this.tell();
    this.requestUpdate();
    void this.updateComplete.then(() => this.focusCursor());
  }

  focusCursor(): void {
    this.querySelectorAll<HTMLElement>(".member")[this.selection.cursor]?.focus();
  }

  private tell(): void {
    this.dispatchEvent(
      new CustomEvent("stack-cursor", { detail: this.tiles[this.selection.cursor] ?? null }),
    );
  }

  /** One step as in the grid, choosing on the way where it extends; true: it is known, even where it leads nowhere. */
  step(action: string): boolean {
    const members = this.querySelector<HTMLElement>(".stack-members");
    if (!members) return false;
    const step = action.replace("extend-", "");
    const { tiles, selection } = this;
    const layout = layoutOf(members.clientWidth, LEAST_PX, CAPTION_PX, GAP_PX);
    selection.move(
      stepped(step, selection.cursor, tiles.length, layout, members.clientHeight),
      step !== action,
      tiles.length,
    );
    this.moved();
    return true;
  }

  /** On to the next member behind the chosen ones, none of which is chosen any more. */
  moveOn(): void {
    const { tiles, selection } = this;
    const last = Math.max(selection.cursor, ...selection.chosen);
    selection.move(last + 1, false, tiles.length);
    this.moved();
  }

  /** True where something was lit up or chosen, which is over. */
  drop(): boolean {
    const has_any = this.armed !== null || this.selection.chosen.size > 0;
    this.selection.clear();
    this.armed = null;
    this.requestUpdate();
    return has_any;
  }

  private readonly act = (action: string): void => {
    this.dispatchEvent(new CustomEvent("stack-action", { detail: action }));
  };

  /** Esc drops first and closes then. */
  private readonly cancel = (event: Event): void => {
    if (this.drop()) event.preventDefault();
  };

  private readonly closed = (): void => {
    this.tiles = [];
    this.armed = null;
    this.dispatchEvent(new CustomEvent("stack-closed"));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-stack": StackDialog;
  }
}
