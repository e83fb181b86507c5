/** One recycled node of the grid. It writes to the page only what has changed since the last time. */

import { GLYPH_OF, PARTICIPLE_OF } from "../lib/answers";
import { outlineOf, placeOf } from "../lib/box";
import { similarityText, timeText } from "../lib/format";
import type { Thumbnails } from "../lib/thumbnails";
import { lengthText } from "../lib/units";
import { glyphOfWhy, whyText } from "../lib/why";
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
  private readonly mark = element("span", "tile-mark");
  private readonly length = element("span", "tile-length");
  private readonly why = element("span", "tile-why");
  private readonly caption = element("span", "tile-caption");
  private readonly time = element("span", "tile-time");
  private readonly foot = element("span", "tile-foot");
  private readonly progress = element("span", "tile-progress");
  private readonly written = new Map<string, string>();
  private pictured: number | undefined; // the item its picture is of
  index = -1;
  tile: Tile | null = null;

  constructor() {
    this.image.className = "tile-image";
    this.image.alt = "";
    this.image.decoding = "async";
    this.image.draggable = false;
    this.root.setAttribute("role", "option");
    for (const part of [this.glyph, this.count, this.mark, this.length, this.why, this.time])
      part.setAttribute("aria-hidden", "true");
    this.foot.append(this.why, this.caption, this.time);
    this.root.append(this.image, this.box, this.glyph, this.count, this.mark, this.length);
    this.root.append(this.progress, this.foot);
  }

  place(index: number, x_px: number, y_px: number, width_px: number, height_px: number): void {
    if (this.index !== index) {
      this.index = index;
      this.root.id = `tile-${index}`;
      this.root.dataset.index = String(index);
    }
    this.data("resting", "");
    this.style("transform", `translate(${x_px}px, ${y_px}px)`);
    this.style("width", `${width_px}px`);
    this.style("height", `${height_px}px`);
  }

  /** Out of sight and nameless until it is placed again; not taken out of the page, which would cost a layout both ways. */
  rest(): void {
    if (this.written.get("resting") === "yes") return;
    this.data("resting", "yes");
    this.index = -1;
    this.root.removeAttribute("id"); // another one is that tile now
    for (const name of ["answer", "cursor", "lit", "below", "scrub", "why"]) this.data(name, "");
    this.written.delete("key");
    this.tile = null;
  }

  /** Nothing is written, nor put together, when neither tile nor state has changed since the last time. */
  show(tile: Tile | null, state: TileState, total: number): void {
    const key = tile ? keyOf(tile, state, this.index, total) : `${this.index}/${total}`;
    this.tile = tile;
    if (this.written.get("key") === key) return;
    this.written.set("key", key);
    const answer = tile?.answer ?? "";
    this.data("answer", state.is_later && !answer ? "later" : answer);
    this.data("cursor", state.is_cursor ? "yes" : "");
    this.data("lit", state.lit);
    this.data("below", state.is_below_cut ? "yes" : "");
    this.data("why", tile?.why?.preset ?? "");
    this.attribute("aria-selected", String(state.is_chosen));
    this.attribute("aria-posinset", String(this.index + 1));
    this.attribute("aria-setsize", String(total));
    this.text(this.glyph, "glyph", GLYPH_OF[state.lit || answer] ?? (state.is_later ? "…" : ""));
    this.text(this.count, "count", tile && tile.count > 1 ? `×${tile.count}` : "");
    this.text(this.mark, "mark", tile ? marksOf(tile) : "");
    this.text(this.length, "length", tile ? clipText(tile) : "");
    this.text(this.why, "why-glyph", glyphOfWhy(tile));
    this.text(this.caption, "caption", tile ? captionOf(tile) : "…");
    this.text(this.time, "time", tile ? timeOf(tile) : "");
    this.attribute("aria-label", tile ? labelOf(tile, state) : "not loaded yet");
    this.attribute("title", tile ? titleOf(tile) : "");
  }

  /** The thumbnail if it is here, else the item's own URL where the pack has none, else a blank. */
  picture(thumbnails: Thumbnails): void {
    const { tile } = this;
    const url = tile
      ? (thumbnails.get(tile.item) ?? (thumbnails.isMissing(tile.item) ? tile.thumbnail : ""))
      : "";
    this.source(url);
    this.pictured = url ? tile?.item : undefined;
    this.outline();
  }

  /** Without its picture for now, unless the one it shows is its own. */
  blank(): void {
    if (this.pictured !== this.tile?.item) this.source("");
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
    const box = this.tile && outlineOf(this.tile);
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

function keyOf(tile: Tile, state: TileState, index: number, total: number): string {
  const { is_cursor, is_chosen, is_later, is_below_cut, lit } = state;
  const flags = `${+is_cursor}${+is_chosen}${+is_later}${+is_below_cut}${+tile.is_weak}${lit}`;
  return `${tile.item}/${tile.answer}/${tile.version}/${tile.rank}/${tile.round}/${tile.count}/${flags}/${index}/${total}`;
}

/** Rank, and how likely it is right or else its similarity, of what was ranked by one; the name, or the time in a video, of what lies there unranked. */
function captionOf(tile: Tile): string {
  if (tile.probability != null) return `accept ${percent(tile.probability)}`;
  if (tile.similarity === null)
    return tile.media_kind === "video"
      ? `▸ ${timeText(tile.pts_seconds)}`
      : tile.name.slice(tile.name.lastIndexOf("/") + 1);
  const rank = tile.rank === null ? "" : `${tile.rank + 1}`;
  const near = tile.expected == null ? similarityText(tile.similarity) : `~${percent(tile.expected)}`;
  return [rank, near].filter(Boolean).join("  ");
}

/** When it is in its video, beside its rank and similarity. */
function timeOf(tile: Tile): string {
  const is_ranked = tile.similarity !== null && tile.probability == null;
  return is_ranked && tile.media_kind === "video" ? timeText(tile.pts_seconds) : "";
}

/** Which file it is of, and why it is here. */
function titleOf(tile: Tile): string {
  const worth =
    tile.expected == null
      ? ""
      : `similarity ${similarityText(tile.similarity)}: of what lies there about ${percent(tile.expected)} is right, by the answers so far`;
  return [tile.name, worth, tile.why ? whyText(tile.why) : tile.reason].filter(Boolean).join("\n");
}

/** "▶ 2.0 s" of a clip, which plays; "" of a frame. */
function clipText(tile: Tile): string {
  const { stop_seconds } = tile;
  return stop_seconds == null ? "" : `▶ ${lengthText(stop_seconds - tile.pts_seconds)}`;
}

function marksOf(tile: Tile): string {
  if (tile.confirmed_version === tile.version) return "confirmed";
  if (tile.is_disputed) return "disputed";
  if (tile.is_weak) return "weak";
  return tile.is_derived ? "by stack" : "";
}

function labelOf(tile: Tile, state: TileState): string {
  const parts = [
    tile.rank === null ? "" : `rank ${tile.rank + 1}`,
    tile.similarity === null ? "" : `similarity ${similarityText(tile.similarity)}`,
    tile.expected == null ? "" : `about ${percent(tile.expected)} right`,
    tile.count > 1 ? `stack of ${tile.count}` : "",
    tile.name,
    tile.stop_seconds == null ? "" : `clip of ${lengthText(tile.stop_seconds - tile.pts_seconds)}`,
    tile.media_kind === "video" ? `at ${timeText(tile.pts_seconds)}` : "",
    tile.answer ? (PARTICIPLE_OF[tile.answer] ?? "") : state.is_later ? "put off" : "undecided",
    marksOf(tile),
    tile.why ? whyText(tile.why) : (tile.reason ?? ""),
    tile.is_found && tile.box ? `nearest in its ${placeOf(tile.box)} part` : "",
    !tile.box && tile.said_of ? `said of its ${placeOf(tile.said_of)} part` : "",
    state.lit ? `would be: ${state.lit}` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function element(tag: string, name: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
