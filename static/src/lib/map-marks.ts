/** Shapes that say what a point is besides its color: told apart by who sees no colors, and in print. No DOM. */

export type Mark = "disc" | "triangle" | "cross" | "diamond" | "ring";

/** In the order of the shader's numbers. */
export const MARKS: readonly Mark[] = ["disc", "triangle", "cross", "diamond", "ring"];

export const GLYPH_OF: Readonly<Record<Mark, string>> = {
  disc: "●",
  triangle: "▲",
  cross: "✕",
  diamond: "◆",
  ring: "○",
};

/** Whether (x, y) of [-1, 1], y downwards, is of the mark; `map-gl.ts` has the same for the graphics card. */
export function covers(mark: Mark, x: number, y: number): boolean {
  const far = Math.hypot(x, y);
  if (mark === "triangle") return y <= 0.8 && Math.abs(x) <= (y + 1) * 0.55;
  if (mark === "cross") return Math.min(Math.abs(x - y), Math.abs(x + y)) <= 0.5 && far <= 1.2;
  if (mark === "diamond") return Math.abs(x) + Math.abs(y) <= 1;
  if (mark === "ring") return far <= 1 && far >= 0.5;
  return far <= 1;
}

/** Least size of a mark that is no disc, CSS pixels: a shape wants room, and among many the map would be all marks. */
export function leastOf(num_marked: number): number {
  if (num_marked > 100_000) return 0;
  return num_marked > 20_000 ? 5 : num_marked > 2_000 ? 7 : 9;
}

/** How many points are drawn by another mark than a disc. */
export function numMarked(codes: Uint8Array, marks: readonly Mark[]): number {
  const is_shaped = marks.map((mark) => mark !== "disc");
  let num = 0;
  for (const code of codes) if (is_shaped[code]) num += 1;
  return num;
}
