/**
 * The members of a stack, answered one by one: the exceptions to the answer of their stack. The same keys as in the
 * grid. Events: "stack-answer" ({tile, answer}), "stack-closed".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { GLYPH_OF, isAnswer } from "../lib/answers";
import { timeText } from "../lib/format";
import { layoutOf, stepped } from "../lib/grid-window";
import { actionOf } from "../lib/keymap";
import type { Tile } from "../lib/wire";

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
    return html`<dialog class="stack-dialog" aria-label="Members of the stack" @keydown=${this.key} @close=${this.closed}>
      <header class="frame-head">
        <b class="clip">${this.title_text}</b><span class="muted">${this.tiles.length} members</span>
        <span class="push hint">a accept · x reject · u unsure this one · Esc closes</span>
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
    void this.updateComplete.then(() => this.focusCursor());
  }

  private focusCursor(): void {
    this.querySelectorAll<HTMLElement>(".member")[this.cursor]?.focus();
  }

  private readonly key = (event: KeyboardEvent): void => {
    const action = actionOf(event);
    if (!action || event.key === "Escape" || event.key === "Enter") return;
    const tile = this.tiles[this.cursor];
    if (isAnswer(action) && tile) {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("stack-answer", { detail: { tile, answer: action } }));
      this.go(Math.min(this.cursor + 1, this.tiles.length - 1));
      this.requestUpdate();
      return;
    }
    const members = this.querySelector<HTMLElement>(".stack-members");
    if (!members) return;
    const layout = layoutOf(members.clientWidth, 140, 22, 8);
    const target = stepped(action, this.cursor, this.tiles.length, layout, members.clientHeight);
    if (target !== this.cursor) {
      event.preventDefault();
      this.go(target);
    }
  };

  private readonly closed = (): void => {
    this.tiles = [];
    this.dispatchEvent(new CustomEvent("stack-closed"));
  };
}
