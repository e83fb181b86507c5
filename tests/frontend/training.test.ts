import { describe, expect, it } from "vitest";
import {
  columnsOf,
  decadesIn,
  logRangeOf,
  rangeOf,
  readChart,
  sampled,
  shortNumber,
} from "../../static/src/lib/chart-data";
import { textOf, understand } from "../../static/src/lib/filter-text";
import { type Point, placeOf, pointText, thresholdAtMost } from "../../static/src/lib/operating-points";
import { parseTerm, readQuery, termText, writeQuery } from "../../static/src/lib/query-url";
import { addressAt, countAbove, edgeOf, heightsOf } from "../../static/src/lib/score-bins";
import { scorersOf } from "../../static/src/lib/scorers";

const CLASSES = [
  { id: 5, name: "dog" },
  { id: 6, name: "cat" },
];
const SCORERS = scorersOf([
  { id: 1, name: "red car", versions: [{ is_live: true, classes: [{ id: 4, name: "car" }] }] },
  {
    id: 2,
    name: "pets",
    versions: [
      { is_live: false, classes: [] },
      { is_live: true, classes: CLASSES },
    ],
  },
  { id: 3, name: "old", versions: [{ is_live: false, classes: CLASSES }] },
]);
const NAMES = { classes: [], sources: [], scorers: SCORERS };

describe("classifiers in a line", () => {
  it("are those with a live version, by class where they have several", () => {
    expect(SCORERS.map((each) => each.name)).toEqual(["red car", "pets/dog", "pets/cat"]);
  });

  it("rank as a term, and a score of theirs is a filter", () => {
    const asked = understand('classifier:"Red car" -classifier:pets/cat score:pets/dog>=0.25', NAMES);
    expect(asked.terms).toEqual([
      { kind: "classifier", classifier: 1, class: 4, box: null, weight: 1 },
      { kind: "classifier", classifier: 2, class: 6, box: null, weight: -1 },
    ]);
    expect(asked.filters.scores).toEqual([{ classifier: 2, class: 5, at_least: 0.25 }]);
    expect(textOf(asked.filters, NAMES)).toBe("score:pets/dog>=0.25");
  });

  it("are refused with those there are", () => {
    expect(() => understand("classifier:old", NAMES)).toThrow("There are: red car, pets/dog, pets/cat.");
  });

  it("stand in an address, by number and by name", () => {
    const query = readQuery(new URLSearchParams("class=4&q=classifier:%22red car%22"), NAMES);
    const written = writeQuery(query, NAMES);
    expect(written.getAll("term")).toEqual(["m1/4"]);
    expect(readQuery(written, NAMES)).toEqual(query);
    const term = parseTerm("m2/6*-0.5");
    expect(term && termText(term)).toBe("m2/6*-0.5");
  });
});

describe("charts", () => {
  const up = { label: "a", tone: "info", x: [0, 0, 1], y: [0, 1, 1] };

  it("keep a line that goes straight up in its order", () => {
    const other = { label: "b", tone: "muted", x: [0, 1], y: [0.5, 0.5] };
    expect(columnsOf([up, other])).toEqual([
      [0, 0, 0, 1, 1],
      [0, 1, null, 1, null],
      [null, null, 0.5, null, 0.5],
    ]);
  });

  it("have ranges a little wider than their values, whatever these are", () => {
    expect(rangeOf([0, 1])).toEqual([-0.05, 1.05]);
    expect(rangeOf([])).toEqual([0, 1]);
    expect(rangeOf([3, 3])[0]).toBeLessThan(3);
    const [low, high] = logRangeOf([1, 100]);
    expect([low < 1, high > 100]).toEqual([true, true]);
    expect(decadesIn(0.5, 2000)).toEqual([1, 10, 100, 1000]);
  });

  it("are nothing without series or JSON", () => {
    expect(readChart("{")).toBeNull();
    expect(readChart('{"series": []}')).toBeNull();
  });

  it("are told in a table with their ends", () => {
    const x = Array.from({ length: 101 }, (_, at) => at);
    const rows = sampled({ label: "", tone: "", x, y: x }, 11);
    expect(rows.map(([each]) => each)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(sampled({ label: "", tone: "", x: [4], y: [5] })).toEqual([[4, 5]]);
  });

  it.each([
    [0, "0"],
    [0.87312, "0.873"],
    [0.000012, "1.20e-5"],
    [12_345.6, "12,346"],
  ])("%d is said as %s", (value, text) => expect(shortNumber(value)).toBe(text));
});

describe("operating points", () => {
  const point = (threshold: number): Point => ({
    threshold,
    precision: 0.5,
    precision_low: 0.25,
    precision_high: 0.75,
    recall: null,
    recall_low: 0,
    recall_high: 1,
    f1: null,
    num_predicted: 1,
    num_found: 1,
    num_positives: 1,
    num_items: 1,
  });
  const points = [point(0.9), point(0.5), point(0.1)];

  it.each([
    [1, 0],
    [0.9, 0],
    [0.6, 0],
    [0.5, 1],
    [0, 2],
  ])("at %d the point in place %d holds", (threshold, place) =>
    expect(placeOf(points, threshold)).toBe(place),
  );

  it("are said with their intervals, and what is undefined is said to be", () => {
    expect(pointText(point(0.5))).toBe(
      "score 0.500: precision 50 % (25 % to 75 %), recall undefined (0 % to 100 %)",
    );
  });

  it("are never rounded above themselves", () => {
    expect(thresholdAtMost(0.4913383789)).toBe(0.491338);
    expect(thresholdAtMost(0.9999999)).toBe(0.999999);
  });
});

describe("a histogram of scores", () => {
  const counts = [90, 0, 5, 5];

  it("counts from the edge of a step on", () => {
    expect(edgeOf(counts, 0.5)).toBe(2);
    expect(edgeOf(counts, 0.6)).toBe(2);
    expect(edgeOf(counts, 1)).toBe(4);
    expect(countAbove(counts, 2)).toBe(10);
    expect(countAbove(counts, 4)).toBe(0);
    expect(countAbove(counts, 0)).toBe(100);
  });

  it("shows few beside many, and nothing where nothing is", () => {
    const heights = heightsOf(counts);
    expect(heights[0]).toBe(1);
    expect(heights[1]).toBe(0);
    expect(heights[2]).toBeGreaterThan(0.2);
  });

  it("puts the threshold into the address, also where it is encoded", () => {
    expect(addressAt("/w/?q=score%3Aa%3E%3D%7Bthreshold%7D", 0.25)).toBe("/w/?q=score%3Aa%3E%3D0.25");
  });
});
