/** How many tiles of the class have which answer, in words and glyphs. */

import { html, type TemplateResult } from "lit";
import { countText } from "../lib/format";
import type { Counts } from "../lib/wire";

const ROWS: readonly (readonly [name: keyof Counts, state: string, glyph: string])[] = [
  ["accepted", "accept", "✓"],
  ["rejected", "reject", "✕"],
  ["unsure", "unsure", "?"],
  ["weak", "weak", "~"],
  ["untouched", "untouched", "·"],
];

export function counters(counts: Counts | null): TemplateResult {
  return html`<dl class="counters">
    ${ROWS.map(
      ([name, state, glyph]) => html`<div data-state=${state}>
        <dt><i aria-hidden="true">${glyph}</i> ${name}</dt>
        <dd>${counts ? countText(counts[name]) : "–"}</dd>
      </div>`,
    )}
  </dl>`;
}
