/** What may follow in a line of filters: keys, then the values of a key. No DOM. */

import type { Names } from "./filter-text";
import { KEYS, valueText, WORDS } from "./grammar";

export interface Suggestion {
  text: string; // what takes the place of the line's part from `start` to `stop`
  start: number;
  stop: number;
  label: string;
  hint: string;
}

const HINTS: Readonly<Record<string, string>> = {
  state: "answered, disputed, put off: in the class at hand",
  source: "folder it came from",
  class: "accepted in another class",
  kind: "photo or video",
  map: "inside a lasso of the map: #12",
  item: "items by their numbers: #3,#5",
  file: "part of a file's name, * for anything",
  time: "seconds in the video: 10-20",
  split: "side in the dataset versions",
  has: "a verdict, a stack, a box, …",
  similarity: "at least: >0.6",
  score: "by a classifier: truck>=0.7",
  classifier: "rank by a live classifier",
};
const MOST = 12;

/** The part of the line that the caret is in: where it begins, its sign, key and last value so far. */
export interface Typing {
  start: number; // of the value, or of the key where there is none yet
  sign: string;
  key: string; // "" while the key itself is typed
  typed: string;
}

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const BEFORE_VALUE = /(?:^|\s)(-?)([A-Za-z_]+):(?:(?:[^\s",]*|"(?:[^"\\]|\\.)*"),)*$/;
const KEY = /(?:^|\s)(-?)([^\s",:]*)$/;

/** Null inside a quoted text, and where nothing can be completed. */
export function typingAt(line: string, caret: number): Typing | null {
  const before = line.slice(0, caret);
  const open = before.replace(QUOTED, (quoted) => "_".repeat(quoted.length)).indexOf('"');
  const from = open >= 0 ? open : caret - (/[^\s",:]*$/.exec(before)?.[0].length ?? 0);
  const match = BEFORE_VALUE.exec(before.slice(0, from));
  if (match) {
    const [, sign = "", key = ""] = match;
    return { start: from, sign, key: key.toLowerCase(), typed: before.slice(open >= 0 ? from + 1 : from) };
  }
  const [, sign, typed] = (open < 0 && KEY.exec(before)) || [];
  return sign === undefined || typed === undefined
    ? null
    : { start: caret - typed.length, sign, key: "", typed };
}

/** `files` are names that the server found for what is typed. */
export function suggestions(
  line: string,
  caret: number,
  names: Names,
  files: readonly string[] = [],
): Suggestion[] {
  const typing = typingAt(line, caret);
  if (!typing) return [];
  const { start, key, typed } = typing;
  const span = { start, stop: caret };
  if (!key) {
    const lower = typed.toLowerCase();
    return KEYS.filter((each) => each.startsWith(lower) && (typing.sign === "" || !isRange(each))).map(
      (each) => ({
        ...span,
        text: `${each}:`,
        label: `${typing.sign}${each}:`,
        hint: HINTS[each] ?? "",
      }),
    );
  }
  const values =
    WORDS[key] ??
    { source: names.sources, class: names.classes, classifier: names.scorers }[key]?.map(
      ({ name }) => name,
    ) ??
    (key === "file" ? files : []);
  const chosen = values.filter((value) => value.toLowerCase().includes(typed.toLowerCase())).slice(0, MOST);
  return chosen
    .filter((value) => value.toLowerCase() !== typed.toLowerCase() || chosen.length > 1)
    .map((value) => ({ ...span, text: `${valueText(value)} `, label: value, hint: "" }));
}

function isRange(key: string): boolean {
  return key === "time" || key === "similarity" || key === "score";
}
