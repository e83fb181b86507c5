/** Frames and clips: what of the counts is of which. */

import type { AllCounts, Counts, Unit } from "./wire";

const OF_UNITS = [
  "accepted",
  "rejected",
  "unsure",
  "weak",
  "disputed",
  "untouched",
  "items",
  "stacks",
] as const;

/** The counts of one unit; of null all of them. What was put off is counted for both together. */
export function countsOf(counts: AllCounts | null, unit: Unit | null): Counts | null {
  const clips = counts?.clips;
  if (!counts || !clips || unit === null) return counts;
  const own = { ...counts };
  for (const name of OF_UNITS) own[name] = unit === "clip" ? clips[name] : counts[name] - clips[name];
  return own;
}

/** 2 is "2.0 s", 75 is "75 s". */
export function lengthText(seconds: number): string {
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
