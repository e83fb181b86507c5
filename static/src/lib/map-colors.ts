/** What the colors of the map mean: one code per point, a name, a color and a mark per code. */

import { GLYPH_OF, type Mark } from "./map-marks";
import type { Rgb } from "./map-paint";
import type { Points } from "./map-points";

export interface Coloring {
  codes: Uint8Array;
  palette: Rgb[];
  marks: Mark[]; // per code; a disc where there is none
  legend: { name: string; glyph: string; color: Rgb; count: number }[];
}

const STATES = [
  ["untouched", "disc", "--map-untouched"],
  ["accepted", "triangle", "--accept"],
  ["rejected", "cross", "--reject"],
  ["unsure", "diamond", "--unsure"],
  ["weak", "ring", "--weak"],
] as const;
const MOST_SOURCES = 12; // the others are one
/** Told apart by people who see few colors, too: Okabe and Ito (2008), and their lighter halves. */
const SERIES: readonly Rgb[] = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [0, 114, 178],
  [213, 94, 0],
  [240, 228, 66],
  [150, 150, 160],
  [160, 215, 245],
  [245, 205, 120],
  [120, 205, 180],
  [230, 185, 210],
];

const LEVELS = 32;
const CIVIDIS: readonly Rgb[] = [
  [0, 34, 78],
  [53, 69, 108],
  [102, 105, 112],
  [148, 142, 119],
  [200, 184, 102],
  [254, 232, 56],
];
const GRAY: Rgb = [150, 150, 160];

export function byState(states: Uint8Array, css: CSSStyleDeclaration): Coloring {
  const counts = countsOf(states, STATES.length);
  const palette = STATES.map(([, , name]) => rgbOf(css.getPropertyValue(name)));
  return {
    codes: states,
    palette,
    marks: STATES.map(([, mark]) => mark),
    legend: STATES.map(([name, mark], code) => ({
      name,
      glyph: code ? GLYPH_OF[mark] : "·",
      color: palette[code] ?? GRAY,
      count: counts[code] ?? 0,
    })),
  };
}

export function bySource(points: Points, css: CSSStyleDeclaration): Coloring {
  const counts = new Array<number>(points.sources.length).fill(0);
  for (const place of points.source_of) counts[place] = (counts[place] as number) + 1;
  const ranked = counts.map((count, place) => ({ count, place })).sort((a, b) => b.count - a.count);
  const code_of = new Uint8Array(points.sources.length).fill(0);
  const palette: Rgb[] = [rgbOf(css.getPropertyValue("--map-untouched"))];
  const legend: Coloring["legend"] = [];
  for (const { count, place } of ranked.slice(0, MOST_SOURCES)) {
    if (!count) continue;
    const color = SERIES[legend.length] ?? GRAY;
    palette.push(color);
    code_of[place] = palette.length - 1;
    legend.push({ name: points.sources[place]?.path || "uploads", glyph: "●", color, count });
  }
  const others = ranked.slice(MOST_SOURCES).reduce((sum, { count }) => sum + count, 0);
  if (others) legend.push({ name: "other sources", glyph: "●", color: palette[0] ?? GRAY, count: others });
  const codes = Uint8Array.from(points.source_of, (place) => code_of[place] ?? 0);
  return { codes, palette, marks: [], legend };
}

/** From far to near: 1 to 32, dark to light, told apart without colors too; 0 has no score. */
export function byScore(scores: Uint8Array, css: CSSStyleDeclaration, is_dark: boolean): Coloring {
  const counts = countsOf(scores, LEVELS + 1);
  const palette: Rgb[] = [rgbOf(css.getPropertyValue("--map-untouched"))];
  for (let level = 0; level < LEVELS; level += 1) palette.push(between(level / (LEVELS - 1), is_dark));
  const quarter = (at: number) => counts.slice(1 + 8 * at, 9 + 8 * at).reduce((sum, count) => sum + count, 0);
  const names = ["far", "farther than most", "nearer than most", "near"];
  const legend = names.map((name, at) => ({
    name,
    glyph: "●",
    color: palette[8 * at + 5] ?? GRAY,
    count: quarter(at),
  }));
  return { codes: scores, palette, marks: [], legend: legend.reverse() };
}

/** Along cividis (Nuñez, Anderton and Renslow 2018), the light end far away on a light page. */
function between(share: number, is_dark: boolean): Rgb {
  const at = (is_dark ? share : 1 - share) * (CIVIDIS.length - 1);
  const [low, high] = [CIVIDIS[Math.floor(at)] ?? GRAY, CIVIDIS[Math.ceil(at)] ?? GRAY];
  const mix = (part: 0 | 1 | 2) => Math.round(low[part] + (high[part] - low[part]) * (at % 1));
  return [mix(0), mix(1), mix(2)];
}

/** "#4cc38a" as numbers. */
export function rgbOf(text: string): Rgb {
  const hex = text.trim().replace("#", "");
  const long = hex.length === 3 ? [...hex].map((each) => each + each).join("") : hex;
  const value = Number.parseInt(long, 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

function countsOf(codes: Uint8Array, most: number): number[] {
  const counts = new Array<number>(most).fill(0);
  for (const code of codes) counts[code] = (counts[code] as number) + 1;
  return counts;
}
