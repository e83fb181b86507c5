/** The keys of the grid as buttons in a dialog: for mouse and finger. */

import { html, nothing, type TemplateResult } from "lit";
import { ANSWERS, GLYPH_OF } from "../lib/answers";
import { keymap } from "../lib/own-keys";

const STEPS: Readonly<Record<string, readonly [glyph: string, name: string]>> = {
  left: ["‹", "Previous"],
  right: ["›", "Next"],
};

/** One for each answer. */
export function answerButtons(act: (action: string) => void): TemplateResult[] {
  return ANSWERS.map((answer) => actionButton(answer, act));
}

/** Of an answer, or of "left" and "right", which show no key. */
export function actionButton(action: string, act: (action: string) => void): TemplateResult {
  const step = STEPS[action];
  const glyph = step?.[0] ?? GLYPH_OF[action];
  const name = step
    ? nothing
    : html`${action.charAt(0).toUpperCase()}${action.slice(1)} <kbd>${keymap.shown(action)}</kbd>`;
  return html`<button type="button" class="btn btn-small action" data-action=${action} aria-label=${step?.[1] ?? nothing} @click=${() => act(action)}>
    <span aria-hidden="true" class="action-glyph">${glyph}</span>${name}
  </button>`;
}
