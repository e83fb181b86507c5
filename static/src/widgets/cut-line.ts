/** The cut line across the grid: everything below it is dimmed, everything above may be taken in bulk. */

import { cutText } from "../lib/calibration";
import type { Session } from "../lib/session";
import type { Tile } from "../lib/wire";
import type { ResultGrid } from "./result-grid";

const SAMPLE = 50; // tiles that stand for "just below"
const OLDER = "expected precision not measured: a better ranking waits below the screen, apply it first";

export class CutLine {
  at: number | null = null; // the first index below the line
  private floor: number | null = null; // the similarity it was set by: as more tiles come, it finds its place

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
    this.floor = below < 0 && !this.session.ranking.isComplete ? similarity : null;
  }

  /** More tiles are here. */
  grown(): void {
    if (this.floor !== null) this.above(this.floor);
  }

  /** What is expected of the undecided above the line, and just below it; else why that is not known. */
  private expectation(): string {
    const { ranking } = this.session;
    const at = this.at ?? 0;
    const is_older = (tile: Tile) => tile.answer === "" && tile.round !== ranking.round;
    if (ranking.tiles.slice(0, at).some(is_older)) return `cut line · ${OLDER}`; // the calibration is not of these
    const undecided = (tiles: readonly Tile[]) =>
      tiles.flatMap((tile) => (tile.answer === "" && tile.similarity !== null ? [tile.similarity] : []));
    const above = undecided(ranking.tiles.slice(0, at));
    const below = undecided(ranking.tiles.slice(at, at + SAMPLE));
    return `cut line · ${cutText(ranking.calibration, above, below)}`;
  }

  set(at: number | null): void {
    this.at = at;
    this.floor = null;
    this.grid.cut = at;
    this.grid.cut_text = this.expectation();
    this.grid.repaint();
  }
}
