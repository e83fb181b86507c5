/** Scores counted in equal steps of [0, 1], and what a threshold on a step's edge has above it. */

/** The edge at or below `threshold`, 0 to the number of steps. */
export function edgeOf(counts: readonly number[], threshold: number): number {
  return Math.max(0, Math.min(counts.length, Math.floor(threshold * counts.length + 1e-9)));
}

/** How many items have at least the score of this edge. */
export function countAbove(counts: readonly number[], edge: number): number {
  return counts.slice(edge).reduce((sum, count) => sum + count, 0);
}

/** Heights of 0..1: roots of the counts, so that a rare class is seen beside everything else. */
export function heightsOf(counts: readonly number[]): number[] {
  const most = Math.max(1, ...counts);
  return counts.map((count) => (count ? Math.max(0.012, Math.sqrt(count / most)) : 0));
}

/** The address with the threshold put in: `{threshold}` of the pattern, in its encoded form too. */
export function addressAt(pattern: string, threshold: number): string {
  return pattern
    .replaceAll("{threshold}", String(threshold))
    .replaceAll("%7Bthreshold%7D", String(threshold));
}
