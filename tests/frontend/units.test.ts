import { describe, expect, it } from "vitest";
import { parseTerm, readQuery, termText, writeQuery } from "../../static/src/lib/query-url";
import { countsOf, lengthText } from "../../static/src/lib/units";
import type { Term } from "../../static/src/lib/wire";

const CLIPS = {
  accepted: 1,
  rejected: 2,
  unsure: 0,
  weak: 0,
  disputed: 0,
  untouched: 7,
  items: 10,
  stacks: 5,
};
const ALL = {
  accepted: 4,
  rejected: 2,
  unsure: 1,
  weak: 3,
  disputed: 0,
  untouched: 20,
  items: 30,
  stacks: 9,
  later: 6,
};

describe("counts of a unit", () => {
  it("are those of clips, and what is left of frames", () => {
    const counts = { ...ALL, clips: CLIPS };
    expect(countsOf(counts, "clip")).toMatchObject({ accepted: 1, untouched: 7, items: 10, later: 6 });
    expect(countsOf(counts, "frame")).toMatchObject({ accepted: 3, untouched: 13, items: 20, later: 6 });
  });

  it("are all of them where there is one unit alone", () => {
    expect(countsOf({ ...ALL, clips: null }, "frame")).toMatchObject(ALL);
    expect(countsOf({ ...ALL, clips: CLIPS }, null)).toMatchObject(ALL);
    expect(countsOf(null, "clip")).toBeNull();
  });
});

describe("a query in the address", () => {
  it("says that it is of clips, and nothing of frames", () => {
    const query = { class: 5, terms: [], filters: {}, mode: "similar" as const };
    expect(writeQuery({ ...query, unit: "clip" }).toString()).toBe("class=5&unit=clip");
    expect(readQuery(writeQuery({ ...query, unit: "clip" })).unit).toBe("clip");
    expect(writeQuery(query).toString()).toBe("class=5");
    expect(readQuery(new URLSearchParams("unit=pixel")).unit).toBeUndefined();
  });

  it("keeps a part of a video", () => {
    const span = { media_file: 7, start_pts: -40, stop_pts: 90 };
    const term: Term = { kind: "span", span, box: null, weight: -0.5 };
    expect(termText(term)).toBe("v7/-40..90*-0.5");
    expect(parseTerm(termText(term))).toEqual(term);
    expect(parseTerm("v7/40")).toBeNull();
  });
});

it("says how long a clip is", () => {
  expect([2, 0.4, 75.4].map(lengthText)).toEqual(["2.0 s", "0.4 s", "75 s"]);
});
