/** A query in the address bar: class, terms, filters, mode. What is parsed is what was written. */

import type { Box, Filters, MediaKind, Mode, Term } from "./wire";

export interface Query {
  class: number | null;
  terms: Term[];
  filters: Filters;
  mode: Mode;
}

const STATES = ["untouched", "accept", "reject", "unsure", "weak"];

/** "i12*-1@0.1,0.2,0.5,0.6": item 12, weight -1, of that box; "u<uuid>" an uploaded image. */
export function termText(term: Term): string {
  const subject = term.kind === "item" ? `i${term.item}` : `u${term.image}`;
  const weight = term.weight === 1 ? "" : `*${term.weight}`;
  return subject + weight + (term.box ? `@${term.box.map((side) => +side.toFixed(4)).join(",")}` : "");
}

/** Null for what is no term. */
export function parseTerm(text: string): Term | null {
  const parts = /^(?:i(\d+)|u([0-9a-f-]{36}))(?:\*(-?\d*\.?\d+))?(?:@([\d.,]+))?$/.exec(text);
  if (!parts) return null;
  const [, item, image, weight, sides] = parts;
  const box = sides?.split(",").map(Number) ?? null;
  if (box && (box.length !== 4 || box.some((side) => !(side >= 0 && side <= 1)))) return null;
  return {
    kind: item ? "item" : "image",
    ...(item ? { item: Number(item) } : { image: image ?? "" }),
    weight: weight === undefined ? 1 : Number(weight),
    box: box as Box | null,
  };
}

export function writeQuery(query: Query): URLSearchParams {
  const { filters } = query;
  const parameters = new URLSearchParams();
  if (query.class !== null) parameters.set("class", String(query.class));
  for (const term of query.terms) parameters.append("term", termText(term));
  if (query.mode !== "similar") parameters.set("mode", query.mode);
  const lists = {
    state: filters.states,
    kind: filters.kinds,
    media: filters.media_files,
    source: filters.sources,
  };
  for (const [name, values] of Object.entries(lists)) {
    for (const value of values ?? []) parameters.append(name, String(value));
  }
  const numbers = {
    from: filters.start_seconds,
    to: filters.stop_seconds,
    similarity: filters.min_similarity,
  };
  for (const [name, value] of Object.entries(numbers)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters;
}

/** Unknown and broken parts are left out. */
export function readQuery(parameters: URLSearchParams): Query {
  const filters: Filters = {};
  const states = parameters.getAll("state").filter((state) => STATES.includes(state));
  if (states.length) filters.states = states;
  const kinds = parameters.getAll("kind").filter((kind) => kind === "image" || kind === "video");
  if (kinds.length) filters.kinds = kinds as MediaKind[];
  const media_files = parameters.getAll("media").map(Number).filter(Number.isInteger);
  if (media_files.length) filters.media_files = media_files;
  const sources = parameters.getAll("source").map(Number).filter(Number.isInteger);
  if (sources.length) filters.sources = sources;
  const number = (name: string, least = Number.NEGATIVE_INFINITY): number | null => {
    const text = parameters.get(name);
    const value = text === null || text === "" ? Number.NaN : Number(text);
    return Number.isFinite(value) && value >= least ? value : null;
  };
  const [from, to, similarity] = [number("from", 0), number("to", 0), number("similarity")];
  if (from !== null) filters.start_seconds = from;
  if (to !== null) filters.stop_seconds = to;
  if (similarity !== null) filters.min_similarity = similarity;
  return {
    class: number("class"),
    terms: parameters
      .getAll("term")
      .map(parseTerm)
      .filter((term) => term !== null),
    filters,
    mode: parameters.get("mode") === "learned" ? "learned" : "similar",
  };
}
