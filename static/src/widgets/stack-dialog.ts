/**
 * The members of a stack, answered one by one: the exceptions to the answer of their stack. The keys of the grid come
 * by way of the deck. Events: "stack-cursor" (the Tile it is on), "stack-closed".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { GLYPH_OF } from "../lib/answers";
import { timeText } from "../lib/format";
import { layoutOf, stepped } from "../lib/grid-window";
import { hint } from "../lib/own-keys";
import type { Tile } from "../lib/wire";

const LEAST_PX = 140; // as the style sheet has them
const CAPTION_PX = 22;
const GAP_PX = 8;

@customElement("sfi-stack")
export class StackDialog extends LitElement {
  @state() private tiles: Tile[] = [];
  @state() private cursor = 0;
  @state() private title_text = "";
  @query("dialog") private dialog!: HTMLDialogElement;
  pictureOf: (item: number) => string = () => "";

  protected override createRenderRoot(): this {
    return this;
  }

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  open(tiles: Tile[], item: number): void {
    this.tiles = tiles;
    this.cursor = Math.max(
      0,
      tiles.findIndex((tile) => tile.item === item),
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

  /** Answers of the tiles have changed in place. */
  repaint(): void {
    this.requestUpdate();
  }

  protected override render() {
    return html`<dialog class="stack-dialog" aria-label="Members of the stack" @close=${this.closed}>
      <header class="frame-head">
        <b class="clip">${this.title_text}</b><span class="muted">${this.tiles.length} members</span>
        <span class="push hint">${hint(["accept", "reject", "unsure", "peek"])} · Esc closes</span>
        <button type="button" class="btn btn-small" @click=${this.close}>Close</button>
      </header>
      <div class="stack-members" role="listbox" aria-label="Members">
        ${this.tiles.map((tile, index) => this.member(tile, index))}
      </div>
    </dialog>`;
  }

  private member(tile: Tile, index: number) {
    return html`<button
      type="button"
      class="member"
      role="option"
      data-answer=${tile.answer}
      aria-selected=${index === this.cursor}
      tabindex=${index === this.cursor ? 0 : -1}
      @click=${() => this.go(index)}
    >
      <img src=${this.pictureOf(tile.item)} alt="" loading="lazy" />
      <span class="tile-glyph" ?hidden=${!tile.answer}>${GLYPH_OF[tile.answer] ?? ""}</span>
      <span class="tile-caption"
        >${tile.media_kind === "video" ? timeText(tile.pts_seconds) : tile.name}${tile.answer ? html`<i class="visually-hidden">, ${tile.answer}</i>` : nothing}</span
      >
    </button>`;
  }

  private go(index: number): void {
    this.cursor = index;
    this.tell();
    void this.updateComplete.then(() => this.focusCursor());
  }

  focusCursor(): void {
    this.querySelectorAll<HTMLElement>(".member")[this.cursor]?.focus();
  }

  private tell(): void {
    this.dispatchEvent(new CustomEvent("stack-cursor", { detail: this.tiles[this.cursor] ?? null }));
  }

  /** One step as in the grid; true: it is known, even where it leads nowhere. */
  step(action: string): boolean {
    const members = this.querySelector<HTMLElement>(".stack-members");
    if (!members) return false;
    const layout = layoutOf(members.clientWidth, LEAST_PX, CAPTION_PX, GAP_PX);
    this.go(stepped(action, this.cursor, this.tiles.length, layout, members.clientHeight));
    return true;
  }

  private readonly closed = (): void => {
    this.tiles = [];
    this.dispatchEvent(new CustomEvent("stack-closed"));
  };
}
