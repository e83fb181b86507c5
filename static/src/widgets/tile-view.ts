/** One recycled node of the grid. It writes to the page only what has changed since the last time. */

import { GLYPH_OF, PARTICIPLE_OF } from "../lib/answers";
import { similarityText, timeText } from "../lib/format";
import type { Thumbnails } from "../lib/thumbnails";
import type { Tile } from "../lib/wire";

export interface TileState {
  is_cursor: boolean;
  is_chosen: boolean;
  is_later: boolean;
  lit: string; // the answer that Enter would give it
  is_below_cut: boolean;
}

export class TileView {
  readonly root = element("div", "tile");
  readonly image = document.createElement("img");
  private readonly box = element("span", "tile-box");
  private readonly glyph = element("span", "tile-glyph");
  private readonly count = element("span", "tile-count");
  private readonly weak = element("span", "tile-weak");
  private readonly caption = element("span", "tile-caption");
  private readonly progress = element("span", "tile-progress");
  private readonly written = new Map<string, string>();
  index = -1;
  tile: Tile | null = null;

  constructor() {
    this.image.className = "tile-image";
    this.image.alt = "";
    this.image.decoding = "async";
    this.image.draggable = false;
    this.root.setAttribute("role", "option");
    for (const part of [this.glyph, this.count, this.weak]) part.setAttribute("aria-hidden", "true");
    this.root.append(this.image, this.box, this.glyph, this.count, this.weak, this.progress, this.caption);
  }

  place(index: number, x_px: number, y_px: number, width_px: number, height_px: number): void {
    this.index = index;
    this.root.id = `tile-${index}`;
    this.root.dataset.index = String(index);
    this.style("transform", `translate(${x_px}px, ${y_px}px)`);
    this.style("width", `${width_px}px`);
    this.style("height", `${height_px}px`);
  }

  /** Off the page until it is placed again. */
  rest(): void {
    this.root.hidden = true;
    for (const name of ["answer", "cursor", "lit", "below", "scrub"]) this.data(name, "");
    this.tile = null;
  }

  show(tile: Tile | null, state: TileState, total: number): void {
    this.tile = tile;
    const answer = tile?.answer ?? "";
    this.data("answer", state.is_later && !answer ? "later" : answer);
    this.data("cursor", state.is_cursor ? "yes" : "");
    this.data("lit", state.lit);
    this.data("below", state.is_below_cut ? "yes" : "");
    this.attribute("aria-selected", String(state.is_chosen));
    this.attribute("aria-posinset", String(this.index + 1));
    this.attribute("aria-setsize", String(total));
    this.text(this.glyph, "glyph", GLYPH_OF[state.lit || answer] ?? (state.is_later ? "…" : ""));
    this.text(this.count, "count", tile && tile.count > 1 ? `×${tile.count}` : "");
    this.text(this.weak, "weak", tile ? marksOf(tile) : "");
    this.text(this.caption, "caption", tile ? captionOf(tile) : "…");
    this.attribute("aria-label", tile ? labelOf(tile, state) : "not loaded yet");
  }

  /** The thumbnail if it is here, else the item's own URL where the pack has none, else a blank. */
  picture(thumbnails: Thumbnails): void {
    const { tile } = this;
    const url = tile
      ? (thumbnails.get(tile.item) ?? (thumbnails.isMissing(tile.item) ? tile.thumbnail : ""))
      : "";
    this.source(url);
    this.outline();
  }

  source(url: string): void {
    if (this.written.get("src") === url) return;
    this.written.set("src", url);
    if (url) this.image.src = url;
    else this.image.removeAttribute("src");
  }

  /** How far the scrub through the stack is, 0..1; null: not scrubbing. */
  scrub(share: number | null): void {
    this.data("scrub", share === null ? "" : "yes");
    if (share !== null) this.progress.style.transform = `scaleX(${share})`;
  }

  /** The region that matched, drawn on the letterboxed picture. */
  private outline(): void {
    const box = this.tile?.box;
    const key = box && this.tile ? `${box.join()}/${this.root.style.width}/${this.root.style.height}` : "";
    if (this.written.get("box") === key) return;
    this.written.set("box", key);
    this.box.hidden = !key;
    if (!box || !this.tile) return;
    const [width, height] = [this.image.clientWidth, this.image.clientHeight];
    const scale = Math.min(width / (this.tile.width_px || 1), height / (this.tile.height_px || 1));
    const [shown_width, shown_height] = [this.tile.width_px * scale, this.tile.height_px * scale];
    this.box.style.left = `${(width - shown_width) / 2 + box[0] * shown_width}px`;
    this.box.style.top = `${(height - shown_height) / 2 + box[1] * shown_height}px`;
    this.box.style.width = `${(box[2] - box[0]) * shown_width}px`;
    this.box.style.height = `${(box[3] - box[1]) * shown_height}px`;
  }

  private data(name: string, value: string): void {
    if (this.written.get(name) === value) return;
    this.written.set(name, value);
    if (value) this.root.dataset[name] = value;
    else delete this.root.dataset[name];
  }

  private attribute(name: string, value: string): void {
    if (this.written.get(name) === value) return;
    this.written.set(name, value);
    this.root.setAttribute(name, value);
  }

  private style(name: "transform" | "width" | "height", value: string): void {
    if (this.written.get(name) === value) return;
    this.written.set(name, value);
    this.root.style[name] = value;
  }

  private text(part: HTMLElement, name: string, value: string): void {
    if (this.written.get(name) === value) return;
    this.written.set(name, value);
    part.textContent = value;
    part.hidden = !value;
  }
}

function captionOf(tile: Tile): string {
  const rank = tile.rank === null ? "" : `${tile.rank + 1}`;
  const time = tile.media_kind === "video" ? `▸ ${timeText(tile.pts_seconds)}` : "";
  const parts = [rank, similarityText(tile.similarity), time].filter(Boolean);
  return parts.length ? parts.join("  ") : tile.name;
}

function marksOf(tile: Tile): string {
  if (tile.is_disputed) return "disputed";
  if (tile.is_weak) return "weak";
  return tile.is_derived ? "by stack" : "";
}

function labelOf(tile: Tile, state: TileState): string {
  const parts = [
    tile.rank === null ? "" : `rank ${tile.rank + 1}`,
    tile.similarity === null ? "" : `similarity ${similarityText(tile.similarity)}`,
    tile.count > 1 ? `stack of ${tile.count}` : "",
    tile.name,
    tile.media_kind === "video" ? `at ${timeText(tile.pts_seconds)}` : "",
    tile.answer ? (PARTICIPLE_OF[tile.answer] ?? "") : state.is_later ? "put off" : "undecided",
    marksOf(tile),
    state.lit ? `would be: ${state.lit}` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

function element(tag: string, name: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
