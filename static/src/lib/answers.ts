/** The three answers in glyphs and words: color is never the only sign. */

import type { Answer } from "./wire";

export const ANSWERS = ["accept", "reject", "unsure"] as const satisfies readonly Answer[];

export const GLYPH_OF: Readonly<Record<string, string>> = { accept: "✓", reject: "✕", unsure: "?" };

/** "3 tiles ...". */
export const PARTICIPLE_OF: Readonly<Record<string, string>> = {
  accept: "accepted",
  reject: "rejected",
  unsure: "unsure",
};

export function isAnswer(text: string): text is Answer {
  return (ANSWERS as readonly string[]).includes(text);
}
