/** How large tiles are: one size for every grid of this browser, remembered. Fires "change". */

const MEMORY = "sisyphus-tile-px";
/** The least widths of a tile that zooming goes through. */
const SIZES_PX = [80, 110, 140, 180, 230, 300, 400] as const;
const USUAL = 2;

class TileSize extends EventTarget {
  readonly last = SIZES_PX.length - 1;
  private at = (SIZES_PX as readonly number[]).indexOf(Number(localStorage.getItem(MEMORY)));

  /** Its place among the sizes, from 0. */
  get step(): number {
    return this.at < 0 ? USUAL : this.at;
  }

  /** Least width of a tile. */
  get px(): number {
    return SIZES_PX[this.step] ?? SIZES_PX[USUAL];
  }

  set(step: number): void {
    this.at = Math.max(0, Math.min(this.last, Math.round(step)));
    localStorage.setItem(MEMORY, String(this.px));
    this.dispatchEvent(new Event("change"));
  }
}

export const tileSize = new TileSize();
