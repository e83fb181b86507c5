/** The cut line across the grid: everything below it is dimmed, everything above may be taken in bulk. */

import type { Session } from "../lib/session";
import type { ResultGrid } from "./result-grid";

const SAMPLE = 50; // tiles whose expected precision stands for "just below"

export class CutLine {
  at: number | null = null; // the first index below the line

  constructor(
    private readonly session: Session,
    private readonly grid: ResultGrid,
  ) {}

  /** Of the last tile above the line. */
  get similarity(): number | null {
    return this.at === null ? null : (this.session.ranking.tiles[this.at - 1]?.similarity ?? null);
  }

  /** By whole rows; the first one lies below the row of the cursor. */
  move(rows: number): void {
    const { session, at } = this;
    const { columns } = this.grid.layout;
    const row = at === null ? Math.floor(session.selection.cursor / columns) : Math.round(at / columns) - 1;
    const wanted = (row + 1 + (at === null ? 0 : rows)) * columns;
    this.set(session.isBrowsing ? null : Math.max(columns, Math.min(session.ranking.tiles.length, wanted)));
  }

  /** Below the last tile that is at least this similar; null takes the line away. */
  above(similarity: number | null): void {
    const { tiles } = this.session.ranking;
    const below = tiles.findIndex((tile) => (tile.similarity ?? 0) < (similarity ?? 0));
    this.set(similarity === null ? null : below < 0 ? tiles.length : below);
  }

  /** Of the tiles just below, where the server has measured it; else it says so. */
  private expectation(): string {
    const below = this.session.ranking.tiles.slice(this.at ?? 0, (this.at ?? 0) + SAMPLE);
    const measured = below.map((tile) => tile.precision).filter((each) => each != null);
    if (!measured.length) return "cut line · expected precision below: not measured";
    const mean = measured.reduce((sum, each) => sum + each, 0) / measured.length;
    return `cut line · expected precision below: ${Math.round(mean * 100)} %`;
  }

  set(at: number | null): void {
    this.at = at;
    this.grid.cut = at;
    this.grid.cut_text = this.expectation();
    this.grid.repaint();
  }
}
