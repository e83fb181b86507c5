/** Draws the lanes of a time line on a canvas. Answers differ by shape and glyph as well as by color. */

import { GLYPH_OF } from "./answers";
import { type Curve, type LineItem, MOST_ROWS, rowsOf, stacksOf } from "./line-items";
import { ticksOf, type View, xOf } from "./time-axis";

export const GUTTER_PX = 84; // for the names of the lanes
const RULER_PX = 22;
const FRAMES_PX = 16;
const CLIP_PX = 9;
const STACKS_PX = 12;
const VERDICTS_PX = 24;
const CURVE_PX = 60;
const GAP_PX = 5;
const LEAST_PX = 3; // an item is never narrower
const MARK_PX = 14; // the verdict on a frame, where there is room for it
const GLYPH_PX = 11; // from this width on an answer has its glyph
const FONT = "11px system-ui, sans-serif";

export interface Scene {
  items: readonly LineItem[];
  scores: Curve | null;
  similarities: Curve | null;
  chosen: number | null; // item id
  span: View | null; // seconds
  head: number; // seconds of the frame that is shown
  hover: number | null;
}

export interface Lane {
  name: string;
  kind: "ruler" | "clips" | "frames" | "stacks" | "verdicts" | "scores" | "similarities";
  top: number;
  height: number;
}

type Tone = (name: string) => string;

/** The lanes that a scene has, from top to bottom. */
export function lanesOf(scene: Scene): Lane[] {
  const clips = scene.items.filter(({ kind }) => kind === "clip");
  const rows = clips.length ? Math.max(...rowsOf(clips)) + 1 : 0;
  const wanted: [Lane["kind"], string, number][] = [["ruler", "", RULER_PX]];
  wanted.push(["frames", "frames", FRAMES_PX]);
  if (rows) wanted.push(["clips", "clips", Math.min(rows, MOST_ROWS) * (CLIP_PX + 1)]);
  const num_stacked = stackRows(scene.items).length;
  if (num_stacked) wanted.push(["stacks", "stacks", num_stacked * STACKS_PX]);
  wanted.push(["verdicts", "verdicts", VERDICTS_PX]);
  if (scene.scores) wanted.push(["scores", "scores", CURVE_PX]);
  if (scene.similarities) wanted.push(["similarities", "similarity", CURVE_PX]);
  let top = 0;
  return wanted.map(([kind, name, height]) => {
    const lane = { kind, name, top, height };
    top += height + GAP_PX;
    return lane;
  });
}

/** The stacks of frames and those of clips, as far as there are some: each has a row of its own. */
function stackRows(items: readonly LineItem[]): ReturnType<typeof stacksOf>[] {
  const clips = items.filter(({ kind }) => kind === "clip");
  const others = items.filter(({ kind }) => kind !== "clip");
  return [stacksOf(others), stacksOf(clips)].filter(({ length }) => length > 0);
}

/** The items that a click at a height is about: those of the lane, of answers those that have one. */
export function itemsAtHeight(scene: Scene, y_px: number): readonly LineItem[] {
  const lane = lanesOf(scene).find(({ top, height }) => y_px >= top && y_px < top + height + GAP_PX);
  if (lane?.kind === "clips") return scene.items.filter(({ kind }) => kind === "clip");
  if (lane?.kind === "frames") return scene.items.filter(({ kind }) => kind !== "clip");
  if (lane?.kind === "verdicts") return scene.items.filter(({ answer, is_weak }) => answer !== "" || is_weak);
  return scene.items;
}

export function heightOf(lanes: readonly Lane[]): number {
  const last = lanes.at(-1);
  return last ? last.top + last.height + GAP_PX : 0;
}

/** Everything, on a canvas of `width_px`, whose context is scaled to CSS pixels. */
export function paint(
  context: CanvasRenderingContext2D,
  scene: Scene,
  view: View,
  width_px: number,
  tone: Tone,
): void {
  const lanes = lanesOf(scene);
  const height = heightOf(lanes);
  const plot_px = width_px - GUTTER_PX;
  const x = (seconds: number) => GUTTER_PX + xOf(seconds, view, plot_px);
  context.clearRect(0, 0, width_px, height);
  context.font = FONT;
  context.textBaseline = "middle";
  for (const { name, top, height: lane_px, kind } of lanes) {
    context.fillStyle = tone("text");
    context.textAlign = "right";
    context.fillText(name, GUTTER_PX - 10, top + lane_px / 2);
    if (kind === "ruler") continue;
    context.fillStyle = tone("lane");
    context.fillRect(GUTTER_PX, top, plot_px, lane_px);
  }
  context.save();
  context.beginPath();
  context.rect(GUTTER_PX, 0, plot_px, height);
  context.clip();
  context.textAlign = "left";
  const shown = scene.items.filter((item) => item.stop >= view.start && item.start <= view.stop);
  const pen: Pen = { context, x, tone, scene };
  for (const lane of lanes) {
    if (lane.kind === "ruler") ruler(pen, lane, view, plot_px, height);
    else if (lane.kind === "frames") frames(pen, lane, shown);
    else if (lane.kind === "clips") clips(pen, lane, view);
    else if (lane.kind === "stacks") stacks(pen, lane);
    else if (lane.kind === "verdicts") verdicts(pen, lane, shown);
    else curve(pen, lane, lane.kind === "scores" ? scene.scores : scene.similarities, plot_px);
  }
  if (scene.span) selection(pen, scene.span, height);
  head(pen, height);
  context.restore();
}

interface Pen {
  context: CanvasRenderingContext2D;
  x: (seconds: number) => number;
  tone: Tone;
  scene: Scene;
}

function ruler({ context, x, tone }: Pen, lane: Lane, view: View, plot_px: number, height: number): void {
  for (const { seconds, label } of ticksOf(view, plot_px)) {
    const at = Math.round(x(seconds)) + 0.5;
    context.strokeStyle = tone(label ? "grid" : "faint");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(at, label ? lane.top + 15 : lane.top + 18);
    context.lineTo(at, label ? height : lane.top + lane.height);
    context.stroke();
    const is_cut = at + context.measureText(label).width + 6 > GUTTER_PX + plot_px;
    if (!label || is_cut) continue;
    context.fillStyle = tone("text");
    context.fillText(label, at + 3, lane.top + 8);
  }
}

/** [left, width] of an item, at least LEAST_PX wide. */
function extent(x: Pen["x"], item: { start: number; stop: number }): [number, number] {
  const left = x(item.start);
  return [left, Math.max(LEAST_PX, x(item.stop) - left - 1)];
}

function frames({ context, x, tone, scene }: Pen, lane: Lane, shown: readonly LineItem[]): void {
  for (const item of shown) {
    if (item.kind === "clip") continue;
    const [left] = extent(x, item);
    context.fillStyle = tone(item.item === scene.chosen ? "focus" : "item");
    context.fillRect(left, lane.top + 2, LEAST_PX, lane.height - 4);
    if (item.item === scene.chosen) context.fillRect(left - 2, lane.top, LEAST_PX + 4, 3);
  }
}

function clips({ context, x, tone, scene }: Pen, lane: Lane, view: View): void {
  const all = scene.items.filter(({ kind }) => kind === "clip");
  const rows = rowsOf(all);
  all.forEach((item, at) => {
    if (item.stop < view.start || item.start > view.stop) return;
    const [left, width] = extent(x, item);
    const top = lane.top + (rows[at] ?? 0) * (CLIP_PX + 1);
    context.fillStyle = tone("clip");
    context.fillRect(left, top, width, CLIP_PX);
    if (item.item !== scene.chosen) return;
    context.strokeStyle = tone("focus");
    context.lineWidth = 2;
    context.strokeRect(left + 1, top + 1, Math.max(1, width - 2), CLIP_PX - 2);
  });
}

function stacks(pen: Pen, lane: Lane): void {
  stackRows(pen.scene.items).forEach((row, at) => {
    for (const stack of row)
      bracket(pen, { ...lane, top: lane.top + at * STACKS_PX, height: STACKS_PX }, stack);
  });
}

function bracket(
  { context, x, tone }: Pen,
  lane: Lane,
  stack: { start: number; stop: number; count: number },
): void {
  const [left, width] = extent(x, stack);
  context.strokeStyle = tone("text");
  context.lineWidth = 1;
  context.beginPath(); // a bracket below its items
  context.moveTo(left + 0.5, lane.top + 1);
  context.lineTo(left + 0.5, lane.top + 5.5);
  context.lineTo(left + width - 0.5, lane.top + 5.5);
  context.lineTo(left + width - 0.5, lane.top + 1);
  context.stroke();
  if (width < 22) return;
  context.fillStyle = tone("lane");
  const text = `×${stack.count}`;
  const text_px = context.measureText(text).width;
  context.fillRect(left + width / 2 - text_px / 2 - 2, lane.top, text_px + 4, lane.height);
  context.fillStyle = tone("text");
  context.fillText(text, left + width / 2 - text_px / 2, lane.top + lane.height / 2);
}

/** Those of clips first, so that those of frames lie on top; a frame's is wider than the frame, up to the next item's. */
function verdicts(pen: Pen, lane: Lane, shown: readonly LineItem[]): void {
  const clips = shown.filter(({ kind }) => kind === "clip");
  const others = shown.filter(({ kind }) => kind !== "clip");
  for (const item of clips) verdict(pen, lane, item, extent(pen.x, item));
  others.forEach((item, at) => {
    const [left] = extent(pen.x, item);
    const next = others[at + 1];
    const room_px = next ? pen.x(next.start) - left - 1 : MARK_PX;
    verdict(pen, lane, item, [left, Math.max(LEAST_PX, Math.min(MARK_PX, room_px))]);
  });
}

/** Accepted: full and high. Rejected: low, hatched. Unsure: in the middle, dashed. Weak: hollow. Disputed: with a mark above. */
function verdict({ context, tone }: Pen, lane: Lane, item: LineItem, [left, width]: [number, number]): void {
  const said = item.answer || (item.is_weak ? "weak" : "");
  if (!said) return;
  const { top, height } = lane;
  const color = tone(said);
  context.fillStyle = context.strokeStyle = color;
  context.lineWidth = 1;
  if (said === "accept") context.fillRect(left, top, width, height);
  else if (said === "reject") {
    context.fillRect(left, top + height - 3, width, 3);
    hatch(context, left, top + height / 2, width, height / 2 - 3);
  } else {
    context.setLineDash(said === "unsure" ? [3, 2] : []);
    const inset = said === "unsure" ? 6 : 2;
    context.strokeRect(left + 0.5, top + inset + 0.5, Math.max(1, width - 1), height - 2 * inset - 1);
    context.setLineDash([]);
  }
  if (item.is_disputed) {
    context.fillStyle = tone("unsure");
    context.fillRect(left, top, width, 3);
  }
  const glyph = said === "weak" ? "w" : GLYPH_OF[said];
  if (width < GLYPH_PX || !glyph) return;
  context.fillStyle = said === "accept" ? tone("ground") : color;
  context.fillText(glyph, left + width / 2 - 4, said === "reject" ? top + 6 : top + height / 2);
}

function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.beginPath();
  for (let at = left - height; at < left + width; at += 4) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.stroke();
  context.restore();
}

function curve({ context, x, tone, scene }: Pen, lane: Lane, drawn: Curve | null, plot_px: number): void {
  if (!drawn) return;
  const y = (value: number) =>
    lane.top + 3 + (1 - (value - drawn.low) / (drawn.high - drawn.low)) * (lane.height - 6);
  context.fillStyle = tone("text");
  context.textAlign = "right"; // the range of the values, at the end of the lane
  context.fillText(drawn.high.toFixed(2), GUTTER_PX + plot_px - 4, lane.top + 7);
  context.fillText(drawn.low.toFixed(2), GUTTER_PX + plot_px - 4, lane.top + lane.height - 7);
  context.textAlign = "left";
  if (drawn.threshold !== null) {
    const at = Math.round(y(drawn.threshold)) + 0.5;
    context.strokeStyle = tone("unsure");
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(GUTTER_PX, at);
    context.lineTo(GUTTER_PX + plot_px, at);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = tone("text");
    context.fillText(
      `operating point ${drawn.threshold.toFixed(2)}`,
      GUTTER_PX + 6,
      at > lane.top + 16 ? at - 7 : at + 8,
    );
  }
  context.strokeStyle = tone(drawn === scene.scores ? "info" : "link");
  context.lineWidth = 1.5;
  context.beginPath();
  drawn.points.forEach(([seconds, value], at) => {
    if (at) context.lineTo(x(seconds), y(value));
    else context.moveTo(x(seconds), y(value));
  });
  context.stroke();
  context.lineWidth = 1;
  if (drawn.points.length > plot_px / 5) return;
  context.fillStyle = context.strokeStyle;
  for (const [seconds, value] of drawn.points) {
    const is_found = drawn.threshold !== null && value >= drawn.threshold;
    context.beginPath();
    context.arc(x(seconds), y(value), is_found ? 3.5 : 2, 0, 7);
    context.fill();
  }
}

function selection({ context, x, tone }: Pen, span: View, height: number): void {
  const [left, right] = [x(span.start), x(span.stop)];
  context.fillStyle = tone("soft");
  context.globalAlpha = 0.45;
  context.fillRect(left, 0, Math.max(2, right - left), height);
  context.globalAlpha = 1;
  context.fillStyle = tone("focus");
  context.fillRect(left, 0, 2, height);
  context.fillRect(Math.max(left + 2, right - 2), 0, 2, height);
}

function head({ context, x, tone, scene }: Pen, height: number): void {
  const at = Math.round(x(scene.head));
  context.fillStyle = tone("head");
  context.fillRect(at, 0, 2, height);
  context.beginPath();
  context.moveTo(at - 5, 0);
  context.lineTo(at + 7, 0);
  context.lineTo(at + 1, 8);
  context.fill();
  if (scene.hover === null) return;
  context.globalAlpha = 0.5;
  context.fillRect(Math.round(x(scene.hover)), 0, 1, height);
  context.globalAlpha = 1;
}
