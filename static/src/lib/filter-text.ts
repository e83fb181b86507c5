/** Filters as one line of text and back: names become ids, ids become names. */

import { type Line, MARKS, type Phrase, parse, WORDS, write } from "./grammar";
import { rangeOfScore, type Scorer, termOfClassifier, textsOfRange } from "./scorers";
import type { Filters, MediaKind, Term } from "./wire";

export interface Named {
  id: number;
  name: string;
}

/** What a corpus has names for. */
export interface Names {
  classes: readonly Named[];
  sources: readonly Named[];
  scorers?: readonly Scorer[];
}

const ANSWER_OF_STATE: Readonly<Record<string, string>> = { accepted: "accept", rejected: "reject" };
const STATE_OF_ANSWER: Readonly<Record<string, string>> = { accept: "accepted", reject: "rejected" };
const NUM_NAMED = 8;

export interface Understood {
  filters: Filters;
  phrases: readonly Phrase[];
  terms: readonly Term[]; // classifiers to rank by
}

/** What `text` asks for; an Error says which part is not understood and what would be valid. */
export function understand(text: string, names: Names): Understood {
  const line = parse(text);
  const { wanted, unwanted, phrases, ...numbers } = line;
  const filters: Filters = { ...numbers };
  const states = statesOf(line);
  if (states) filters.states = states.map((state) => ANSWER_OF_STATE[state] ?? state);
  const marks = unwanted.state?.filter((word) => MARKS.includes(word));
  if (marks?.length) filters.not_states = marks;
  const kinds = alternatives(line, "kind");
  if (kinds) filters.kinds = kinds as MediaKind[];
  const splits = alternatives(line, "split");
  if (splits) filters.splits = splits;
  if (wanted.has) filters.has = [...wanted.has];
  if (unwanted.has) filters.has_not = [...unwanted.has];
  if (wanted.source) filters.sources = idsOf("source", wanted.source, names.sources);
  if (unwanted.source) filters.not_sources = idsOf("source", unwanted.source, names.sources);
  if (wanted.class) filters.classes = idsOf("class", wanted.class, names.classes);
  if (unwanted.class) filters.not_classes = idsOf("class", unwanted.class, names.classes);
  const [ids, patterns] = filesOf(wanted.file);
  if (ids.length) filters.media_files = ids;
  if (patterns.length) filters.files = patterns;
  const [not_ids, not_patterns] = filesOf(unwanted.file);
  if (not_ids.length) filters.not_media_files = not_ids;
  if (not_patterns.length) filters.not_files = not_patterns;
  if (wanted.map) filters.map_regions = wanted.map.map(numberOf);
  if (unwanted.map) filters.not_map_regions = unwanted.map.map(numberOf);
  if (wanted.item) filters.items = wanted.item.map(itemOf);
  if (unwanted.item) filters.not_items = unwanted.item.map(itemOf);
  const scorers = names.scorers ?? [];
  if (wanted.score) filters.scores = wanted.score.map((text) => rangeOfScore(text, scorers));
  const terms = [wanted, unwanted].flatMap((side, at) =>
    (side.classifier ?? []).map((name) => termOfClassifier(name, at === 1, scorers)),
  );
  return { filters, phrases, terms };
}

/** The line that `understand` turns into these filters. */
export function textOf(filters: Filters, names: Names): string {
  const wanted: Record<string, string[]> = {};
  const unwanted: Record<string, string[]> = {};
  const put = (side: Record<string, string[]>, key: string, values: readonly string[] | undefined) => {
    if (values?.length) side[key] = WORDS[key]?.filter((word) => values.includes(word)) ?? [...values].sort();
  };
  put(
    wanted,
    "state",
    filters.states?.map((state) => STATE_OF_ANSWER[state] ?? state),
  );
  put(unwanted, "state", filters.not_states);
  put(wanted, "kind", filters.kinds);
  put(wanted, "split", filters.splits);
  put(wanted, "has", filters.has);
  put(unwanted, "has", filters.has_not);
  put(wanted, "source", namesOf(filters.sources, names.sources));
  put(unwanted, "source", namesOf(filters.not_sources, names.sources));
  put(wanted, "class", namesOf(filters.classes, names.classes));
  put(unwanted, "class", namesOf(filters.not_classes, names.classes));
  put(wanted, "file", [...numbered(filters.media_files), ...(filters.files ?? [])]);
  put(unwanted, "file", [...numbered(filters.not_media_files), ...(filters.not_files ?? [])]);
  put(wanted, "map", numbered(filters.map_regions));
  put(unwanted, "map", numbered(filters.not_map_regions));
  put(wanted, "item", numbered(filters.items));
  put(unwanted, "item", numbered(filters.not_items));
  put(
    wanted,
    "score",
    filters.scores?.flatMap((each) => textsOfRange(each, names.scorers ?? [])),
  );
  const { start_seconds, stop_seconds, min_similarity } = filters;
  return write({
    wanted,
    unwanted,
    phrases: [],
    ...(start_seconds === undefined ? {} : { start_seconds }),
    ...(stop_seconds === undefined ? {} : { stop_seconds }),
    ...(min_similarity === undefined ? {} : { min_similarity }),
  });
}

/** Sources by the name of their folder, by their number where two are called alike. */
export function shortNames(rows: readonly Named[]): Named[] {
  const short = rows.map(({ name }) => name.replace(/\/+$/, "").split("/").at(-1) || name);
  return rows.map((row, at) => {
    const name = short[at] ?? row.name;
    return { id: row.id, name: short.filter((each) => each === name).length === 1 ? name : `#${row.id}` };
  });
}

/** The answers and marks that are left. What is not to be disputed or put off may have any answer. */
function statesOf(line: Line): string[] | undefined {
  const { wanted, unwanted } = line;
  if (!wanted.state && (unwanted.state ?? []).every((word) => MARKS.includes(word))) return undefined;
  return alternatives(line, "state", wanted.state ? [] : MARKS);
}

/** The values that are left: those wanted, or all `but` some, less those unwanted. */
function alternatives(line: Line, key: string, but: readonly string[] = []): string[] | undefined {
  const unwanted = [...(line.unwanted[key] ?? []), ...but];
  if (!line.wanted[key] && !unwanted.length) return undefined;
  const left = (line.wanted[key] ?? WORDS[key] ?? []).filter((word) => !unwanted.includes(word));
  if (!left.length) throw new Error(`${key}: what is asked for is left out again; nothing can be found.`);
  return left;
}

/** A lasso has a number and no name. */
function numberOf(name: string): number {
  if (!isId(name)) throw new Error(`map: “${name}” is no lasso; name it by its number, as in map:#12.`);
  return Number(name.slice(1));
}

function itemOf(name: string): number {
  if (!isId(name)) throw new Error(`item: “${name}” is no item; name it by its number, as in item:#3.`);
  return Number(name.slice(1));
}

function idsOf(key: string, wanted: readonly string[], rows: readonly Named[]): number[] {
  return wanted.map((name) => {
    const lower = name.toLowerCase();
    const ids = rows.filter((row) => row.name.toLowerCase() === lower).map((row) => row.id);
    const [id] = ids.length || !isId(name) ? ids : [Number(name.slice(1))];
    if (id === undefined) {
      const known = rows.slice(0, NUM_NAMED).map((row) => row.name);
      const more = rows.length > NUM_NAMED ? ` and ${rows.length - NUM_NAMED} more` : "";
      throw new Error(
        `${key}: there is no ${key} “${name}” here. There are: ${known.join(", ") || "none yet"}${more}.`,
      );
    }
    if (ids.length > 1)
      throw new Error(
        `${key}: ${ids.length} are called “${name}”; name one by its number, as in ${key}:#${id}.`,
      );
    return id;
  });
}

function namesOf(ids: readonly number[] | undefined, rows: readonly Named[]): string[] | undefined {
  return ids?.map((id) => {
    const name = rows.find((row) => row.id === id)?.name;
    const is_one = rows.filter((row) => row.name.toLowerCase() === name?.toLowerCase()).length === 1;
    return name !== undefined && is_one ? name : `#${id}`;
  });
}

function filesOf(values: readonly string[] | undefined): [ids: number[], patterns: string[]] {
  const files = values ?? [];
  return [files.filter(isId).map((name) => Number(name.slice(1))), files.filter((name) => !isId(name))];
}

function numbered(ids: readonly number[] | undefined): string[] {
  return (ids ?? []).map((id) => `#${id}`);
}

function isId(name: string): boolean {
  return /^#\d{1,17}$/.test(name);
}
