import { describe, expect, test } from "vitest";
import { FrameMissing, FrameStore, unpackRun } from "../../static/src/lib/frame-store";
import { type FramesPage, FrameTable } from "../../static/src/lib/frame-table";
import {
  curveOf,
  itemAt,
  lineItems,
  neighborOf,
  rowsOf,
  stacksOf,
  valueAt,
} from "../../static/src/lib/line-items";
import { Previews } from "../../static/src/lib/previews";
import { following, shuttled } from "../../static/src/lib/shuttle";
import { panned, revealing, secondsOfX, ticksOf, xOf, zoomed } from "../../static/src/lib/time-axis";
import { codeText, parseCode, parsePlace } from "../../static/src/lib/time-code";

const UNEVEN = [-512, 0, 512, 1536, 1600];

function page(part: Partial<FramesPage> = {}): FramesPage {
  const pts = part.pts ?? UNEVEN;
  return {
    num_frames: pts.length,
    time_base: [1, 12_800],
    start_pts: -512,
    stop_pts: 2000,
    is_decoded: true,
    offset: 0,
    pts,
    numbers: null,
    codec_keyframes: [0],
    next: null,
    ...part,
  };
}

describe("a frame table", () => {
  const table = new FrameTable([page()]);

  test("names the frame that is shown at a pts, also between frames and beyond the ends", () => {
    expect([-9999, -512, -1, 0, 511, 1535, 1599, 9999].map((pts) => table.placeAtPts(pts))).toEqual([
      0, 0, 0, 1, 1, 2, 3, 4,
    ]);
    expect(table.placeOf(1536)).toBe(3);
    expect(table.placeOf(1537)).toBeNull();
  });

  test("finds every frame again by its own time", () => {
    for (let place = 0; place < table.length; place++)
      expect(table.placeAtSeconds(table.secondsAt(place))).toBe(place);
    const thirds = new FrameTable([
      page({ pts: [0, 1001, 2002, 3003], time_base: [1, 30_000], start_pts: 0 }),
    ]);
    for (let place = 0; place < 4; place++)
      expect(thirds.placeAtSeconds(thirds.secondsAt(place))).toBe(place);
  });

  test("counts seconds from the start, and ends where the last frame does", () => {
    expect(table.secondsAt(1)).toBe(0.04);
    expect(table.stopAt(1)).toBe(512);
    expect(table.stopAt(4)).toBe(2000);
    expect(table.stop_seconds).toBe(2512 / 12_800);
  });

  test("is put together of pages, with numbers where a damaged frame has taken one", () => {
    const first = page({ pts: [0, 512], next: 2, codec_keyframes: [0] });
    const second = page({ pts: [1024, 1536], offset: 2, numbers: [3, 4], codec_keyframes: [3] });
    const whole = new FrameTable([first, second]);
    expect([0, 1, 2, 3].map((place) => whole.numberAt(place))).toEqual([0, 1, 3, 4]);
    expect([0, 1, 2, 3, 4, 99].map((number) => whole.placeOfNumber(number))).toEqual([0, 1, 1, 2, 3, 3]);
    expect(whole.isCodecKeyframe(3)).toBe(true);
  });
});

describe("positions as they are typed", () => {
  const table = new FrameTable([page()]);

  test.each([
    ["1536", 3],
    ["-512", 0],
    ["700", 2],
    ["#4", 4],
    ["0:00:00.040", 1],
    ["0.08s", 2],
    ["1:00", 4],
  ])("%s is place %i", (text, place) => expect(parsePlace(text, table)).toBe(place));

  test.each(["", "abc", "1:75", "#x", "1:2:3:4"])("%j is refused", (text) =>
    expect(() => parsePlace(text, table)).toThrow("Type a pts"),
  );

  test("times are written with milliseconds and read back", () => {
    expect(codeText(3725.0406)).toBe("1:02:05.041");
    expect(codeText(59.9996)).toBe("0:01:00.000");
    expect(parseCode("1:02:05.041")).toBeCloseTo(3725.041);
    expect(parseCode("62:05")).toBeNull();
  });
});

function packed(pts: readonly number[]): ArrayBuffer {
  const bytes = new DataView(new ArrayBuffer(4 + pts.length * 13));
  bytes.setUint32(0, pts.length, true);
  pts.forEach((each, row) => {
    bytes.setBigInt64(4 + row * 12, BigInt(each), true);
    bytes.setUint32(12 + row * 12, 1, true);
    bytes.setUint8(4 + pts.length * 12 + row, row);
  });
  return bytes.buffer;
}

describe("a frame store", () => {
  const pts = Array.from({ length: 40 }, (_, at) => at * 512 - 512);
  const table = new FrameTable([page({ pts })]);

  function made(capacity_bytes = 1000, gone: number[] = []) {
    const asked: number[][] = [];
    const fetch = async (wanted: readonly number[]) => {
      asked.push([...wanted]);
      return packed(wanted.filter((each) => !gone.includes(each)));
    };
    return { asked, store: new FrameStore(table, { fetch, num_in_run: 8, capacity_bytes }) };
  }

  test("reads negative pts, and a picture for each", () => {
    const blobs = unpackRun(packed([-512, 0]));
    expect([...blobs].map(([at, { size, type }]) => [at, size, type])).toEqual([
      [-512, 1, "image/jpeg"],
      [0, 1, "image/jpeg"],
    ]);
  });

  test("asks for one frame alone, then for its neighbors without it, each once", async () => {
    const { asked, store } = made();
    await store.load(3);
    await Promise.all([store.surround(3, 0), store.surround(3, 0), store.load(5)]);
    await store.load(7);
    expect(asked).toEqual([[pts[3]], [0, 1, 2, 4, 5, 6, 7].map((place) => pts[place])]);
  });

  test("fetches ahead in the direction of travel where the edge is near", async () => {
    const { asked, store } = made();
    await store.surround(5, 1);
    expect(asked.map((run) => run[0])).toEqual([pts[0], pts[8]]);
    await store.surround(17, -1);
    expect(asked.map((run) => run[0])).toEqual([pts[0], pts[8], pts[16]]);
  });

  test("keeps what was used last", async () => {
    const { store } = made(10);
    await store.surround(0, 0);
    store.get(0);
    await store.surround(9, 0);
    expect(store.get(15)).toBeDefined();
    expect(store.get(1)).toBeUndefined();
    expect(store.get(0)).toBeDefined();
  });

  test("says which frame is not there", async () => {
    const { store } = made(1000, [pts[4] as number]);
    await expect(store.load(4)).rejects.toThrow(FrameMissing);
  });
});

describe("the axis", () => {
  const whole = { start: 0, stop: 100 };

  test("pixels and seconds are each other's inverse", () => {
    const view = { start: 20, stop: 60 };
    expect(xOf(30, view, 800)).toBe(200);
    expect(secondsOfX(200, view, 800)).toBe(30);
  });

  test("zooming keeps what is under the pointer where it is, within the video", () => {
    const near = zoomed(whole, 0.5, 40, whole, 0.1);
    expect(xOf(40, near, 1000)).toBeCloseTo(400);
    expect(zoomed(near, 1000, 40, whole, 0.1)).toEqual(whole);
    const nearest = zoomed(near, 1e-9, 40, whole, 0.1);
    expect(nearest.stop - nearest.start).toBeCloseTo(0.1);
  });

  test("panning stops at the ends, and follows what leaves the view", () => {
    expect(panned({ start: 80, stop: 100 }, 0.5, whole)).toEqual({ start: 80, stop: 100 });
    expect(revealing({ start: 0, stop: 10 }, 5, whole)).toEqual({ start: 0, stop: 10 });
    expect(revealing({ start: 0, stop: 10 }, 50, whole)).toEqual({ start: 41, stop: 51 });
  });

  test("ticks are at round times and their labels do not touch", () => {
    const labels = ticksOf({ start: 0, stop: 139.4 }, 900).filter((tick) => tick.label);
    expect(labels.map((tick) => tick.label).slice(0, 3)).toEqual(["0:00", "0:15", "0:30"]);
    const fine = ticksOf({ start: 1, stop: 1.5 }, 900).filter((tick) => tick.label);
    expect(fine[0]?.label).toBe("0:01.00");
    expect((xOf(fine[1]?.seconds ?? 0, { start: 1, stop: 1.5 }, 900) | 0) >= 84).toBe(true);
  });
});

describe("j, k and l", () => {
  test("double the speed, and turn around at normal speed", () => {
    expect(shuttled(0, 1)).toBe(1);
    expect(shuttled(4, 1)).toBe(8);
    expect(shuttled(8, 1)).toBe(8);
    expect(shuttled(4, -1)).toBe(-1);
  });

  test("every frame is shown for its own time up to normal speed", () => {
    const table = new FrameTable([page()]);
    expect(following(2, 1, table)).toEqual({ place: 3, wait_ms: expect.closeTo(80) });
    expect(following(3, -1, table)).toEqual({ place: 2, wait_ms: expect.closeTo(80) });
    expect(following(0, 4, table)?.place).toBe(4);
    expect(following(4, 1, table)).toBeNull();
  });
});

describe("previews of clips", () => {
  test("are fetched once while they are kept, and let go of when many others came", async () => {
    const asked: number[] = [];
    const gone: string[] = [];
    const previews = new Previews({
      fetch: async (item) => {
        asked.push(item);
        return packed([item, item + 1]);
      },
      urlOf: () => `blob:${asked.length}`,
      revoke: (url) => gone.push(url),
    });
    expect((await previews.of(1)).pts).toEqual([1, 2]);
    await previews.of(1);
    expect(asked).toEqual([1]);
    for (let item = 2; item < 26; item++) await previews.of(item);
    expect(gone).toEqual(["blob:1", "blob:1"]);
    await previews.of(1);
    expect(asked.at(-1)).toBe(1);
  });

  test("are asked for again after a failure", async () => {
    let fails = true;
    const fetch = async () => {
      if (fails) throw new Error("away");
      return packed([0]);
    };
    const previews = new Previews({ fetch, urlOf: () => "", revoke: () => undefined });
    await expect(previews.of(1)).rejects.toThrow("away");
    fails = false;
    expect((await previews.of(1)).pts).toEqual([0]);
  });
});

describe("what lies on the time line", () => {
  const table = new FrameTable([page({ pts: [0, 512, 1024, 1536], start_pts: 0, stop_pts: 2048 })]);
  const line = {
    items: [7, 8, 9],
    kinds: ["frame", "clip", "clip"] as const,
    start_pts: [0, 0, 512],
    stop_pts: [1, 1024, 2048],
    stacks: [3, 0, 3],
    answers: ["accept", "", ""] as const,
    versions: [1, 0, 0],
    are_derived: [false, false, false],
    are_disputed: [false, false, false],
    are_weak: [false, true, false],
    is_whole: true,
  };
  const media = { id: 4, name: "river.mp4", width_px: 64, height_px: 48 };
  const items = lineItems(line, table, media);

  test("a frame is there until the next one, a clip until its end; answers are about the item alone", () => {
    expect(items.map(({ start, stop }) => [start, stop])).toEqual([
      [0, 0.04],
      [0, 0.08],
      [0.04, 0.16],
    ]);
    expect(items.map(({ stack, in_stack }) => [stack, in_stack])).toEqual([
      [null, 3],
      [null, null],
      [null, 3],
    ]);
  });

  test("clips that overlap are in rows of their own, and a stack reaches from its first to its last", () => {
    expect(rowsOf(items.slice(1))).toEqual([0, 1]);
    expect(stacksOf(items)).toEqual([{ start: 0, stop: 0.16, count: 2 }]);
  });

  test("a click is about the shortest item there, or the nearest within reach", () => {
    expect(itemAt(items, 0.01, 0)?.item).toBe(7);
    expect(itemAt(items, 0.06, 0)?.item).toBe(8);
    expect(itemAt(items, 0.17, 0)).toBeNull();
    expect(itemAt(items, 0.17, 0.02)?.item).toBe(9);
    expect(neighborOf(items, 1, 1)?.item).toBe(9);
    expect(neighborOf(items, 0, 1)?.item).toBe(7);
    expect(neighborOf(items, 0, -1)).toBeNull();
    expect(neighborOf(items, 0, 1, items[0])?.item).toBe(8); // it begins with the same frame
    expect(neighborOf(items, 512, -1, items[2])?.item).toBe(8);
  });

  test("a curve has the items that have a value, in order of time", () => {
    const curve = curveOf(
      "cats",
      items,
      new Map([
        [9, 0.25],
        [7, 0.75],
      ]),
      [0, 1],
      0.5,
    );
    expect(curve.points).toEqual([
      [0.02, 0.75],
      [0.1, 0.25],
    ]);
    expect(valueAt(curve, 0.09)).toBe(0.25);
  });
});
