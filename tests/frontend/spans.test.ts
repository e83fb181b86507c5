import { describe, expect, it } from "vitest";
import { type FramesPage, readFrameTable } from "../../static/src/lib/frame-table";
import { clipAt, itemOf, rangeOf, spanText, termOfSpan } from "../../static/src/lib/spans";

/** Four frames, a second each, in two pages. */
const PAGES: Record<string, FramesPage> = Object.fromEntries(
  [0, 2].map((offset) => [
    offset ? `?offset=${offset}` : "",
    {
      num_frames: 4,
      time_base: [1, 10] as const,
      start_pts: 0,
      stop_pts: 40,
      is_decoded: true,
      offset,
      pts: [offset * 10, offset * 10 + 10],
      numbers: null,
      codec_keyframes: [],
      next: offset ? null : 2,
    },
  ]),
);
const MEDIA = { id: 7, name: "a.mp4", width_px: 64, height_px: 48 };

async function read(query: string): Promise<FramesPage> {
  const page = PAGES[query];
  if (!page) throw new Error(`nobody has asked for ${query}`);
  return page;
}

describe("a span", () => {
  it("ends where its last frame does", async () => {
    const table = await readFrameTable(read);
    expect(table.length).toBe(4);
    expect(rangeOf({ start: 1, stop: 3 }, table)).toEqual({ start_pts: 10, stop_pts: 30 });
    expect(rangeOf({ start: 3, stop: 4 }, table)).toEqual({ start_pts: 30, stop_pts: 40 });
    expect(spanText({ start: 1, stop: 3 }, table)).toBe("0:00:01.000 – 0:00:03.000, 2 frames");
    expect(spanText({ start: 0, stop: 1 }, table)).toContain("1 frame");
  });

  it("is the clip that has exactly its frames", async () => {
    const table = await readFrameTable(read);
    const range = rangeOf({ start: 1, stop: 3 }, table);
    const clip = itemOf({ item: 5, ...range, answer: "accept", version: 2 }, table, MEDIA);
    expect(clip).toMatchObject({
      kind: "clip",
      start: 1,
      stop: 3,
      answer: "accept",
      version: 2,
      stack: null,
    });
    expect(clipAt(range, [clip])).toBe(clip);
    expect(clipAt({ start_pts: 10, stop_pts: 20 }, [clip])).toBeUndefined();
    expect(clipAt(range, [{ ...clip, kind: "frame" }])).toBeUndefined();
    expect(termOfSpan(MEDIA.id, range)).toMatchObject({ kind: "span", span: { media_file: 7, ...range } });
  });
});
