import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../static/src/lib/api";
import { suggestions, typingAt } from "../../static/src/lib/completion";
import { mixText, mixWords, parseMix, percentages, plain, withShare } from "../../static/src/lib/mix";
import { pagesOf } from "../../static/src/lib/pages";
import { lostOf, misreadOf } from "../../static/src/lib/query-url";
import { Trouble } from "../../static/src/lib/trouble";
import type { RankAnswer } from "../../static/src/lib/wire";

const NAMES = {
  classes: [
    { id: 1, name: "truck" },
    { id: 2, name: "night tram" },
  ],
  sources: [{ id: 3, name: "north" }],
};
const labels = (line: string, files: string[] = []) =>
  suggestions(line, line.length, NAMES, files).map(({ label }) => label);
const taken = (line: string, at = 0) => {
  const [first] = suggestions(line, line.length, NAMES).slice(at);
  return first ? line.slice(0, first.start) + first.text : null;
};

describe("completion of a line", () => {
  it("knows what is being typed", () => {
    expect(typingAt("night -cl", 9)).toEqual({ start: 7, sign: "-", key: "", typed: "cl" });
    expect(typingAt("state:accepted,re", 17)).toEqual({ start: 15, sign: "", key: "state", typed: "re" });
    expect(typingAt('class:"night', 12)).toEqual({ start: 6, sign: "", key: "class", typed: "night" });
    expect(typingAt('"night ro', 9)).toBeNull();
  });

  it("offers keys, then the values of the key", () => {
    expect(labels("s")).toEqual(["state:", "source:", "split:", "similarity:", "score:"]);
    expect(labels("-s")).toEqual(["-state:", "-source:", "-split:"]);
    expect(labels("night -class:")).toEqual(["truck", "night tram"]);
    expect(labels("source:no")).toEqual(["north"]);
    expect(labels("has:v")).toEqual(["verdict", "video"]);
    expect(labels("file:ro", ["road.mp4", "sky.mp4"])).toEqual(["road.mp4"]);
    expect(labels("nothing")).toEqual([]);
  });

  it("writes what is taken so that it is understood", () => {
    expect(taken("night -cl")).toBe("night -class:");
    expect(taken("-class:ni")).toBe('-class:"night tram" ');
    expect(taken("state:accepted,re")).toBe("state:accepted,rejected ");
  });
});

describe("the mix of the queue", () => {
  const NONE = { harvest: 0, boundary: 0, explore: 0, hard: 0, classifier: 0, uncertain: 0 };

  it("shares add up to a hundred whatever they were", () => {
    expect(percentages(null)).toEqual({ ...NONE, harvest: 100 });
    const thirds = percentages({ harvest: 1, boundary: 1, explore: 1 });
    expect(Object.values(thirds).reduce((sum, each) => sum + each, 0)).toBe(100);
  });

  it("a share that grows takes from the others in proportion", () => {
    const mix = { harvest: 0.6, boundary: 0.3, explore: 0.1, per_file: 7 };
    const made = withShare(mix, "explore", 55);
    expect(percentages(made)).toEqual({ ...NONE, harvest: 30, boundary: 15, explore: 55 });
    expect(made.per_file).toBe(7);
    expect(percentages(withShare(null, "boundary", 40))).toMatchObject({ harvest: 60, boundary: 40 });
    expect(percentages(withShare({ explore: 1 }, "explore", 30))).toMatchObject({ harvest: 70, explore: 30 });
  });

  it("is written and read as text", () => {
    const mix = { harvest: 0.6, explore: 0.4, per_file: 20 };
    expect(parseMix(mixText(mix))).toEqual(mix);
    expect(parseMix("harvest:100")).toBeNull();
    expect(parseMix("magic:5")).toBeNull();
    expect(mixWords(mix)).toBe("60 % harvest, 40 % explore, at most 20 of a file");
  });

  it("all harvest without a limit is no mix", () => {
    expect(plain({ harvest: 1 })).toBeNull();
    expect(plain({ harvest: 1, per_file: 3 })).not.toBeNull();
  });
});

describe("pages of a round", () => {
  const answer = (round: number, total: number, items: number[]) =>
    ({ round, total, neighbors: items.map((item) => ({ item })) }) as unknown as RankAnswer;
  const { signal } = new AbortController();

  it("name the round of the first one and count places, not tiles", async () => {
    const ask = vi.fn(async (offset: number, _k: number, _round: number | null) =>
      answer(7, 30, offset === 0 ? [1, 2] : [3]),
    );
    const fetch = pagesOf(ask);
    await fetch(0, 10, signal);
    await fetch(1, 10, signal); // one of the first was decided since
    expect(ask.mock.calls.map(([offset, , round]) => [offset, round])).toEqual([
      [0, null],
      [10, 7],
    ]);
  });

  it("a page of which nothing is left is not the end", async () => {
    const ask = vi.fn(async (offset: number) => answer(7, 30, offset === 20 ? [3] : []));
    expect((await pagesOf(ask)(0, 10, signal)).neighbors).toHaveLength(1);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("go on after a first page that is here already", async () => {
    const ask = vi.fn(async () => answer(9, 500, [3]));
    await pagesOf(ask, { round: 9, next: 200 })(150, 200, signal);
    expect(ask).toHaveBeenCalledWith(200, 200, 9, signal);
  });
});

describe("an address", () => {
  const lost = (text: string) => lostOf(new URLSearchParams(text), NAMES, ["frame"]);

  it("names what it says in vain", () => {
    expect(lost("class=2&term=i3&term=t:fog&mix=harvest:60,explore:40&q=has:box")).toBe("");
    const sentence = lost("class=9&term=xyz&term=i3&mix=foo:3&unit=clip");
    for (const part of ["class=9", "xyz", "mix=foo:3", "unit=clip"]) expect(sentence).toContain(`“${part}”`);
    expect(sentence).not.toContain("i3");
  });

  it("keeps a line that is not understood, to be mended", () => {
    expect(misreadOf(new URLSearchParams({ q: "colour:red" }), NAMES)).toMatchObject({ line: "colour:red" });
    expect(misreadOf(new URLSearchParams({ q: "class:truck" }), NAMES)).toBeNull();
  });
});

describe("what keeps a search from coming", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is tried again while the server is away, until it is over", () => {
    const again = vi.fn();
    const trouble = new Trouble();
    trouble.met(new ApiError(503, "search-unavailable", "Try again."), again);
    vi.runAllTimers();
    expect(again).toHaveBeenCalledTimes(1);
    trouble.met(new ApiError(0, "offline", "No answer."), again);
    trouble.over();
    vi.runAllTimers();
    expect(again).toHaveBeenCalledTimes(1);
    expect(trouble.isMet).toBe(false);
  });

  it("waits for a person who was signed out", () => {
    const again = vi.fn();
    const trouble = new Trouble();
    trouble.met(new ApiError(401, "signed-out", "Sign in again."), again);
    vi.runAllTimers();
    expect(trouble.is_signed_out).toBe(true);
    expect(again).toHaveBeenCalledTimes(1);
  });

  it("names the terms that are gone, and does not ask the same again by itself", () => {
    const again = vi.fn();
    const trouble = new Trouble();
    trouble.met(new ApiError(404, "not_found", "Term 2 ...", { terms: [1] }), again);
    vi.runAllTimers();
    expect([...trouble.gone]).toEqual([1]);
    expect(trouble.is_of_query).toBe(true);
    expect(again).not.toHaveBeenCalled();
  });
});
