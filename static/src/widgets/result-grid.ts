/**
 * The virtualized grid of tiles: some dozens of recycled nodes whatever the length of the ranking.
 * Set the fields, call `refresh()`. Events: "grid-more", "grid-pick", "grid-lasso", "grid-open", "grid-dragged".
 */

import { html, LitElement } from "lit";
import { customElement } from "lit/decorators.js";
import {
  heightOf,
  type Layout,
  layoutOf,
  type Range,
  scrolledTo,
  stepped,
  windowOf,
} from "../lib/grid-window";
import type { Preview } from "../lib/previews";
import { AHEAD } from "../lib/ranking";
import type { Selection } from "../lib/selection";
import type { Thumbnails } from "../lib/thumbnails";
import { tileSize } from "../lib/tile-size";
import type { Tile } from "../lib/wire";
import { GridPointer } from "./grid-pointer";
import { StackScrub } from "./stack-scrub";
import { TilePool } from "./tile-pool";
import type { TileView } from "./tile-view";

const CAPTION_PX = 22;
const GAP_PX = 8;
const SPARE_ROWS = 2;
const FAST_PX_PER_MS = 3; // some twenty rows a second
const SETTLED_MS = 80;
const REGION_MEMORY = "sisyphus-regions";

@customElement("sfi-grid")
export class ResultGrid extends LitElement {
  tiles: readonly Tile[] = [];
  expected = 0; // tiles there will be, those not loaded included
  selection: Selection | null = null;
  thumbnails: Thumbnails | null = null;
  isLater: (item: number) => boolean = () => false;
  armed: { answer: string; indexes: ReadonlySet<number> } | null = null;
  cut: number | null = null; // the first index below the cut line
  cut_text = ""; // what is expected below it
  members: (stack: number) => Promise<readonly number[]> = async () => [];
  thumbnailOf: (item: number) => string = () => "";
  previewOf: (item: number) => Promise<Preview> = async () => ({ pts: [], urls: [] });
  label = "Results";

  layout: Layout = layoutOf(1, 1, CAPTION_PX, GAP_PX);
  private scroller: HTMLElement | null = null;
  private canvas: HTMLElement | null = null;
  private line: HTMLElement | null = null; // the cut line
  private readonly views = new TilePool();
  private readonly resized = new ResizeObserver(() => this.measure());
  private scrub: StackScrub | null = null;
  private is_scheduled = false;
  private scrolled_at_ms = 0;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private scroll_px = 0; // read once per refresh, before anything is written: reading later would cost a layout
  private view_px = 0;
  private width_px = 0;
  shown_stop = 0; // tiles before it have been on the screen since the ranking began

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    return html`<div
      class="grid-scroll"
      tabindex="0"
      role="listbox"
      aria-multiselectable="true"
      aria-label=${this.label}
      @scroll=${this.schedule}
    >
      <div class="grid-canvas"><div class="cut-line" hidden><span></span></div></div>
    </div>`;
  }

  protected override firstUpdated(): void {
    this.scroller = this.querySelector(".grid-scroll");
    this.canvas = this.querySelector(".grid-canvas");
    this.line = this.querySelector(".cut-line");
    if (!this.scroller || !this.canvas) return;
    this.scrub = new StackScrub(this);
    new GridPointer(this, this.scroller, this.canvas, this.scrub);
    this.resized.observe(this.scroller);
    if (this.thumbnails) this.thumbnails.onReady = () => this.pictures();
    tileSize.addEventListener("change", this.resize);
    this.dataset.regions = localStorage.getItem(REGION_MEMORY) ?? "on";
    this.measure();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resized.disconnect();
    tileSize.removeEventListener("change", this.resize);
    this.scrub?.stop();
    clearTimeout(this.settling);
  }

  override focus(): void {
    this.scroller?.focus({ preventScroll: true });
  }

  /** Tiles have another size: the one at the cursor stays in view. */
  private readonly resize = (): void => {
    this.refresh();
    this.reveal();
  };

  /** The outlines of the regions found, on or off; remembered. True when they are on now. */
  toggleRegions(): boolean {
    const is_on = this.dataset.regions === "off";
    this.dataset.regions = is_on ? "on" : "off";
    localStorage.setItem(REGION_MEMORY, this.dataset.regions);
    return is_on;
  }

  /** The first index that is neither on the screen nor above it, nor above the cursor; a row is never broken. */
  get fold(): number {
    const { columns } = this.layout;
    const seen = Math.max(this.visible.stop, (this.selection?.cursor ?? 0) + 1);
    return Math.ceil(seen / columns) * columns;
  }

  /** What comes below `index` was never on the screen. */
  forgetFrom(index: number): void {
    this.shown_stop = Math.min(this.shown_stop, index);
  }

  /** The tiles wholly or partly on the screen, without the spare rows. */
  get visible(): Range {
    return windowOf(this.scroll_px, this.view_px - 1, this.tiles.length, this.layout, 0);
  }

  /** How many tiles fit on the screen; as many more, or AHEAD, are loaded before they are needed. */
  get room(): number {
    const { columns, row_px } = this.layout;
    return columns * Math.ceil(this.view_px / row_px);
  }

  private measure(): void {
    const { scroller } = this;
    if (!scroller) return;
    const { paddingLeft, paddingRight } = getComputedStyle(scroller);
    this.width_px = scroller.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    this.view_px = scroller.clientHeight;
    this.refresh();
  }

  /** A new ranking: from its first tile. */
  top(): void {
    this.shown_stop = 0;
    if (this.scroller) this.scroller.scrollTop = 0;
    this.refresh();
  }

  viewOf(index: number): TileView | undefined {
    return this.views.get(index);
  }

  private readonly schedule = (): void => {
    if (this.is_scheduled) return;
    this.is_scheduled = true;
    requestAnimationFrame((now_ms) => {
      this.is_scheduled = false;
      this.scrolled(now_ms);
    });
  };

  /** Rows that go by faster than anybody can look stay without pictures until the scrolling slows down. */
  private scrolled(now_ms: number): void {
    const moved_px = Math.abs((this.scroller?.scrollTop ?? 0) - this.scroll_px);
    const is_fast = moved_px / Math.max(1, now_ms - this.scrolled_at_ms) > FAST_PX_PER_MS;
    this.scrolled_at_ms = now_ms;
    clearTimeout(this.settling);
    if (is_fast) this.settling = setTimeout(() => this.refresh(), SETTLED_MS);
    this.refresh(is_fast);
  }

  /** Draws what is in the window now; nodes are moved, not made, once there are enough. */
  refresh(without_pictures = false): void {
    const { scroller, canvas } = this;
    if (!scroller || !canvas || this.width_px <= 0) return;
    const before_px = this.scroll_px;
    this.scroll_px = scroller.scrollTop;
    this.layout = layoutOf(this.width_px, tileSize.px, CAPTION_PX, GAP_PX);
    const height = `${heightOf(this.expected, this.layout)}px`;
    if (canvas.style.height !== height) canvas.style.height = height;
    const range = windowOf(this.scroll_px, this.view_px, this.expected, this.layout, SPARE_ROWS);
    this.views.lay(range, this.layout, canvas, (index, view) => this.show(index, view));
    if (this.cut !== null) this.drawCut();
    const { cursor } = this.selection ?? { cursor: -1 };
    if (this.views.has(cursor)) scroller.setAttribute("aria-activedescendant", `tile-${cursor}`);
    if (!without_pictures) this.wish(range, this.scroll_px >= before_px);
    this.pictures(without_pictures);
    this.shown_stop = Math.max(this.shown_stop, this.visible.stop);
    const in_view = windowOf(this.scroll_px, this.view_px - 1, this.expected, this.layout, 0);
    const wanted = Math.min(this.expected, in_view.stop + Math.max(this.room, AHEAD));
    if (wanted > this.tiles.length) this.tell("grid-more", wanted);
  }

  private show(index: number, view: TileView): void {
    const tile = this.tiles[index] ?? null;
    view.show(
      tile,
      {
        is_cursor: this.selection?.cursor === index,
        is_chosen: this.selection?.chosen.has(index) ?? false,
        is_later: tile !== null && this.isLater(tile.item),
        lit: this.armed?.indexes.has(index) ? this.armed.answer : "",
        is_below_cut: this.cut !== null && index >= this.cut,
      },
      this.expected,
    );
  }

  /** Below the row of the last tile above it. */
  private drawCut(): void {
    const { line } = this;
    if (!line) return;
    if (line.hidden !== (this.cut === null)) line.hidden = this.cut === null;
    if (this.cut === null) return;
    const rows = Math.ceil(this.cut / this.layout.columns);
    line.style.transform = `translateY(${rows * this.layout.row_px - GAP_PX / 2}px)`;
    const label = line.firstElementChild;
    if (label) label.textContent = this.cut_text;
  }

  /** Answers, cursor and selection of the nodes on the page, without moving any: what a key needs at once. */
  repaint(): void {
    this.drawCut();
    for (const [index, view] of this.views) this.show(index, view);
    const cursor = this.selection?.cursor ?? -1;
    if (this.views.has(cursor)) this.scroller?.setAttribute("aria-activedescendant", `tile-${cursor}`);
  }

  private wish(range: Range, is_downwards: boolean): void {
    const length = range.stop - range.start;
    const next = is_downwards
      ? this.tiles.slice(range.stop, range.stop + length)
      : this.tiles.slice(Math.max(0, range.start - length), range.start).reverse();
    const ids = (tiles: readonly Tile[]) => tiles.map((tile) => tile.item);
    this.thumbnails?.want(ids(this.tiles.slice(range.start, range.stop)), ids(next));
  }

  private pictures(without_new = false): void {
    if (!this.thumbnails) return;
    for (const [, view] of this.views) {
      if (this.scrub?.plays(view)) continue;
      if (without_new) view.blank();
      else view.picture(this.thumbnails);
    }
  }

  /** Where "left", "page-down", "last" ... lead from the cursor. */
  step(action: string): number {
    return stepped(action, this.selection?.cursor ?? 0, this.tiles.length, this.layout, this.view_px);
  }

  /** Scrolls no more than is needed to show the cursor whole. */
  reveal(): void {
    const { scroller, selection } = this;
    if (!scroller || !selection) return;
    const view_px = this.view_px - GAP_PX * 2;
    const top_px = scrolledTo(selection.cursor, this.scroll_px, view_px, this.layout);
    if (top_px !== this.scroll_px) {
      scroller.scrollTop = top_px;
      this.refresh();
    } else this.repaint();
  }

  tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-grid": ResultGrid;
  }
}
