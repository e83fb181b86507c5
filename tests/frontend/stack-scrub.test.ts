import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Thumbnails } from "../../static/src/lib/thumbnails";
import type { ResultGrid } from "../../static/src/widgets/result-grid";
import { StackScrub } from "../../static/src/widgets/stack-scrub";
import { TileView } from "../../static/src/widgets/tile-view";
import { tileOf } from "./tiles";

const STATE = { is_cursor: false, is_chosen: false, is_later: false, lit: "", is_below_cut: false };
const urlOf = (item: number) => `http://localhost/${item}.jpg`;

/** As much of a grid as a scrub looks at: no thumbnail is here yet, a stack of one number has its tens as members. */
function gridOf(): ResultGrid {
  const thumbnails = new Thumbnails({
    fetch: () => new Promise<ArrayBuffer>(() => {}),
    urlOf: () => "",
    revoke: () => {},
    capacity: 10,
  });
  const members = async (stack: number) => [stack * 10, stack * 10 + 1, stack * 10 + 2];
  return { thumbnails, members, thumbnailOf: urlOf } as unknown as ResultGrid;
}

describe("what plays under the pointer", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("plays the stack of the tile that the node shows", async () => {
    const [scrub, view] = [new StackScrub(gridOf()), new TileView()];
    view.show(tileOf(10, { stack: 1, count: 3 }), STATE, 9);
    scrub.over(view, 0.5);
    await vi.advanceTimersByTimeAsync(250);
    expect(view.image.src).toBe(urlOf(10));
    await vi.advanceTimersByTimeAsync(180);
    expect(view.image.src).toBe(urlOf(11));
    expect(scrub.plays(view)).toBe(true);
  });

  it("stops once the node shows another tile, though the pointer has not moved", async () => {
    const [scrub, view] = [new StackScrub(gridOf()), new TileView()];
    view.show(tileOf(10, { stack: 1, count: 3 }), STATE, 9);
    scrub.over(view, 0.5);
    await vi.advanceTimersByTimeAsync(250);
    expect(scrub.plays(view)).toBe(true);
    view.show(tileOf(20, { stack: 2, count: 3 }), STATE, 9);
    await vi.advanceTimersByTimeAsync(2000);
    expect(view.image.src).not.toMatch(/1\d\.jpg$/);
    expect(view.root.dataset.scrub).toBeUndefined();
    expect(scrub.plays(view)).toBe(false);
    scrub.over(view, 0.6); // and begins anew with what is there now
    await vi.advanceTimersByTimeAsync(250);
    expect(view.image.src).toBe(urlOf(20));
  });
});
