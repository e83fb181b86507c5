import { describe, expect, it } from "vitest";
import { shortNames, textOf, understand } from "../../static/src/lib/filter-text";
import { GrammarError, parse, write } from "../../static/src/lib/grammar";
import cases from "../labeling/compute/grammar_cases.json";

const NAMES = {
  classes: [
    { id: 1, name: "truck" },
    { id: 2, name: "night tram" },
  ],
  sources: [
    { id: 3, name: "north" },
    { id: 4, name: "uploads" },
  ],
};

describe("the grammar, as the server reads it", () => {
  it.each(cases.understood as [string, string][])("%j is written %j", (text, written) => {
    expect(write(parse(text))).toBe(written);
    expect(write(parse(written))).toBe(written);
  });

  it.each(cases.refused as [string, number, number, string][])(
    "%j is refused by place",
    (text, start, stop) => {
      let refused: unknown;
      try {
        parse(text);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(GrammarError);
      expect(refused).toMatchObject({ start, stop, token: text.slice(start, stop) });
    },
  );
});

describe("filters and their text", () => {
  it.each([
    ["source:north -class:truck time:10-20 has:box", { sources: [3], not_classes: [1], has: ["box"] }],
    ['-source:uploads class:"night tram",truck', { classes: [2, 1], not_sources: [4] }],
    ["state:accepted,rejected", { states: ["accept", "reject"] }],
    ["state:disputed,later", { states: ["disputed", "later"] }],
    ["state:weak -state:disputed,later", { states: ["weak"], not_states: ["disputed", "later"] }],
    ["-state:later", { not_states: ["later"] }],
    ["file:#12,n*.jpg -file:x", { media_files: [12], files: ["n*.jpg"], not_files: ["x"] }],
    ["split:train,none -has:weak", { splits: ["train", "none"], has_not: ["weak"] }],
  ])("%s there and back", (text, wanted) => {
    const { filters } = understand(text, NAMES);
    expect(filters).toMatchObject(wanted);
    expect(textOf(filters, NAMES)).toBe(text);
  });

  it("what is left out leaves the other values", () => {
    expect(understand("-state:weak -kind:image", NAMES).filters).toEqual({
      states: ["untouched", "accept", "reject", "unsure"],
      kinds: ["video"],
    });
  });

  it("text is apart from the filters", () => {
    expect(understand("red car -fog class:truck", NAMES).phrases).toEqual([
      { text: "red car", is_negative: false },
      { text: "fog", is_negative: true },
    ]);
  });

  it("an unknown name is refused with those that there are", () => {
    expect(() => understand("class:bus", NAMES)).toThrow("There are: truck, night tram.");
  });

  it("folders go by their name unless two have the same", () => {
    const rows = ["/a/day", "/b/day", "/data/night/", "uploads"].map((name, id) => ({ id, name }));
    expect(shortNames(rows).map(({ name }) => name)).toEqual(["#0", "#1", "night", "uploads"]);
  });
});
