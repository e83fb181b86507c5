/** Which key does what in the grid and in its dialogs. No DOM: a key press in, the name of an action out. */

export interface Press {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
}

interface Binding {
  keys: readonly string[];
  shown: string;
  does: string;
  action: string;
  repeats?: true;
}

/** In the order of the help page. `shift+` is part of a key's name where it matters. */
export const BINDINGS: readonly Binding[] = [
  { keys: ["a"], shown: "a", does: "accept the tile or the selection", action: "accept" },
  { keys: ["x"], shown: "x", does: "reject", action: "reject" },
  { keys: ["u"], shown: "u", does: "unsure", action: "unsure" },
  {
    keys: ["space"],
    shown: "space",
    does: "later: out of the way, back at the end; not a verdict",
    action: "later",
  },
  {
    keys: ["shift+a"],
    shown: "shift + a",
    does: "accept every undecided tile on screen up to here",
    action: "accept-above",
  },
  {
    keys: ["shift+x"],
    shown: "shift + x",
    does: "reject every undecided tile on screen from here",
    action: "reject-below",
  },
  {
    keys: ["enter"],
    shown: "enter",
    does: "apply what is lit up, else search with this tile",
    action: "apply",
  },
  { keys: ["escape"], shown: "esc", does: "drop what is lit up, or the selection", action: "drop" },
  { keys: ["z"], shown: "z", does: "undo the last batch", action: "undo" },
  { keys: ["shift+z"], shown: "shift + z", does: "redo it", action: "redo" },
  { keys: ["arrowleft"], shown: "← →", does: "one tile", action: "left", repeats: true },
  { keys: ["arrowright"], shown: "", does: "", action: "right", repeats: true },
  { keys: ["arrowup", "w"], shown: "↑ ↓ or w s", does: "one row", action: "up", repeats: true },
  { keys: ["arrowdown", "s"], shown: "", does: "", action: "down", repeats: true },
  { keys: ["pageup"], shown: "PgUp PgDn", does: "one page", action: "page-up", repeats: true },
  { keys: ["pagedown"], shown: "", does: "", action: "page-down", repeats: true },
  { keys: ["home"], shown: "Home End", does: "first and last tile", action: "first" },
  { keys: ["end"], shown: "", does: "", action: "last" },
  {
    keys: ["shift+arrowleft"],
    shown: "shift + arrows",
    does: "select a range; drag draws a lasso",
    action: "extend-left",
    repeats: true,
  },
  { keys: ["shift+arrowright"], shown: "", does: "", action: "extend-right", repeats: true },
  { keys: ["shift+arrowup"], shown: "", does: "", action: "extend-up", repeats: true },
  { keys: ["shift+arrowdown"], shown: "", does: "", action: "extend-down", repeats: true },
  { keys: ["ctrl+a"], shown: "ctrl + a", does: "select every tile shown so far", action: "select-all" },
  { keys: ["i"], shown: "i", does: "invert the selection", action: "invert" },
  { keys: ["e"], shown: "e", does: "open the stack: answer its members one by one", action: "open-stack" },
  { keys: ["v"], shown: "v", does: "peek at full size", action: "peek" },
  { keys: ["q"], shown: "q", does: "add to the query as a + example", action: "add-positive" },
  { keys: ["n"], shown: "n", does: "add to the query as a − example", action: "add-negative" },
  { keys: ["c"], shown: "c", does: "draw a box on the frame and search with it", action: "draw-box" },
  { keys: ["r"], shown: "r", does: "apply the better ranking now", action: "apply-ranking" },
  { keys: ["["], shown: "[ ]", does: "lower, raise the cut line", action: "cut-lower", repeats: true },
  { keys: ["]"], shown: "", does: "", action: "cut-raise", repeats: true },
  {
    keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shown: "1 – 9",
    does: "switch to that class",
    action: "class",
  },
  { keys: ["/"], shown: "/", does: "go to the query bar", action: "query-bar" },
  { keys: ["?", "shift+?"], shown: "?", does: "this help", action: "help" },
];

const OF_KEY = new Map(BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding] as const)));

/** The key's name as BINDINGS has it: "shift+a", "space", "ctrl+a"; meta counts as ctrl; null with alt. */
export function nameOf(press: Press): string | null {
  if (press.altKey) return null;
  const key = press.key === " " ? "space" : press.key.toLowerCase();
  return `${press.ctrlKey || press.metaKey ? "ctrl+" : ""}${press.shiftKey ? "shift+" : ""}${key}`;
}

/** The action of a key press; null for no binding, for a modifier that is not listed and for a repeat that may not. */
export function actionOf(press: Press): string | null {
  const name = nameOf(press);
  const binding = name === null ? undefined : OF_KEY.get(name);
  if (!binding || (press.repeat && !binding.repeats)) return null;
  return binding.action === "class" ? `class-${press.key}` : binding.action;
}
