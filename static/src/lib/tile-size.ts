/** How large tiles are: one size for every grid of a person, remembered here and on the server. Fires "change". */

import type { OwnSettings } from "./own-settings";

const MEMORY = "sisyphus-tile-px";
/** The least widths of a tile that zooming goes through. */
const SIZES_PX = [80, 110, 140, 180, 230, 300, 400] as const;
const USUAL = 2;

class TileSize extends EventTarget {
  readonly last = SIZES_PX.length - 1;
  private settings: OwnSettings | null = null;
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
    this.become(Math.max(0, Math.min(this.last, Math.round(step))));
    this.settings?.put("tile_px", this.px);
  }

  /** The size that this person chose on whatever machine counts, once the server has said it. */
  open(settings: OwnSettings): void {
    this.settings = settings;
    void settings.join("tile_px", {
      read: () => (this.at < 0 ? null : this.px),
      apply: (px) => {
        const at = (SIZES_PX as readonly number[]).indexOf(px);
        if (at >= 0 && at !== this.step) this.become(at);
      },
    });
  }

  private become(at: number): void {
    this.at = at;
    localStorage.setItem(MEMORY, String(this.px));
    this.dispatchEvent(new Event("change"));
  }
}

export const tileSize = new TileSize();
