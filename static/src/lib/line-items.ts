/** What lies along a video's time: its items as the time line has them, and the rows they are drawn in. No DOM. */

import type { FrameTable } from "./frame-table";
import type { Answer, Tile } from "./wire";

/** The items of a video in columns, as the REST API sends them. */
export interface Timeline {
  items: readonly number[];
  kinds: readonly Kind[];
  start_pts: readonly number[];
  stop_pts: readonly number[];
  stacks: readonly number[]; // 0: in none
  answers: readonly (Answer | "")[];
  versions: readonly number[];
  are_derived: readonly boolean[];
  are_disputed: readonly boolean[];
  are_weak: readonly boolean[];
  is_whole: boolean;
}

export type Kind = "frame" | "clip" | "region";

/** An item on the time line: a tile of its own, so that an answer is about it alone and not about its stack. */
export interface LineItem extends Tile {
  kind: Kind;
  start_pts: number;
  stop_pts: number;
  start: number; // seconds
  stop: number;
  in_stack: number | null;
}

/** A line over time: scores of a classifier, or similarities to an example. */
export interface Curve {
  label: string;
  points: readonly (readonly [seconds: number, value: number])[];
  low: number;
  high: number;
  threshold: number | null;
}

export const MOST_ROWS = 3; // of clips that overlap each other

export function lineItems(
  line: Timeline,
  table: FrameTable,
  media: { id: number; name: string; width_px: number; height_px: number },
): LineItem[] {
  const of_all = {
    stack: null,
    count: 1,
    similarity: null,
    rank: null,
    media_file: media.id,
    name: media.name,
    media_kind: "video" as const,
    number: null,
    width_px: media.width_px,
    height_px: media.height_px,
    thumbnail: "",
    box: null,
  };
  return line.items.map((item, at) => {
    const [start_pts, stop_pts] = [line.start_pts[at] ?? 0, line.stop_pts[at] ?? 0];
    const kind = line.kinds[at] ?? "frame";
    const start = table.secondsOf(start_pts);
    const end_pts = kind === "clip" ? stop_pts : table.stopAt(table.placeAtPts(start_pts)); // a frame is shown until the next
    return {
      ...of_all,
      item,
      kind,
      start_pts,
      stop_pts,
      start,
      stop: table.secondsOf(end_pts),
      pts_seconds: start,
      in_stack: line.stacks[at] || null,
      answer: line.answers[at] ?? "",
      version: line.versions[at] ?? 0,
      is_derived: line.are_derived[at] ?? false,
      is_disputed: line.are_disputed[at] ?? false,
      is_weak: line.are_weak[at] ?? false,
    };
  });
}

/** For each clip the row it is drawn in: the first where it covers no other, the last row where there is none. */
export function rowsOf(clips: readonly LineItem[]): number[] {
  const ends: number[] = [];
  return clips.map((clip) => {
    const free = ends.findIndex((end) => end <= clip.start + 1e-9);
    const row = free >= 0 ? free : Math.min(ends.length, MOST_ROWS - 1);
    ends[row] = Math.max(ends[row] ?? 0, clip.stop);
    return row;
  });
}

/** The stacks of the items, each from its first to the end of its last one, with the number of its members here. */
export function stacksOf(items: readonly LineItem[]): { start: number; stop: number; count: number }[] {
  const stacks = new Map<number, { start: number; stop: number; count: number }>();
  for (const { in_stack, start, stop } of items) {
    if (in_stack === null) continue;
    const known = stacks.get(in_stack);
    if (!known) stacks.set(in_stack, { start, stop, count: 1 });
    else {
      known.start = Math.min(known.start, start);
      known.stop = Math.max(known.stop, stop);
      known.count += 1;
    }
  }
  return [...stacks.values()].filter(({ count }) => count > 1);
}

/** The item that a click at a time is about: the shortest that is shown then, else the nearest within `reach`. */
export function itemAt(items: readonly LineItem[], seconds: number, reach: number): LineItem | null {
  let best: LineItem | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const is_shown = seconds >= item.start && seconds < item.stop;
    const away = is_shown ? 0 : Math.min(Math.abs(seconds - item.start), Math.abs(seconds - item.stop));
    if (!is_shown && away > reach) continue;
    const cost = is_shown ? item.stop - item.start - 1e6 : away;
    if (cost < least) [best, least] = [item, cost];
  }
  return best;
}

/** The item after `chosen` in order of time, or before it; without one, the first from `pts` on, or the last before. */
export function neighborOf(
  items: readonly LineItem[],
  pts: number,
  direction: -1 | 1,
  chosen: LineItem | null = null,
): LineItem | null {
  const at = chosen?.start_pts === pts ? items.findIndex(({ item }) => item === chosen.item) : -1;
  if (at >= 0) return items[at + direction] ?? null;
  if (direction > 0) return items.find((item) => item.start_pts >= pts) ?? null;
  return items.findLast((item) => item.start_pts < pts) ?? null;
}

/** The points of a curve, in order of time; each at the middle of its item. Range of values: all of them, at least 0..1 of scores. */
export function curveOf(
  label: string,
  items: readonly LineItem[],
  values: ReadonlyMap<number, number>,
  range: readonly [number, number] | null,
  threshold: number | null,
): Curve {
  const points = items
    .flatMap((item) => {
      const value = values.get(item.item);
      return value === undefined ? [] : [[(item.start + item.stop) / 2, value] as const];
    })
    .sort(([one], [other]) => one - other);
  const all = points.map(([, value]) => value);
  const [low, high] = range ?? [Math.min(...all), Math.max(...all)];
  return { label, points, low, high: high > low ? high : low + 1, threshold };
}

/** The value of a curve nearest to a time; null where it has no point. */
export function valueAt(curve: Curve, seconds: number): number | null {
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, value] of curve.points) {
    if (Math.abs(at - seconds) < least) [best, least] = [value, Math.abs(at - seconds)];
  }
  return best;
}
