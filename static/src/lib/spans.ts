/** A part of a video that was marked: as text, as what the server is asked, and as the clip that it becomes. */

import type { FrameTable } from "./frame-table";
import { type LineItem, lineItems } from "./line-items";
import { codeText } from "./time-code";
import type * as wire from "./wire";

/** Frames [start, stop) by their places. */
export interface Span {
  start: number;
  stop: number;
}

/** The same by pts: [start_pts, stop_pts). */
export type PtsRange = Pick<wire.Span, "start_pts" | "stop_pts">;

/** The clip item of a span, as the REST API makes it or knows it, with what counts of a class. */
export interface SpanAnswer extends PtsRange {
  item: number;
  answer: wire.Answer | "";
  version: number;
}

export function rangeOf(span: Span, table: FrameTable): PtsRange {
  return { start_pts: table.ptsAt(span.start), stop_pts: table.stopAt(span.stop - 1) };
}

/** "0:00:01.000 – 0:00:02.480, 37 frames". */
export function spanText(span: Span, table: FrameTable): string {
  const count = span.stop - span.start;
  const stop = table.secondsOf(table.stopAt(span.stop - 1));
  return `${codeText(table.secondsAt(span.start))} – ${codeText(stop)}, ${count} ${count === 1 ? "frame" : "frames"}`;
}

/** The clip of exactly that part, if there is one. */
export function clipAt({ start_pts, stop_pts }: PtsRange, items: readonly LineItem[]): LineItem | undefined {
  return items.find(
    (item) => item.kind === "clip" && item.start_pts === start_pts && item.stop_pts === stop_pts,
  );
}

export function itemOf(
  made: SpanAnswer,
  table: FrameTable,
  media: { id: number; name: string; width_px: number; height_px: number },
): LineItem {
  const line = {
    items: [made.item],
    kinds: ["clip" as const],
    start_pts: [made.start_pts],
    stop_pts: [made.stop_pts],
    stacks: [0],
    answers: [made.answer],
    versions: [made.version],
    are_derived: [false],
    are_disputed: [false],
    are_weak: [false],
    is_whole: true,
  };
  const [item] = lineItems(line, table, media);
  if (!item) throw new Error("A line of one item has one");
  return item;
}

export function termOfSpan(media_file: number, range: PtsRange): wire.Term {
  return { kind: "span", span: { media_file, ...range }, box: null, weight: 1 };
}
