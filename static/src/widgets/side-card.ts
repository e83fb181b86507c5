/** A card of the right column: a heading that folds its body away. What is folded stays so, per card and browser. */

import { html, type TemplateResult } from "lit";

export interface Card {
  name: string; // of its memory; lower case
  title: string;
  body: unknown;
  hint?: string; // beside the title, seen while folded too
  is_folded?: true; // until it is opened for the first time
  grows?: true; // takes the height that is left
}

const MEMORY = "sisyphus-card-";

function isOpen(card: Card): boolean {
  const said = localStorage.getItem(MEMORY + card.name);
  return said === null ? !card.is_folded : said === "open";
}

/** `<details>`: works by key, mouse and touch without help. */
export function sideCard(card: Card): TemplateResult {
  const remember = (event: Event) => {
    const { open } = event.currentTarget as HTMLDetailsElement;
    if (open !== isOpen(card)) localStorage.setItem(MEMORY + card.name, open ? "open" : "folded");
  };
  return html`<details class="side-card ${card.grows ? "grows" : ""}" data-card=${card.name} ?open=${isOpen(card)} @toggle=${remember}>
    <summary class="side-card-title"><span>${card.title}</span><small class="side-card-hint">${card.hint ?? ""}</small></summary>
    <div class="side-card-body">${card.body}</div>
  </details>`;
}
