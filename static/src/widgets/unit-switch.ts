/** Frames | Clips: what is searched, where the corpus has both. */

import { html, nothing } from "lit";
import type { QuerySession } from "../lib/query-session";
import type { Unit } from "../lib/wire";

const NAMES: readonly (readonly [Unit, string])[] = [
  ["frame", "Frames"],
  ["clip", "Clips"],
];

export function unitSwitch(session: QuerySession) {
  if (session.unit === null) return nothing;
  const button = ([unit, name]: readonly [Unit, string]) => html`<button
    type="button"
    aria-pressed=${session.unit === unit}
    @click=${() => void session.setUnit(unit)}
  >
    ${name}
  </button>`;
  return html`<div class="segmented unit-switch" role="group" aria-label="What is searched">${NAMES.map(button)}</div>`;
}
