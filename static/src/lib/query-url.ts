/** A query in the address bar: class, terms, filters as one line, mode, mix. What is parsed is what was written. */

import { addressed } from "./box";
import { type Names, textOf, understand } from "./filter-text";
import { type Mix, mixText, parseMix } from "./mix";
import type { Box, Filters, Mode, Term, Unit } from "./wire";

export interface Query {
  class: number | null;
  terms: Term[];
  filters: Filters;
  mode: Mode;
  unit?: Unit; // none: frames, or clips where there is nothing else
  mix?: Mix | null; // none: the top of the ranking alone
  is_background?: true; // asked by the page on its own: no line of the history
}

const NO_NAMES: Names = { classes: [], sources: [] };
const WEIGHT = String.raw`(?:\*(?<weight>-?\d*\.?\d+))?`;
const BOX = String.raw`(?:@(?<sides>[\d.,]+))?`;
const TERM = new RegExp(
  `^(?:i(?<item>\\d+)|u(?<image>[0-9a-f-]{36})|(?<how>[cl])(?<class>\\d+)|m(?<classifier>\\d+)/(?<scored>\\d+)|v(?<video>\\d+)/(?<start>-?\\d+)\\.\\.(?<stop>-?\\d+)|t(?=[*:]))${WEIGHT}${BOX}(?::(?<text>.*))?$`,
  "s",
);

/** "i12*-1@0.1,0.2,0.5,0.6": item 12, weight -1, of that box; "u<uuid>" an uploaded image; "c5" a class, "l5" what was
 * learned of it; "m3/5" class 5 of classifier 3; "v7/0..90" pts [0, 90) of video 7; "t*-1:fog" a text. A vector has no place in an address. */
export function termText(term: Term): string {
  const subject = {
    item: `i${term.item}`,
    image: `u${term.image}`,
    class: `${term.learned ? "l" : "c"}${term.class}`,
    classifier: `m${term.classifier}/${term.class}`,
    span: `v${term.span?.media_file}/${term.span?.start_pts}..${term.span?.stop_pts}`,
    text: "t",
    vector: "",
  }[term.kind];
  const weight = term.weight === 1 ? "" : `*${term.weight}`;
  const box = term.box ? `@${addressed(term.box).join(",")}` : "";
  return `${subject}${weight}${box}${term.kind === "text" ? `:${term.text}` : ""}`;
}

/** Null for what is no term. */
export function parseTerm(text: string): Term | null {
  const parts = TERM.exec(text)?.groups;
  if (!parts) return null;
  const box = parts.sides?.split(",").map(Number) ?? null;
  if (box && (box.length !== 4 || box.some((side) => !(side >= 0 && side <= 1)))) return null;
  const common = { weight: parts.weight === undefined ? 1 : Number(parts.weight), box: box as Box | null };
  if (parts.item) return { kind: "item", item: Number(parts.item), ...common };
  if (parts.image) return { kind: "image", image: parts.image, ...common };
  if (box) return null;
  if (parts.class) {
    const learned = parts.how === "l" ? { learned: true } : {};
    return { kind: "class", class: Number(parts.class), ...learned, ...common };
  }
  if (parts.classifier)
    return {
      kind: "classifier",
      classifier: Number(parts.classifier),
      class: Number(parts.scored),
      ...common,
    };
  if (parts.video) {
    const span = {
      media_file: Number(parts.video),
      start_pts: Number(parts.start),
      stop_pts: Number(parts.stop),
    };
    return { kind: "span", span, ...common };
  }
  return parts.text?.trim() ? { kind: "text", text: parts.text, ...common } : null;
}

export function writeQuery(query: Query, names: Names = NO_NAMES): URLSearchParams {
  const parameters = new URLSearchParams();
  if (query.class !== null) parameters.set("class", String(query.class));
  for (const term of query.terms) if (term.kind !== "vector") parameters.append("term", termText(term));
  if (query.unit === "clip") parameters.set("unit", "clip");
  if (query.mode !== "similar") parameters.set("mode", query.mode);
  const line = textOf(query.filters, names);
  if (line) parameters.set("q", line);
  if (query.mix) parameters.set("mix", mixText(query.mix));
  return parameters;
}

/** Unknown and broken parts are left out; `misreadOf` says what is wrong with the line, `lostOf` what else is lost. */
export function readQuery(parameters: URLSearchParams, names: Names = NO_NAMES): Query {
  const line = readLine(parameters, names);
  const label_class = Number(parameters.get("class") || Number.NaN);
  const mix = parseMix(parameters.get("mix") ?? "");
  const of_line = line instanceof Error ? [] : [...line.phrases.map(termOfPhrase), ...line.terms];
  return {
    class: Number.isFinite(label_class) ? label_class : null,
    terms: [...parameters.getAll("term").flatMap((text) => parseTerm(text) ?? []), ...of_line],
    filters: line instanceof Error ? {} : line.filters,
    mode: parameters.get("mode") === "learned" ? "learned" : "similar",
    ...(parameters.get("unit") === "clip" ? { unit: "clip" as const } : {}),
    ...(mix ? { mix } : {}),
  };
}

/** What is wrong with the line of filters in an address; null for nothing. */
export function misreadOf(
  parameters: URLSearchParams,
  names: Names,
): { line: string; detail: string } | null {
  const line = readLine(parameters, names);
  return line instanceof Error ? { line: parameters.get("q") ?? "", detail: line.message } : null;
}

/** A sentence on the parts of an address, besides its line, that say nothing here; "" where all of it counts. */
export function lostOf(parameters: URLSearchParams, names: Names, units: readonly string[]): string {
  const label_class = parameters.get("class");
  const mix = parameters.get("mix");
  const unit = parameters.get("unit");
  const lost = parameters.getAll("term").filter((text) => parseTerm(text) === null);
  if (label_class && !names.classes.some(({ id }) => String(id) === label_class))
    lost.push(`class=${label_class}`);
  if (mix && parseMix(mix) === null) lost.push(`mix=${mix}`);
  if (unit && !units.includes(unit)) lost.push(`unit=${unit}`);
  const quoted = lost.map((part) => `“${part}”`).join(", ");
  return lost.length ? `The address was not understood whole: ${quoted} was left out.` : "";
}

export function termOfPhrase(phrase: { text: string; is_negative: boolean }): Term {
  return { kind: "text", text: phrase.text, box: null, weight: phrase.is_negative ? -1 : 1 };
}

function readLine(parameters: URLSearchParams, names: Names): ReturnType<typeof understand> | Error {
  try {
    return understand(parameters.get("q") ?? "", names);
  } catch (error) {
    return error as Error;
  }
}
