/** The nodes of the grid: some dozens, moved from what leaves the window to what enters it. */

import { type Layout, placeOf, type Range } from "../lib/grid-window";
import { TileView } from "./tile-view";

const MOST_SPARE = 60;

export class TilePool {
  private readonly views = new Map<number, TileView>(); // by index, those on the page
  private readonly spare: TileView[] = [];

  get(index: number): TileView | undefined {
    return this.views.get(index);
  }

  has(index: number): boolean {
    return this.views.has(index);
  }

  [Symbol.iterator](): IterableIterator<[index: number, view: TileView]> {
    return this.views.entries();
  }

  /** Nodes for exactly the tiles of `range`, each at its place; nodes are moved, not made, once there are enough. */
  lay(
    range: Range,
    layout: Layout,
    canvas: HTMLElement,
    show: (index: number, view: TileView) => void,
  ): void {
    for (const [index, view] of this.views) {
      if (index >= range.start && index < range.stop) continue;
      this.views.delete(index);
      this.spare.push(view);
    }
    for (let index = range.start; index < range.stop; index++) {
      const view = this.views.get(index) ?? this.take(index, canvas);
      const { x_px, y_px } = placeOf(index, layout);
      view.place(index, x_px, y_px, layout.tile_px, layout.row_px - layout.gap_px);
      show(index, view);
    }
    while (this.spare.length > MOST_SPARE) this.spare.pop()?.root.remove();
    for (const view of this.spare) view.rest();
  }

  private take(index: number, canvas: HTMLElement): TileView {
    const view = this.spare.pop() ?? new TileView();
    if (!view.root.isConnected) canvas.append(view.root);
    this.views.set(index, view);
    return view;
  }
}
