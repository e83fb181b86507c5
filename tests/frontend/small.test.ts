import { describe, expect, it } from "vitest";
import { moved, sized, spanned } from "../../static/src/lib/box";
import { agoText, numberOf, similarityText, timeText } from "../../static/src/lib/format";
import { latest } from "../../static/src/lib/latest";
import { parseTerm, type Query, readQuery, termText, writeQuery } from "../../static/src/lib/query-url";
import { Rate } from "../../static/src/lib/rate";
import { checkedText, offTexts } from "../../static/src/lib/stack-errors";
import { Thumbnails, unpack } from "../../static/src/lib/thumbnails";

describe("latest()", () => {
  it("gives undefined to the older call whatever came back", async () => {
    const answers: ((value: string) => void)[] = [];
    const ask = latest((_: number, signal) => {
      signal.throwIfAborted();
      return new Promise<string>((resolve) => answers.push(resolve));
    });
    const [older, newer] = [ask(1), ask(2)];
    answers[1]?.("new");
    answers[0]?.("old");
    expect(await older).toBeUndefined();
    expect(await newer).toBe("new");
  });

  it("hides the failure of an aborted call, not of the newest", async () => {
    const ask = latest(async (fails: boolean) => {
      await Promise.resolve();
      if (fails) throw new Error("away");
      return "here";
    });
    const older = ask(true);
    expect(await ask(false)).toBe("here");
    expect(await older).toBeUndefined();
    await expect(ask(true)).rejects.toThrow("away");
  });
});

describe("a query in the address bar", () => {
  it("is read as it was written", () => {
    const query: Query = {
      class: 3,
      terms: [
        { kind: "item", item: 12, weight: 1, box: null },
        { kind: "item", item: 13, weight: -0.5, box: [0.1, 0.2, 0.5, 0.6] },
        { kind: "image", image: "0e7a6f4e-90ad-4f4b-9b39-9d0d1a6f7a11", weight: 1, box: null },
        { kind: "text", text: "red: car*2@0", weight: -1.5, box: null },
        { kind: "class", class: 5, weight: 1, box: null },
        { kind: "class", class: 6, learned: true, weight: -1, box: null },
      ],
      filters: {
        states: ["accept"],
        kinds: ["video"],
        media_files: [4],
        sources: [2],
        start_seconds: 1.5,
        stop_seconds: 9,
        min_similarity: -0.1,
      },
      mode: "learned",
      mix: { harvest: 0.6, explore: 0.4, per_file: 20 },
    };
    expect(readQuery(new URLSearchParams(writeQuery(query).toString()))).toEqual(query);
  });

  it("leaves out what is broken", () => {
    const query = readQuery(
      new URLSearchParams(
        "class=x&term=i&term=i5@2,0,1,1&term=t&term=t:%20&term=c&q=state:stolen&mode=odd&mix=harvest:-1",
      ),
    );
    expect(query).toEqual({ class: null, terms: [], filters: {}, mode: "similar" });
    expect(parseTerm("i5*-1")).toEqual({ kind: "item", item: 5, weight: -1, box: null });
    expect(termText({ kind: "item", item: 5, weight: -1, box: null })).toBe("i5*-1");
  });
});

describe("packed thumbnails", () => {
  const packed = (parts: [item: number, bytes: number[]][]): ArrayBuffer => {
    const head = new DataView(new ArrayBuffer(4 + parts.length * 12));
    head.setUint32(0, parts.length, true);
    for (const [row, [item, bytes]] of parts.entries()) {
      head.setBigUint64(4 + row * 12, BigInt(item), true);
      head.setUint32(12 + row * 12, bytes.length, true);
    }
    return new Uint8Array([...new Uint8Array(head.buffer), ...parts.flatMap(([, bytes]) => bytes)]).buffer;
  };

  it("are taken apart by item; an empty one is missing", async () => {
    const blobs = unpack(
      packed([
        [7, [1, 2]],
        [9, []],
        [2 ** 33, [3]],
      ]),
    ); // prettier-ignore
    expect([...blobs.keys()]).toEqual([7, 2 ** 33]);
    expect(blobs.get(7)?.size).toBe(2);
  });

  it("stay bounded and never lose what is on the screen", async () => {
    const revoked: string[] = [];
    let made = 0;
    const thumbnails = new Thumbnails({
      fetch: async (items) => packed(items.map((item) => [item, [1]])),
      urlOf: () => `blob:${made++}`,
      revoke: (url) => revoked.push(url),
      capacity: 3,
    });
    const ready = (items: number[]) =>
      new Promise<void>((resolve) => {
        thumbnails.onReady = () => resolve();
        thumbnails.want(items, []);
      });
    await ready([1, 2, 3]);
    await ready([3, 4, 5]);
    expect(revoked).toHaveLength(2);
    expect([1, 2, 3, 4, 5].map((item) => thumbnails.get(item) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  it("that do not come are marked, so that the tile asks for its own", async () => {
    const thumbnails = new Thumbnails({
      fetch: () => Promise.reject(new Error("away")),
      urlOf: () => "",
      revoke: () => undefined,
      capacity: 3,
    });
    await new Promise<void>((resolve) => {
      thumbnails.onReady = () => resolve();
      thumbnails.want([1], []);
    });
    expect(thumbnails.isMissing(1)).toBe(true);
  });
});

describe("a box", () => {
  it("is never inside out and never leaves the frame", () => {
    expect(spanned({ x: 0.8, y: 0.1 }, { x: 0.2, y: 0.6 })).toEqual([0.2, 0.1, 0.8, 0.6]);
    expect(moved([0, 0, 0.5, 0.5], -1, 9)).toEqual([0, 0.5, 0.5, 1]);
    const [x0, , x1] = sized([0.5, 0.5, 0.6, 0.6], -1, 1);
    expect(x1).toBeGreaterThan(x0);
  });
});

describe("figures", () => {
  it("read as people write them", () => {
    expect(timeText(75.5)).toBe("1:15.5");
    expect(timeText(3700)).toBe("1:01:40.0");
    expect(timeText(59.96)).toBe("1:00.0");
    expect(similarityText(0.8731)).toBe("0.873");
    expect(agoText(0, 130_000)).toBe("2 min ago");
    expect([numberOf(" 1.5 "), numberOf(""), numberOf("x")]).toEqual([1.5, undefined, undefined]);
  });

  it("give the pace over the last minute", () => {
    const rate = new Rate();
    expect(rate.perMinute(0)).toBe(0);
    for (let second = 0; second < 60; second++) rate.add(2, second * 1000);
    expect(rate.perMinute(60_000)).toBe(120);
    expect(rate.perMinute(200_000)).toBe(0);
  });
});

describe("what checks of answers by stack came to", () => {
  const of = (hits: number, num: number, is_off = false, name = "north") => ({
    name,
    is_off,
    wrong: { hits, num, low: 0.0006, high: 0.1316 },
  });
  const errors = (all: ReturnType<typeof of>, ...sources: ReturnType<typeof of>[]) => ({
    share_checked: 0.02,
    most_error: 0.01,
    all,
    sources,
  });

  it("is told with its interval, and that nothing was checked yet", () => {
    expect(checkedText(errors(of(1, 40)))).toBe(
      "1 of 40 checked was wrong: 0.06 % to 13.2 %, with 95 % confidence.",
    );
    expect(checkedText(errors(of(0, 0)))).toMatch(/^Not checked yet\. .* 2 % are looked at again/);
  });

  it("names the sources that are answered frame by frame", () => {
    const said = offTexts(errors(of(2, 8), of(0, 4), of(2, 4, true, ""), of(3, 9, true, "south")));
    expect(said).toEqual([
      "The uploads: answered frame by frame, since more than 1 % were wrong (2 of 4).",
      "south: answered frame by frame, since more than 1 % were wrong (3 of 9).",
    ]);
  });
});
