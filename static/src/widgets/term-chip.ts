/** One term of a query: its sign, what it is, its weight. Keys on a chip: + and - set the sign, Delete removes it. */

import { html, nothing, type TemplateResult } from "lit";
import { viewOf } from "../lib/box";
import type { Named } from "../lib/filter-text";
import { nameOfScorer, type Scorer } from "../lib/scorers";
import type { Term } from "../lib/wire";

export interface ChipParts {
  pictureOf(term: Term): string;
  classes: readonly Named[];
  scorers: readonly Scorer[];
  gone: ReadonlySet<number>;
  change(index: number, part: Partial<Term>): void;
  remove(index: number): void;
  draw(term: Term): void;
}

export function termChip(term: Term, index: number, parts: ChipParts): TemplateResult {
  const is_negative = term.weight < 0;
  const is_gone = parts.gone.has(index);
  const name = `${is_negative ? "minus" : "plus"} ${nameOf(term, index, parts)}${is_gone ? ", not there any more" : ""}`;
  const size = Math.abs(term.weight);
  const weigh = (wanted: number) =>
    parts.change(index, { weight: (is_negative ? -1 : 1) * Math.min(5, Math.max(0.1, wanted || 1)) });
  const key = (event: KeyboardEvent) => {
    const is_number = (event.target as HTMLElement).matches("input");
    if (event.key === "+" || event.key === "-")
      parts.change(index, { weight: event.key === "-" ? -size : size });
    else if (!is_number && (event.key === "Delete" || event.key === "Backspace")) parts.remove(index);
    else if (!is_number && event.key === "ArrowUp") weigh(tenth(size + 0.1));
    else if (!is_number && event.key === "ArrowDown") weigh(tenth(size - 0.1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<span class="term" data-sign=${is_negative ? "minus" : "plus"} data-kind=${term.kind} ?data-gone=${is_gone} @keydown=${key}>
    <button
      type="button"
      class="term-sign"
      title="${is_negative ? "Less like this" : "More like this"}: click or + and - change the sign, arrows the weight, Delete removes"
      aria-label="${name}, weight ${size}: change the sign"
      @click=${() => parts.change(index, { weight: -term.weight })}
    >
      ${is_negative ? "−" : "+"}
    </button>
    ${is_gone ? html`<span class="term-text" title="It was deleted, or belongs to another corpus">gone</span>` : bodyOf(term, index, name, parts)}
    <input
      type="number"
      class="term-weight"
      min="0.1"
      max="5"
      step="0.1"
      title="Weight"
      aria-label="${name}: weight"
      .value=${String(size)}
      @change=${(event: Event) => weigh(Math.abs(Number((event.target as HTMLInputElement).value)))}
    />
    <button type="button" class="term-remove" aria-label="Remove ${name}" title="Remove" @click=${() => parts.remove(index)}>✕</button>
  </span>`;
}

function bodyOf(term: Term, index: number, name: string, parts: ChipParts) {
  switch (term.kind) {
    case "text":
      return html`<span class="term-text clip" title=${term.text ?? ""}>“${term.text}”</span>`;
    case "vector":
      return html`<span class="term-text" title="A vector, given over REST">vector</span>`;
    case "span":
      return html`<span class="term-text" title="A part of a video">part of a video</span>`;
    case "classifier":
      return html`<span class="term-text" title="By the score of this classifier"
        ><span class="clip">${scorerOf(term, parts)}</span> <small>classifier</small></span
      >`;
    case "class": {
      const how = term.learned ? "learned" : "mean";
      return html`<button
        type="button"
        class="term-class"
        title="By ${term.learned ? "what was learned from its answers" : "the mean of what was accepted"}: click to change"
        aria-label="${name}, by ${how}: change"
        @click=${() => parts.change(index, { learned: !term.learned })}
      >
        <span class="clip">${classOf(term, parts)}</span> <small>${how}</small>
      </button>`;
    }
    default:
      return html`<button type="button" class="term-picture" title="Draw a box on it" aria-label="${name}: draw a box" @click=${() => parts.draw(term)}>
        <img src=${parts.pictureOf(term)} alt="" .style=${term.box ? viewOf(term.box) : ""} />${term.box ? html`<span class="term-crop" aria-hidden="true">▣</span>` : nothing}
      </button>`;
  }
}

function nameOf(term: Term, index: number, parts: ChipParts): string {
  if (term.kind === "text") return `text ${term.text}`;
  if (term.kind === "class") return `class ${classOf(term, parts)}`;
  if (term.kind === "classifier") return `classifier ${scorerOf(term, parts)}`;
  if (term.kind === "vector") return "vector";
  if (term.kind === "span") return "part of a video";
  return `example ${index + 1}${term.box ? ", a box of it" : ""}`;
}

function classOf(term: Term, parts: ChipParts): string {
  return parts.classes.find((each) => each.id === term.class)?.name ?? `#${term.class}`;
}

function scorerOf(term: Term, parts: ChipParts): string {
  return nameOfScorer(term.classifier ?? 0, term.class ?? 0, parts.scorers);
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
