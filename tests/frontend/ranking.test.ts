import { beforeEach, describe, expect, it } from "vitest";
import { pagesOf } from "../../static/src/lib/pages";
import { AHEAD, type Fetch, numBetter, PAGE, Ranking, withTerm } from "../../static/src/lib/ranking";
import type { RankAnswer, Term } from "../../static/src/lib/wire";
import { rankAnswer, tileOf } from "./tiles";

const decided = new Set<number>(); // by the server's books
const saidHere = new Set<number>(); // by this page
const NUM_ITEMS = 1000;

/** A server that keeps the order of a round, and leaves out of its pages what was decided since. */
function inOrder(
  order: readonly number[],
  part: Partial<RankAnswer> = {},
  mixed: readonly number[] = [],
): Fetch {
  return pagesOf(async (offset, k) => {
    const left = order.slice(offset, offset + k).filter((item) => !decided.has(item));
    const here = [...left, ...mixed.map((item) => item + offset)];
    return {
      ...rankAnswer(
        here.map((item) => tileOf(item)),
        order.length,
      ),
      ...part,
    };
  });
}

const upwards = Array.from({ length: NUM_ITEMS }, (_, item) => item);
let fetch: Fetch;

function rankingOf(): Ranking {
  return new Ranking({
    overlay: (tile) => tile,
    isHidden: (tile) => saidHere.has(tile.item),
    isPutOff: (tile) => tile.is_later === true,
  });
}

async function all(ranking: Ranking): Promise<number[]> {
  for (let page = 0; page < 20 && !ranking.isComplete; page++) await ranking.more();
  return ranking.tiles.map((tile) => tile.item);
}

beforeEach(() => {
  fetch = inOrder(upwards);
  decided.clear();
  saidHere.clear();
});

describe("a ranking", () => {
  it("brings what was put off on an earlier page at the end", async () => {
    const ranking = rankingOf();
    const later = 3;
    await ranking.start(async (...asked) => {
      const answer = await fetch(...asked);
      for (const tile of answer.neighbors) tile.is_later = tile.item === later;
      return answer;
    });
    expect(ranking.indexOf(later)).toBe(-1);
    expect(ranking.isLater(later)).toBe(true);
    const shown = await all(ranking);
    expect(shown).toHaveLength(NUM_ITEMS);
    expect(shown.at(-1)).toBe(later);
  });

  it("asks for what is seen and as much ahead, so that others get the rest", async () => {
    const ranking = rankingOf();
    ranking.numSeen = () => 30;
    await ranking.start(fetch);
    expect(ranking.tiles).toHaveLength(30 + AHEAD);
    await ranking.more(60 + AHEAD); // scrolled by a page: the view ends at 60
    expect(ranking.tiles).toHaveLength(60 + AHEAD);
    await ranking.more(61 + AHEAD);
    expect(ranking.tiles.length).toBeLessThan(90 + AHEAD);
    expect(ranking.expected).toBe(NUM_ITEMS);
  });

  it("asks for no more than a page of the server, wherever one jumps to", async () => {
    const ranking = rankingOf();
    ranking.numSeen = () => 30;
    await ranking.start(fetch);
    await ranking.more(10_000);
    expect(ranking.tiles).toHaveLength(30 + AHEAD + PAGE);
  });

  it("comes in pages, each item once, to the end", async () => {
    const ranking = rankingOf();
    await ranking.start(fetch);
    expect(ranking.tiles).toHaveLength(PAGE);
    expect(ranking.expected).toBe(NUM_ITEMS);
    expect(await all(ranking)).toEqual(Array.from({ length: NUM_ITEMS }, (_, item) => item));
  });

  it("skips nothing and doubles nothing when answers leave the server's list between pages", async () => {
    const ranking = rankingOf();
    await ranking.start(fetch);
    for (let item = 0; item < 50; item++) {
      decided.add(item);
      saidHere.add(item);
    }
    await ranking.more();
    for (let item = 100; item < 260; item++) {
      decided.add(item);
      saidHere.add(item);
    }
    expect(await all(ranking)).toEqual(Array.from({ length: NUM_ITEMS }, (_, item) => item));
  });

  it("shows no item again that was said here and is not saved yet", async () => {
    saidHere.add(3);
    const ranking = rankingOf();
    await ranking.start(fetch);
    expect(ranking.find(3)).toBeUndefined();
    expect((await all(ranking)).length).toBe(NUM_ITEMS - 1);
  });

  it("goes on to the next page where all of the first was said here and is not saved yet", async () => {
    for (let item = 0; item < PAGE + 5; item++) saidHere.add(item);
    const ranking = rankingOf();
    await ranking.start(fetch);
    expect((await all(ranking))[0]).toBe(PAGE + 5);
    expect(ranking.tiles).toHaveLength(NUM_ITEMS - PAGE - 5);
  });

  it("goes on to the end where pages hold more tiles than places", async () => {
    const mixed = Array.from({ length: 100 }, (_, item) => 10_000 + item); // blind looks among them
    const ranking = rankingOf();
    await ranking.start(inOrder(upwards, {}, mixed));
    expect((await all(ranking)).filter((item) => item < NUM_ITEMS)).toHaveLength(NUM_ITEMS);
  });

  it("puts what was put off behind everything else", async () => {
    const ranking = rankingOf();
    await ranking.start(fetch);
    const [first] = ranking.tiles;
    if (first) ranking.putOff([first]);
    await ranking.start(fetch);
    const items = await all(ranking);
    expect(items[0]).toBe(1);
    expect(items.at(-1)).toBe(0);
  });

  it("keeps the newer start when two are under way", async () => {
    const ranking = rankingOf();
    let release: () => void = () => undefined;
    const slow: Fetch = async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return rankAnswer([tileOf(77)], 1);
    };
    const older = ranking.start(slow);
    const newer = ranking.start(fetch);
    release();
    expect([await older, await newer]).toEqual([false, true]);
    expect(ranking.tiles[0]?.item).toBe(0);
  });

  it("says that it failed and keeps the old tiles", async () => {
    const ranking = rankingOf();
    await ranking.start(fetch);
    await ranking.start(async () => Promise.reject(new Error("away")));
    expect(ranking.state).toBe("failed");
    expect(ranking.tiles).toHaveLength(PAGE);
  });
});

describe("a better ranking", () => {
  it("counts what it would bring among the tiles that wait", () => {
    const shown = [tileOf(1, { answer: "accept" }), tileOf(2), tileOf(3), tileOf(4)];
    expect(numBetter(shown, [tileOf(2), tileOf(3)])).toBe(0);
    expect(numBetter(shown, [tileOf(4), tileOf(9), tileOf(2), tileOf(8)])).toBe(1);
  });

  it("takes another member of the same stack for the same tile", () => {
    expect(numBetter([tileOf(1, { stack: 5 })], [tileOf(2, { stack: 5 })])).toBe(0);
  });

  it("changes nothing above the fold, and below it each item comes once, to the end", async () => {
    const backwards = inOrder([...upwards].reverse(), { round: 2, mode: "learned" });
    const ranking = rankingOf();
    await ranking.start(fetch);
    for (const item of [0, 3]) {
      decided.add(item);
      saidHere.add(item);
    }
    const before = ranking.tiles.slice(0, 12);
    ranking.replaceFrom(12, await backwards(0, PAGE, new AbortController().signal), backwards);
    expect(ranking.tiles.slice(0, 12)).toEqual(before);
    expect(ranking.tiles[12]).toMatchObject({ item: 999, round: 2, mode: "learned" });
    for (const item of [5, 998, 990]) {
      decided.add(item); // said of a tile above the fold and of two below it, between two pages
      saidHere.add(item);
    }
    const items = await all(ranking);
    expect(items).toHaveLength(NUM_ITEMS);
    expect(new Set(items).size).toBe(NUM_ITEMS);
  });
});

describe("terms", () => {
  const term = (item: number, weight: number, box: Term["box"] = null): Term => ({
    kind: "item",
    item,
    weight,
    box,
  });

  it("are one per subject; the newer weight counts", () => {
    expect(withTerm([term(1, 1), term(2, 1)], term(1, -1))).toEqual([term(2, 1), term(1, -1)]);
  });

  it("of a box and of the whole are two", () => {
    expect(withTerm([term(1, 1)], term(1, 1, [0, 0, 0.5, 0.5]))).toHaveLength(2);
  });
});
