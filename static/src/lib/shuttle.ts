/** J, K and L: how fast a video plays and which way. Each further press in the same direction doubles it. */

export const FASTEST = 8;

/** 0 stands; -2 is backward at twice the speed. */
export function shuttled(rate: number, direction: -1 | 1): number {
  if (Math.sign(rate) !== direction) return direction;
  return Math.max(-FASTEST, Math.min(FASTEST, rate * 2));
}

/**
 * The place to show after `place` when playing at `rate`, and how long after it, in milliseconds. At up to normal speed
 * every frame is shown; faster, some are passed over. Null at either end.
 */
export function following(
  place: number,
  rate: number,
  table: { length: number; secondsAt(place: number): number },
): { place: number; wait_ms: number } | null {
  const step = Math.sign(rate) * Math.max(1, Math.floor(Math.abs(rate)));
  const next = Math.max(0, Math.min(table.length - 1, place + step));
  if (rate === 0 || next === place) return null;
  const gap_seconds = Math.abs(table.secondsAt(next) - table.secondsAt(place));
  return { place: next, wait_ms: (gap_seconds * 1000) / Math.abs(rate) };
}
