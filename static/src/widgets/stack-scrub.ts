/** Plays the clip, or the members of the stack, under the pointer: after 200 ms, then by where the pointer is. */

import type { Tile } from "../lib/wire";
import type { ResultGrid } from "./result-grid";
import type { TileView } from "./tile-view";

const HOVER_MS = 200;
const FRAME_MS = 180; // of a member of a stack; a clip plays at its own speed, within these:
const SHORTEST_MS = 60;
const LONGEST_MS = 500;

/** What is played: the pictures, first to last, and how long each is shown. */
interface Reel {
  pictures: readonly (() => string)[];
  frame_ms: number;
}

export class StackScrub {
  private view: TileView | null = null;
  private item = -1; // that the reel is of; the node may show another tile by now
  private reel: Reel | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private share = 0;
  private readonly members = new Map<number, readonly number[]>();

  constructor(private readonly grid: ResultGrid) {}

  /** True while it plays what `view` shows; it lets go of a node that shows another tile now. */
  plays(view: TileView): boolean {
    if (this.view !== view || this.reel === null) return false;
    const is_same = view.tile?.item === this.item;
    if (!is_same) this.leave();
    return is_same;
  }

  /** The pointer is over `view`, `share` of its width from the left. */
  over(view: TileView, share: number): void {
    if (view === this.view && (!this.reel || this.plays(view))) {
      const has_moved = Math.abs(share - this.share) > 0.01;
      this.share = share;
      if (this.reel && has_moved) this.showAt(Math.floor(share * this.reel.pictures.length));
      return;
    }
    this.leave();
    this.view = view;
    this.share = share;
    if (view.tile && isPlayable(view.tile)) this.timer = setTimeout(() => void this.begin(view), HOVER_MS);
  }

  leave(): void {
    clearTimeout(this.timer);
    const { view } = this;
    this.view = null;
    this.reel = null;
    if (!view) return;
    view.scrub(null);
    if (this.grid.thumbnails) view.picture(this.grid.thumbnails);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async begin(view: TileView): Promise<void> {
    const { tile } = view;
    if (!tile) return;
    const reel = await this.reelOf(tile).catch(() => null);
    if (this.view !== view || view.tile !== tile || !reel || reel.pictures.length < 2) return;
    this.reel = reel;
    this.item = tile.item;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.showAt(Math.floor(this.share * reel.pictures.length)); // the pointer alone moves it
    } else this.play(0);
  }

  /** The frames of a clip; else the members of its stack. */
  private async reelOf(tile: Tile): Promise<Reel> {
    if (tile.kind === "clip") {
      const { urls } = await this.grid.previewOf(tile.item);
      const length_ms = ((tile.stop_seconds ?? tile.pts_seconds) - tile.pts_seconds) * 1000;
      const frame_ms = Math.max(SHORTEST_MS, Math.min(LONGEST_MS, length_ms / Math.max(1, urls.length)));
      return { pictures: urls.map((url) => () => url), frame_ms };
    }
    const stack = tile.stack ?? 0;
    const items = this.members.get(stack) ?? (await this.grid.members(stack));
    this.members.set(stack, items);
    const picture = (item: number) => () => this.grid.thumbnails?.get(item) ?? this.grid.thumbnailOf(item);
    return { pictures: items.map(picture), frame_ms: FRAME_MS };
  }

  /** Plays from `at` until the pointer moves, which takes over. */
  private play(at: number): void {
    const { reel } = this;
    if (!reel) return;
    this.showAt(at);
    this.timer = setTimeout(() => this.play((at + 1) % reel.pictures.length), reel.frame_ms);
  }

  private showAt(position: number): void {
    clearTimeout(this.timer);
    const { view, reel } = this;
    if (!view || !reel || !this.plays(view)) return;
    const last = reel.pictures.length - 1;
    const at = Math.max(0, Math.min(position, last));
    const picture = reel.pictures[at];
    if (!picture) return;
    view.source(picture());
    view.scrub((at + 1) / reel.pictures.length);
  }
}

function isPlayable(tile: Tile): boolean {
  return tile.kind === "clip" || (tile.stack !== null && tile.count > 1);
}
