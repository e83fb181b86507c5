/** Why a tile is here, as a glyph on it and in words: the preset of the queue that proposed it. */

import type { Tile, Why } from "./wire";

const GLYPH: Readonly<Record<string, string>> = {
  harvest: "▴",
  boundary: "◐",
  explore: "✦",
  hard: "◆",
  classifier: "◈",
  uncertain: "◇",
  audit: "▴", // an audit look shows the mark of what it is mixed into
};
const WORDS: Readonly<Record<string, string>> = {
  harvest: "top of the ranking",
  boundary: "near the line between accepted and rejected",
  explore: "far from everything answered so far",
  hard: "high in the ranking and near something rejected",
  classifier: "the live classifier found it",
  uncertain: "the live classifier is least sure of it",
  audit: "top of the ranking",
};

/** Nothing for what nobody ranked. */
export function glyphOfWhy(tile: Tile | null): string {
  return GLYPH[tile?.why?.preset ?? ""] ?? "";
}

export function whyText(why: Why): string {
  return WORDS[why.preset] ? `here because: ${WORDS[why.preset]}` : "";
}
