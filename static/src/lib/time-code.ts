/** Times as people write them, and positions in a video as they type them. */

import type { FrameTable } from "./frame-table";

/** 3725.0406 is "1:02:05.041", 4.8 is "0:00:04.800". */
export function codeText(seconds: number): string {
  const sign = seconds < 0 ? "-" : "";
  const thousandths = Math.round(Math.abs(seconds) * 1000);
  const whole = Math.floor(thousandths / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return `${sign}${time}.${String(thousandths % 1000).padStart(3, "0")}`;
}

/** Seconds of "hh:mm:ss.mmm", "mm:ss", "12.5" or "12.5 s"; null for what is no time. */
export function parseCode(text: string): number | null {
  const parts = /^(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d*)?|\.\d+)\s*s?$/.exec(text.trim());
  if (!parts) return null;
  const [, hours, minutes, seconds] = parts;
  if (minutes !== undefined && Number(seconds) >= 60) return null;
  return Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds);
}

/**
 * The place that somebody typed: "1024" is a pts, "#120" a frame's number, anything with a colon, a point or an s a
 * time. A pts between two frames is the frame that is shown then. An Error says what can be typed.
 */
export function parsePlace(text: string, table: FrameTable): number {
  const asked = text.trim();
  const number = /^#\s*(\d+)$/.exec(asked);
  if (number) return table.placeOfNumber(Number(number[1]));
  if (/^-?\d+$/.test(asked)) return table.placeAtPts(Number(asked));
  const seconds = parseCode(asked);
  if (seconds === null) throw new Error("Type a pts (1024), a time (0:01:02.500) or a frame (#120)");
  return table.placeAtSeconds(seconds);
}
