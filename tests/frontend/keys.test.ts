import { describe, expect, it } from "vitest";
import { BINDINGS } from "../../static/src/lib/bindings";
import { Keymap, type Press } from "../../static/src/lib/keymap";
import { nextUndecided, rangeOf, Selection } from "../../static/src/lib/selection";

function press(key: string, part: Partial<Press> = {}): Press {
  return { key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, repeat: false, ...part };
}

const keymap = new Keymap();
const actionOf = (pressed: Press) => keymap.actionOf(pressed);

describe("the keys", () => {
  it("answer, put off, undo and redo", () => {
    expect(["a", "x", "u", " ", "z"].map((key) => actionOf(press(key)))).toEqual([
      "accept",
      "reject",
      "unsure",
      "later",
      "undo",
    ]);
    expect(actionOf(press("Z", { shiftKey: true }))).toBe("redo");
    expect(actionOf(press("A", { shiftKey: true }))).toBe("accept-above");
  });

  it("look, zoom and search", () => {
    const keys = ["e", "v", "g", "h", "m", "q", "n", "c", "r", "[", "]", "/", "?", "+", "-"];
    expect(keys.map((key) => actionOf(press(key)))).toEqual([
      "open-stack",
      "peek",
      "go-to-frame",
      "regions",
      "map",
      "add-positive",
      "add-negative",
      "draw-box",
      "apply-ranking",
      "cut-lower",
      "cut-raise",
      "query-bar",
      "help",
      "zoom-in",
      "zoom-out",
    ]);
  });

  it("are dead with a modifier that is not listed", () => {
    expect(actionOf(press("a", { altKey: true }))).toBeNull();
    expect(actionOf(press("x", { ctrlKey: true }))).toBeNull();
    expect(actionOf(press("z", { metaKey: true }))).toBeNull();
    expect(actionOf(press("a", { ctrlKey: true }))).toBe("select-all");
  });

  it("never answer on repeat, but go on moving", () => {
    for (const { action, keys, group } of BINDINGS.filter((each) => each.group === "Answer")) {
      for (const key of keys)
        expect(`${group} ${action} ${actionOf(press(key, { repeat: true }))}`).toMatch(/null$/);
    }
    expect(actionOf(press("ArrowRight", { repeat: true }))).toBe("right");
  });

  it("name the class of a number", () => {
    expect(actionOf(press("3"))).toBe("class-3");
    expect(actionOf(press("0"))).toBeNull();
  });

  it("have one meaning each", () => {
    const keys = BINDINGS.flatMap((binding) => binding.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("keys of one's own", () => {
  it("take the place of those that come with the page, and are kept as changes only", () => {
    const own = new Keymap();
    own.set("accept", "f");
    expect(own.actionOf(press("f"))).toBe("accept");
    expect(own.actionOf(press("a"))).toBeNull();
    expect(own.changes).toEqual({ accept: ["f"] });
    expect(new Keymap(own.changes).actionOf(press("f"))).toBe("accept");
  });

  it("are taken from the action that had them, which keeps its other ones", () => {
    const own = new Keymap();
    expect(own.ownerOf("x", "accept")?.action).toBe("reject");
    own.set("accept", "x");
    expect(own.actionOf(press("x"))).toBe("accept");
    expect(own.keysOf("reject")).toEqual([]);
    own.set("unsure", "w");
    expect(own.keysOf("up")).toEqual(["arrowup"]);
    own.load({});
    expect([own.changes, own.actionOf(press("x"))]).toEqual([{}, "reject"]);
  });

  it("may not be those of the browser, of leaving a dialog, or of a class", () => {
    const own = new Keymap();
    expect(own.refusal("ctrl+f")).toContain("browser");
    expect(own.refusal(null)).toContain("browser");
    expect(own.refusal("escape")).toContain("leave");
    expect(own.refusal("3")).toContain("stays with");
    expect(own.refusal("k")).toBeNull();
  });

  it("that are broken or taken in what was stored are left out", () => {
    const own = new Keymap({ accept: ["3"], reject: ["j"], nothing: ["k"], unsure: ["j"] });
    expect(own.actionOf(press("3"))).toBe("class-3");
    expect([own.actionOf(press("j")), own.keysOf("unsure")]).toEqual(["reject", []]);
    expect(own.actionOf(press("k"))).toBeNull();
  });

  it("are printed as people name them", () => {
    const own = new Keymap();
    expect(["up", "zoom-in", "help", "redo", "class"].map((action) => own.shown(action))).toEqual([
      "↑ or w",
      "+",
      "?",
      "shift z",
      "1 – 9",
    ]);
  });
});

describe("the selection", () => {
  it("is the cursor alone until something is chosen", () => {
    const selection = new Selection();
    selection.move(4, false, 10);
    expect(selection.targets(10)).toEqual([4]);
    expect(selection.targets(0)).toEqual([]);
  });

  it("extends from where it began, in both directions", () => {
    const selection = new Selection();
    selection.move(5, false, 20);
    selection.move(8, true, 20);
    expect(selection.targets(20)).toEqual([5, 6, 7, 8]);
    selection.move(3, true, 20);
    expect(selection.targets(20)).toEqual([3, 4, 5]);
    selection.move(9, false, 20);
    expect(selection.targets(20)).toEqual([9]);
  });

  it("toggles one, all and the opposite", () => {
    const selection = new Selection();
    selection.toggle(2);
    selection.toggle(4);
    selection.toggle(2);
    expect(selection.targets(6)).toEqual([4]);
    selection.invert(6);
    expect(selection.targets(6)).toEqual([0, 1, 2, 3, 5]);
    selection.all(3);
    expect(selection.targets(6)).toEqual([0, 1, 2, 3, 5]);
  });

  it("adds a lasso to what was chosen only when asked to", () => {
    const selection = new Selection();
    selection.toggle(1);
    selection.beginLasso(true);
    selection.lasso([4, 5]);
    selection.lasso([4]);
    expect(selection.targets(9)).toEqual([1, 4]);
    selection.beginLasso(false);
    selection.lasso([7]);
    expect(selection.targets(9)).toEqual([7]);
  });
});

describe("the next undecided", () => {
  const decided = [true, false, true, true, false];

  it("is after the present one, else the end", () => {
    const next = (from: number) => nextUndecided((index) => decided[index] ?? false, from, decided.length);
    expect([0, 1, 2, 4].map(next)).toEqual([1, 4, 4, 4]);
    expect(nextUndecided(() => false, 0, 0)).toBe(-1);
  });
});

it("a range holds both of its ends", () => {
  expect(rangeOf(5, 3)).toEqual([3, 4, 5]);
});
