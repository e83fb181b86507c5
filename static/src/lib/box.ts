/** Boxes in shares of a frame, 0..1, always within it and never turned inside out. */

import type { Box, Tile } from "./wire";

export type Sides = [x0: number, y0: number, x1: number, y1: number];

const LEAST = 0.02;

/** Where a box lies in its frame, in words: "upper left", "middle", "lower right". */
export function placeOf([x0, y0, x1, y1]: readonly [number, number, number, number]): string {
  const third = (share: number) => Math.min(2, Math.floor(share * 3));
  const row = ["upper", "", "lower"][third((y0 + y1) / 2)];
  const column = ["left", "", "right"][third((x0 + x1) / 2)];
  return [row, column].filter(Boolean).join(" ") || "middle";
}

/** Between two corners, in any order. */
export function spanned(one: { x: number; y: number }, other: { x: number; y: number }): Sides {
  return [
    Math.min(one.x, other.x),
    Math.min(one.y, other.y),
    Math.max(one.x, other.x),
    Math.max(one.y, other.y),
  ];
}

/** As an address has it: the query of a drawn box is the same one when its address is opened. */
export function addressed([x0, y0, x1, y1]: Readonly<Sides>): Sides {
  const short = (share: number) => +share.toFixed(4);
  return [short(x0), short(y0), short(x1), short(y1)];
}

/** For the style of an image: that part of it alone, where the browser knows how; else all of it. */
export function viewOf([x0, y0, x1, y1]: Readonly<Sides>): string {
  const inset = [y0, 1 - x1, 1 - y1, x0].map((share) => `${Math.round(share * 1000) / 10}%`);
  return `object-view-box: inset(${inset.join(" ")})`;
}

/** Shifted, its size kept: it stops at the edge. */
export function moved([x0, y0, x1, y1]: Sides, dx: number, dy: number): Sides {
  const [right, down] = [Math.max(-x0, Math.min(dx, 1 - x1)), Math.max(-y0, Math.min(dy, 1 - y1))];
  return [x0 + right, y0 + down, x1 + right, y1 + down];
}

/** Its lower right corner shifted. */
export function sized([x0, y0, x1, y1]: Sides, dx: number, dy: number): Sides {
  return [x0, y0, Math.max(x0 + LEAST, Math.min(1, x1 + dx)), Math.max(y0 + LEAST, Math.min(1, y1 + dy))];
}

/** The part of its frame that is outlined on a tile: what was found, the region it is, or what its answer was about. */
export function outlineOf(tile: Tile): Box | null {
  return tile.box ?? tile.said_of ?? null;
}

/** The outlined part that an answer to the tile is about; a region is that part itself. */
export function partOf(tile: Tile): Box | null {
  return (tile.is_found ? tile.box : tile.said_of) ?? null;
}
