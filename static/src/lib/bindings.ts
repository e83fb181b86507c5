/** Every action of the grid and its dialogs with the keys it has until somebody changes them. In the order of the help. */

export interface Binding {
  action: string;
  does: string;
  keys: readonly string[]; // as nameOf() gives them
  is_fixed?: true; // cannot be changed
  repeats?: true; // goes on while the key is held; an answer never does
  group: Group;
}

export type Group = "Answer" | "Move" | "Select" | "Look" | "Search";

const answer = (action: string, keys: string[], does: string): Binding => ({
  action,
  keys,
  does,
  group: "Answer",
});
const move = (action: string, keys: string[], does: string): Binding => ({
  action,
  keys,
  does,
  group: "Move",
  repeats: true,
});
const select = (action: string, keys: string[], does: string): Binding => ({
  action,
  keys,
  does,
  group: "Select",
});
const look = (action: string, keys: string[], does: string): Binding => ({
  action,
  keys,
  does,
  group: "Look",
});
const search = (action: string, keys: string[], does: string): Binding => ({
  action,
  keys,
  does,
  group: "Search",
});

export const BINDINGS: readonly Binding[] = [
  answer("accept", ["a"], "accept the tile or the selection"),
  answer("reject", ["x"], "reject"),
  answer("unsure", ["u"], "unsure"),
  answer("later", ["space"], "later: out of the way, back at the end; not a verdict"),
  answer("accept-above", ["shift+a"], "light up every undecided tile on screen up to here, to accept"),
  answer("reject-below", ["shift+x"], "light up every undecided tile on screen from here, to reject"),
  { ...answer("apply", ["enter"], "apply what is lit up, else search with this tile"), is_fixed: true },
  {
    ...answer("drop", ["escape"], "drop what is lit up, or the selection; in a field: back to the tiles"),
    is_fixed: true,
  },
  answer("undo", ["z"], "undo the last batch"),
  answer("redo", ["shift+z"], "redo it"),
  {
    ...answer(
      "class",
      ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
      "switch to that class; in review: relabel",
    ),
    is_fixed: true,
  },
  move("left", ["arrowleft"], "one tile back"),
  move("right", ["arrowright"], "one tile on"),
  move("up", ["arrowup", "w"], "one row up"),
  move("down", ["arrowdown", "s"], "one row down"),
  move("page-up", ["pageup"], "one page up"),
  move("page-down", ["pagedown"], "one page down"),
  move("first", ["home"], "first tile"),
  move("last", ["end"], "last tile"),
  { ...select("extend-left", ["shift+arrowleft"], "select back; a drag draws a lasso"), repeats: true },
  { ...select("extend-right", ["shift+arrowright"], "select on"), repeats: true },
  { ...select("extend-up", ["shift+arrowup"], "select a row up"), repeats: true },
  { ...select("extend-down", ["shift+arrowdown"], "select a row down"), repeats: true },
  {
    ...select(
      "select-all",
      ["ctrl+a"],
      "select every tile shown so far; again: all that match, as weak labels",
    ),
    is_fixed: true,
  },
  select("invert", ["i"], "invert the selection"),
  look("open-stack", ["e"], "open the stack: answer its members one by one"),
  look("peek", ["v"], "full size; plays the run of a video"),
  look("go-to-frame", ["g"], "the item in its video, in a new tab"),
  look("regions", ["h"], "show or hide the regions that were found"),
  look("zoom-in", ["+", "shift++", "="], "larger tiles"),
  look("zoom-out", ["-"], "smaller tiles"),
  look("map", ["m"], "the map of the corpus"),
  look("help", ["?", "shift+?"], "this help"),
  search("add-positive", ["q"], "add to the query as a + example"),
  search("add-negative", ["n"], "add to the query as a − example"),
  search(
    "draw-box",
    ["c"],
    "draw a box on the frame: Enter searches with it, shift Enter accepts it as an item",
  ),
  search("apply-ranking", ["r"], "apply the better ranking now"),
  { ...search("cut-lower", ["["], "lower the cut line"), repeats: true },
  { ...search("cut-raise", ["]"], "raise the cut line"), repeats: true },
  search("query-bar", ["/"], "go to the query bar"),
  search("queries", ["p"], "queries asked before"),
];
