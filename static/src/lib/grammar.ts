/**
 * One line of text that says what may be found: `night -class:truck split:none time:10-20`.
 * The same grammar as labeling/compute/grammar.py, where it is described; grammar_cases.json binds the two.
 */

export const WORDS: Readonly<Record<string, readonly string[]>> = {
  state: ["untouched", "accepted", "rejected", "weak", "unsure", "disputed", "later"],
  kind: ["image", "video"],
  split: ["train", "val", "test", "none"],
  has: ["verdict", "weak", "dispute", "stack", "box", "image", "video"],
};
/** States that an item has beside one of the others. */
export const MARKS: readonly string[] = ["disputed", "later"];
export const KEYS = [
  "state",
  "source",
  "class",
  "kind",
  "file",
  "map",
  "item",
  "time",
  "split",
  "has",
  "similarity",
  "score",
  "classifier",
] as const;
const ALIASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  state: { accept: "accepted", reject: "rejected" },
  kind: { photo: "image" },
};
const RANGES = ["time", "similarity"];
export const EXAMPLES: Readonly<Record<string, string>> = {
  time: "time:10-20, time:1:30-, time:-5 (seconds in the video)",
  similarity: "similarity:>0.6",
  source: 'source:"north camera"',
  class: "class:truck",
  file: "file:night*.mp4",
  map: "map:#12 (a lasso on the map)",
  item: "item:#3,#5",
  score: "score:truck>=0.7",
  classifier: "classifier:truck",
};
const CLOCK = String.raw`(?:\d{1,9}:)?(?:\d{1,9}:)?\d{1,9}(?:\.\d{1,6})?`;
const TIME = new RegExp(`^(${CLOCK})?-(${CLOCK})?$`);
const SIMILARITY = /^(?:>=?)?(-?(?:0?\.\d{1,6}|[01](?:\.\d{1,6})?))$/;
const SCORE = /^(.*[^\s<>=])\s*(>=?|<=?)\s*(0?\.\d{1,6}|[01](?:\.\d{1,6})?)$/;
const KEY = /([A-Za-z_]+):/y;

/** What cannot be understood: the part of the line, where it is, and what would be valid. */
export class GrammarError extends Error {
  readonly token: string;

  constructor(
    line: string,
    readonly start: number,
    readonly stop: number,
    detail: string,
  ) {
    const token = line.slice(start, stop);
    super(`“${token}”: ${detail}`);
    this.token = token;
  }
}

export interface Phrase {
  text: string;
  is_negative: boolean;
}

type Sides = Readonly<Record<string, readonly string[]>>;

/** A line understood. */
export interface Line {
  wanted: Sides; // key -> values, as in WORDS or names
  unwanted: Sides;
  start_seconds?: number;
  stop_seconds?: number;
  min_similarity?: number;
  phrases: readonly Phrase[];
}

/** A part of a line, where it stands, and how far it was typed. */
interface Part {
  start: number;
  stop: number;
  key: string;
  values: string[];
  is_negative: boolean;
  is_quoted: boolean;
}

/** What `line` asks for; GrammarError names the first part that cannot be understood. */
export function parse(line: string): Line {
  const sides = [new Map<string, string[]>(), new Map<string, string[]>()] as const;
  const numbers: Partial<Pick<Line, "start_seconds" | "stop_seconds" | "min_similarity">> = {};
  const bare: string[] = [];
  const quoted: Phrase[] = [];
  for (const part of partsOf(line)) {
    const { key, values, is_negative } = part;
    if (key === "") {
      if (part.is_quoted || is_negative) quoted.push({ text: values[0] ?? "", is_negative });
      else bare.push(values[0] ?? "");
    } else if (RANGES.includes(key)) Object.assign(numbers, rangeOf(line, part, numbers));
    else {
      const side = sides[is_negative ? 1 : 0];
      side.set(key, [...(side.get(key) ?? []), ...values.map((value) => wordOf(line, part, value))]);
    }
  }
  const phrases = [...(bare.length ? [{ text: bare.join(" "), is_negative: false }] : []), ...quoted];
  const isFirst = (phrase: Phrase, at: number) =>
    phrases.findIndex((each) => each.text === phrase.text && each.is_negative === phrase.is_negative) === at;
  return {
    wanted: inOrder(sides[0]),
    unwanted: inOrder(sides[1]),
    ...numbers,
    phrases: phrases.filter(isFirst),
  };
}

/** The one text of `line`. */
export function write(line: Line): string {
  const parts: string[] = [];
  const positive = line.phrases.filter((phrase) => !phrase.is_negative);
  for (const { text, is_negative } of line.phrases) {
    const is_bare = is_negative ? isBare(text) : positive.length === 1 && text.split(" ").every(isBare);
    parts.push((is_negative ? "-" : "") + (is_bare ? text : quote(text)));
  }
  for (const key of KEYS) {
    const { start_seconds, stop_seconds, min_similarity } = line;
    if (key === "time" && (start_seconds !== undefined || stop_seconds !== undefined))
      parts.push(`time:${numberText(start_seconds)}-${numberText(stop_seconds)}`);
    else if (key === "similarity" && min_similarity !== undefined)
      parts.push(`similarity:>${numberText(min_similarity)}`);
    for (const [sign, side] of [["", line.wanted] as const, ["-", line.unwanted] as const]) {
      const values = side[key];
      if (values?.length) parts.push(`${sign}${key}:${values.map(valueText).join(",")}`);
    }
  }
  return parts.join(" ");
}

/** What a score that was parsed asks for: at least that number of the classifier called so, or below it. */
export function scoreOf(value: string): { name: string; is_least: boolean; number: number } {
  const match = SCORE.exec(value);
  if (!match) throw new Error(`a score looks like ${EXAMPLES.score}, got ${value}`);
  return { name: match[1] ?? "", is_least: match[2]?.startsWith(">") ?? true, number: Number(match[3]) };
}

/** A value as it stands in a line: in quotes where it must. */
export function valueText(value: string): string {
  return /^[^\s",\\]+$/.test(value) ? value : quote(value);
}

/** At most six digits behind the point, none that say nothing. */
export function numberText(number: number | undefined): string {
  return number === undefined ? "" : number.toFixed(6).replace(/0+$/, "").replace(/\.$/, "");
}

function* partsOf(line: string): Generator<Part> {
  let at = 0;
  while (true) {
    while (at < line.length && /\s/.test(line[at] ?? "")) at++;
    if (at >= line.length) return;
    const start = at;
    const is_negative = line[at] === "-";
    if (is_negative) at++;
    let key = "";
    KEY.lastIndex = at;
    const match = KEY.exec(line);
    if (match) {
      key = (match[1] ?? "").toLowerCase();
      at = KEY.lastIndex;
      if (!(KEYS as readonly string[]).includes(key)) {
        const detail = `there is no key ${key}; keys are ${KEYS.join(", ")}. Text with a colon stands in quotes`;
        throw new GrammarError(line, start, endOf(line, at), detail);
      }
    }
    const is_quoted = line[at] === '"';
    const read = valuesAt(line, start, at, key !== "" && !RANGES.includes(key));
    at = read.stop;
    if (!read.values.every((value) => value.trim())) {
      const detail = key ? `${key} needs a value, as in ${exampleOf(key)}` : "there is no text here";
      throw new GrammarError(line, start, Math.max(at, start + 1), detail);
    }
    yield { start, stop: at, key, values: read.values, is_negative, is_quoted };
  }
}

function valuesAt(line: string, start: number, at: number, is_list: boolean) {
  const values: string[] = [];
  let from = at;
  while (true) {
    const read = line[from] === '"' ? quotedAt(line, start, from) : bareAt(line, from, is_list);
    values.push(read.value);
    from = read.stop;
    if (is_list && line[from] === ",") {
      from++;
      continue;
    }
    if (from < line.length && !/\s/.test(line[from] ?? ""))
      throw new GrammarError(line, start, endOf(line, from), "after a closing quote comes a space");
    return { values, stop: from };
  }
}

function bareAt(line: string, at: number, is_list: boolean) {
  let stop = at;
  while (stop < line.length && !/\s/.test(line[stop] ?? "") && !(is_list && line[stop] === ",")) {
    if (line[stop] === '"')
      throw new GrammarError(
        line,
        at,
        endOf(line, stop),
        "a quote stands at the beginning of what it quotes",
      );
    stop++;
  }
  return { value: line.slice(at, stop), stop };
}

function quotedAt(line: string, start: number, at: number) {
  let value = "";
  let stop = at + 1;
  while (stop < line.length && line[stop] !== '"') {
    if (line[stop] === "\\" && (line[stop + 1] === '"' || line[stop + 1] === "\\")) stop++;
    value += line[stop];
    stop++;
  }
  if (stop >= line.length)
    throw new GrammarError(line, start, line.length, 'the quote is not closed: add a "');
  return { value, stop: stop + 1 };
}

function endOf(line: string, at: number): number {
  let stop = at;
  while (stop < line.length && !/\s/.test(line[stop] ?? "")) stop++;
  return stop;
}

function wordOf(line: string, part: Part, value: string): string {
  if (part.key === "score") return scoreAsKept(line, part, value.trim());
  const words = WORDS[part.key];
  if (!words) return value.trim();
  const lower = value.toLowerCase();
  const word = ALIASES[part.key]?.[lower] ?? lower;
  if (!words.includes(word)) {
    const detail = `${part.key} is one of ${words.join(", ")}, not “${value}”`;
    throw new GrammarError(line, part.start, part.stop, detail);
  }
  return word;
}

/** `>` is kept as `>=`, and `<=` as `<`. */
function scoreAsKept(line: string, part: Part, value: string): string {
  if (part.is_negative || !SCORE.test(value) || Number(SCORE.exec(value)?.[3]) > 1) {
    const how = part.is_negative ? "cannot be turned round; say < for >=, as in" : "looks like";
    throw new GrammarError(line, part.start, part.stop, `score ${how} ${exampleOf("score")}, 0 to 1`);
  }
  const { name, is_least, number } = scoreOf(value);
  return `${name}${is_least ? ">=" : "<"}${numberText(number) || "0"}`;
}

function rangeOf(line: string, part: Part, known: Partial<Line>): Partial<Line> {
  const { key, start, stop } = part;
  const [value = ""] = part.values;
  const fail = (detail: string) => new GrammarError(line, start, stop, detail);
  if (part.is_negative)
    throw fail(`${key} cannot be turned round; give what is wanted, as in ${exampleOf(key)}`);
  const twice = `${key} is there already; give it once`;
  if (key === "time") {
    const match = TIME.exec(value);
    const [from, to] = [secondsOf(match?.[1]), secondsOf(match?.[2])];
    if (!match || (from === undefined && to === undefined)) throw fail(`time looks like ${exampleOf(key)}`);
    if (from !== undefined && to !== undefined && !(from < to)) throw fail("time begins before it ends");
    if (known.start_seconds !== undefined || known.stop_seconds !== undefined) throw fail(twice);
    return {
      ...(from === undefined ? {} : { start_seconds: from }),
      ...(to === undefined ? {} : { stop_seconds: to }),
    };
  }
  const match = SIMILARITY.exec(value);
  if (!match || Math.abs(Number(match[1])) > 1)
    throw fail(`similarity looks like ${exampleOf(key)}, -1 to 1`);
  if (known.min_similarity !== undefined) throw fail(twice);
  return { min_similarity: Number(match[1]) };
}

/** "90", "1:30" and "0:01:30" are 90. */
export function secondsOf(clock: string | undefined): number | undefined {
  if (!clock) return undefined;
  const seconds = clock.split(":").reduce((sum, each) => sum * 60 + Number(each), 0);
  return Math.round(seconds * 1e6) / 1e6;
}

function inOrder(side: ReadonlyMap<string, readonly string[]>): Sides {
  const ordered = (key: string, values: readonly string[]) =>
    WORDS[key]?.filter((word) => values.includes(word)) ?? [...new Set(values)].sort(byCodePoint);
  return Object.fromEntries(
    KEYS.flatMap((key) => (side.has(key) ? [[key, ordered(key, side.get(key) ?? [])]] : [])),
  );
}

function byCodePoint(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function exampleOf(key: string): string {
  return EXAMPLES[key] ?? `${key}:${WORDS[key]?.[0] ?? ""}`;
}

function isBare(word: string): boolean {
  return word !== "" && !word.startsWith("-") && !/["\s]/.test(word) && !/^[A-Za-z_]+:/.test(word);
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
