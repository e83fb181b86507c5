/** What a threshold is worth, as it was measured on held-out items. */

export interface Point {
  threshold: number;
  precision: number | null;
  precision_low: number;
  precision_high: number;
  recall: number | null;
  recall_low: number;
  recall_high: number;
  f1: number | null;
  num_predicted: number;
  num_found: number;
  num_positives: number;
  num_items: number;
}

/** The place of the point that holds at `threshold`: the last one at or above it; the first where none is. */
export function placeOf(points: readonly Point[], threshold: number): number {
  const num = points.filter((point) => point.threshold >= threshold).length;
  return Math.max(0, num - 1);
}

/** Six digits, rounded down: the items at the threshold itself still count. */
export function thresholdAtMost(threshold: number): number {
  return Math.floor(threshold * 1e6) / 1e6;
}

/** 0.8731 is "87.3 %"; null is "undefined". */
export function percentText(share: number | null): string {
  return share === null ? "undefined" : `${(share * 100).toFixed(1).replace(/\.0$/, "")} %`;
}

/** One sentence: what to expect of the point, with both intervals. */
export function pointText(point: Point): string {
  const { precision, precision_low, precision_high, recall, recall_low, recall_high } = point;
  const interval = (low: number, high: number) => `(${percentText(low)} to ${percentText(high)})`;
  return (
    `score ${point.threshold.toFixed(3)}: precision ${percentText(precision)} ${interval(precision_low, precision_high)}, ` +
    `recall ${percentText(recall)} ${interval(recall_low, recall_high)}`
  );
}
