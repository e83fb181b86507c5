/** Plays the members of the stack under the pointer: after 200 ms, then by where the pointer is. */

import type { ResultGrid } from "./result-grid";
import type { TileView } from "./tile-view";

const HOVER_MS = 200;
const FRAME_MS = 180;

export class StackScrub {
  private view: TileView | null = null;
  private members: readonly number[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private share = 0;
  private readonly known = new Map<number, readonly number[]>();

  constructor(private readonly grid: ResultGrid) {}

  isOn(view: TileView): boolean {
    return this.view === view && this.members.length > 0;
  }

  /** The pointer is over `view`, `share` of its width from the left. */
  over(view: TileView, share: number): void {
    if (view === this.view) {
      const has_moved = Math.abs(share - this.share) > 0.01;
      this.share = share;
      if (this.members.length && has_moved) this.showAt(Math.floor(share * this.members.length));
      return;
    }
    this.leave();
    this.view = view;
    this.share = share;
    if (view.tile?.stack && view.tile.count > 1)
      this.timer = setTimeout(() => void this.begin(view), HOVER_MS);
  }

  leave(): void {
    clearTimeout(this.timer);
    const { view } = this;
    this.view = null;
    this.members = [];
    if (!view) return;
    view.scrub(null);
    if (this.grid.thumbnails) view.picture(this.grid.thumbnails);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async begin(view: TileView): Promise<void> {
    const { tile } = view;
    if (!tile?.stack) return;
    const members = this.known.get(tile.stack) ?? (await this.grid.members(tile.stack).catch(() => []));
    this.known.set(tile.stack, members);
    if (this.view !== view || view.tile !== tile || members.length < 2) return;
    this.members = members;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.showAt(Math.floor(this.share * members.length)); // the pointer alone moves it
    } else this.play(0);
  }

  /** Plays from `at` until the pointer moves, which takes over. */
  private play(at: number): void {
    this.showAt(at);
    this.timer = setTimeout(() => this.play((at + 1) % this.members.length), FRAME_MS);
  }

  private showAt(position: number): void {
    clearTimeout(this.timer);
    const { view, members } = this;
    const at = Math.max(0, Math.min(position, members.length - 1));
    const item = members[at];
    if (!view || item === undefined) return;
    view.source(this.grid.thumbnails?.get(item) ?? this.grid.thumbnailOf(item));
    view.scrub((at + 1) / members.length);
  }
}
