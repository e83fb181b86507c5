import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Leases, nameOf } from "../../static/src/lib/leases";
import type { Session } from "../../static/src/lib/session";
import type { Tile } from "../../static/src/lib/wire";

interface Beat {
  class: number;
  page: string;
  tiles: number[];
}

function tile(item: number, stack: number | null, answer = ""): Tile {
  return { item, stack, answer } as Tile;
}

/** As much of a session as leases look at; the server hears `beats` and takes `lost` away. */
function pageWith(tiles: Tile[], lost: number[] = []) {
  const beats: Beat[] = [];
  const later: number[] = [];
  const ranking = Object.assign(new EventTarget(), {
    tiles,
    isLater: (item: number) => later.includes(item),
    putOff: (off: Tile[]) => later.push(...off.map((each) => each.item)),
  });
  const session = Object.assign(new EventTarget(), {
    page: "this-page",
    query: { class: 7 },
    canAnswer: true,
    ranking,
    said: "",
    say(sentence: string) {
      this.said = sentence;
    },
    api: {
      url: () => "/leases/",
      post: async (_: string, body: Beat) => {
        beats.push(body);
        return { lost };
      },
      fetch: async (_: string, __: string, body: Beat) => {
        beats.push(body);
      },
    },
  });
  return { session, beats, later, leases: new Leases(session as unknown as Session) };
}

const documents = new EventTarget();
const windows = new EventTarget();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", documents);
  vi.stubGlobal("window", windows);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a tile is named by its stack, or minus its item", () => {
  expect([nameOf(tile(5, 9)), nameOf(tile(5, null))]).toEqual([9, -5]);
});

test("a beat names the undecided tiles, each once", async () => {
  const { beats, leases } = pageWith([tile(1, 9), tile(2, 9), tile(3, null), tile(4, 8, "accept")]);
  await leases.beat();
  expect(beats).toEqual([{ class: 7, page: "this-page", tiles: [9, -3] }]);
});

test("the same tiles are said again only by the heart-beat", async () => {
  const { beats, leases } = pageWith([tile(1, 9)]);
  await leases.beat();
  await leases.beat();
  await leases.beat(true);
  expect(beats.length).toBe(2);
});

test("what somebody else has is put off and told", async () => {
  const { session, later, leases } = pageWith([tile(1, 9), tile(2, 8)], [8]);
  await leases.beat();
  expect(later).toEqual([2]);
  expect(session.said).toContain("1 put off");
});

test("a page whose first ranking is on its way says nothing: what that takes is not let go of", async () => {
  const { session, beats, leases } = pageWith([]);
  await leases.beat();
  expect(beats).toEqual([]);
  session.ranking.tiles = [tile(1, 9)];
  await leases.beat();
  session.ranking.tiles = [];
  await leases.beat();
  expect(beats.map((beat) => beat.tiles)).toEqual([[9], []]);
});

test("another class lets go of the one before", async () => {
  const { session, beats, leases } = pageWith([tile(1, 9)]);
  await leases.beat();
  session.query.class = 8;
  await leases.beat();
  expect(beats.slice(1).map((beat) => [beat.class, beat.tiles])).toEqual([
    [7, []],
    [8, [9]],
  ]);
});

test("a page that nobody works at goes silent, and asks again when somebody is back", async () => {
  const { beats, leases } = pageWith([tile(1, 9)]);
  const over = new AbortController();
  leases.keep(over.signal);
  await vi.advanceTimersByTimeAsync(31_000);
  const at_work = beats.length;
  expect(at_work).toBeGreaterThan(0);
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  const silent = beats.length;
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(beats.length).toBe(silent);
  documents.dispatchEvent(new Event("keydown"));
  await vi.advanceTimersByTimeAsync(0);
  expect(beats.length).toBe(silent + 1);
  over.abort();
});

test("leaving says good-bye", async () => {
  const { beats, leases } = pageWith([tile(1, 9)]);
  const over = new AbortController();
  leases.keep(over.signal);
  await leases.beat();
  windows.dispatchEvent(new Event("pagehide"));
  expect(beats.at(-1)).toEqual({ class: 7, page: "this-page", tiles: [] });
  over.abort();
});
