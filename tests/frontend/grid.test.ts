import { describe, expect, it } from "vitest";
import {
  heightOf,
  layoutOf,
  placeOf,
  scrolledTo,
  stepped,
  tilesWithin,
  windowOf,
} from "../../static/src/lib/grid-window";

const LAYOUT = layoutOf(800, 140, 22, 8); // 5 columns of 153 px, rows of 145 px

describe("the window of the grid", () => {
  it("fits as many columns as have room", () => {
    expect(LAYOUT).toEqual({ columns: 5, tile_px: 153, row_px: 145, gap_px: 8 });
    expect(layoutOf(100, 140, 22, 8).columns).toBe(1);
  });

  it("holds a bounded number of tiles at 100 000", () => {
    const heights = [0, 1000, heightOf(100_000, LAYOUT) - 800];
    for (const scroll_px of heights) {
      const { start, stop } = windowOf(scroll_px, 800, 100_000, LAYOUT, 2);
      expect(stop - start).toBeLessThanOrEqual(60);
      expect(stop).toBeGreaterThan(start);
    }
  });

  it("covers every pixel of the view", () => {
    for (let scroll_px = 0; scroll_px < 2000; scroll_px += 37) {
      const { start, stop } = windowOf(scroll_px, 500, 1000, LAYOUT, 0);
      expect(placeOf(start, LAYOUT).y_px).toBeLessThanOrEqual(scroll_px);
      expect(placeOf(stop - 1, LAYOUT).y_px + LAYOUT.row_px).toBeGreaterThanOrEqual(scroll_px + 500);
    }
  });

  it("is empty for no tiles, and ends with the last one", () => {
    expect(windowOf(0, 500, 0, LAYOUT, 2)).toEqual({ start: 0, stop: 0 });
    expect(windowOf(0, 5000, 7, LAYOUT, 2)).toEqual({ start: 0, stop: 7 });
    expect(heightOf(11, LAYOUT)).toBe(3 * 145);
  });

  it("scrolls no more than needed", () => {
    expect(scrolledTo(0, 300, 500, LAYOUT)).toBe(0);
    expect(scrolledTo(10, 200, 500, LAYOUT)).toBe(200);
    expect(scrolledTo(25, 0, 500, LAYOUT)).toBe(6 * 145 - 500);
  });
});

describe("a lasso", () => {
  it("takes what it touches, and nothing else", () => {
    expect(tilesWithin({ x0: 10, y0: 10, x1: 20, y1: 20 }, 100, LAYOUT)).toEqual([0]);
    expect(tilesWithin({ x0: 150, y0: 100, x1: 170, y1: 160 }, 100, LAYOUT)).toEqual([0, 1, 5, 6]);
    expect(tilesWithin({ x0: 154, y0: 0, x1: 160, y1: 100 }, 100, LAYOUT)).toEqual([]); // between two columns
    expect(tilesWithin({ x0: 0, y0: 0, x1: 800, y1: 400 }, 7, LAYOUT)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe("a step", () => {
  const step = (action: string, index: number) => stepped(action, index, 23, LAYOUT, 300);

  it("stays inside", () => {
    expect(step("left", 0)).toBe(0);
    expect(step("right", 22)).toBe(22);
    expect(step("up", 3)).toBe(3);
    expect(step("down", 21)).toBe(21);
  });

  it("goes by tile, row, page and to the ends", () => {
    expect(step("right", 4)).toBe(5);
    expect(step("down", 4)).toBe(9);
    expect(step("down", 19)).toBe(22); // the last row is shorter
    expect(step("page-down", 0)).toBe(10);
    expect(step("page-up", 7)).toBe(0);
    expect(step("first", 9)).toBe(0);
    expect(step("last", 9)).toBe(22);
  });
});
