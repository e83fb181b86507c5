/** How fast one works, and whose time it is: decisions per minute, the person's thinking, the system's rounds. */

import { Rate } from "./rate";

const AWAY_MS = 60_000; // a longer pause is a pause, not thinking
const KEPT = 50; // of the newest, for medians that follow the day

export class Pace {
  readonly rate = new Rate();
  private readonly thought_ms: number[] = []; // from the last answer, or the new tiles, to this answer
  private readonly waited_ms: number[] = []; // from asking for a ranking until it was here
  private since_ms: number | null = null;

  /** `count` tiles were answered with one key. */
  answered(count: number, now_ms: number): void {
    this.rate.add(count, now_ms);
    if (this.since_ms !== null && now_ms - this.since_ms < AWAY_MS)
      keep(this.thought_ms, now_ms - this.since_ms);
    this.since_ms = now_ms;
  }

  /** Other tiles are on the screen: thinking begins anew. */
  shown(waited_ms: number, now_ms: number): void {
    keep(this.waited_ms, waited_ms);
    this.since_ms = now_ms;
  }

  /** A ranking came in the background: nobody waited, its time counts all the same. */
  ranked(took_ms: number): void {
    keep(this.waited_ms, took_ms);
  }

  /** Median milliseconds per key of the person; null before the first two. */
  get thinking_ms(): number | null {
    return median(this.thought_ms);
  }

  /** The newest round, milliseconds. */
  get round_ms(): number | null {
    return this.waited_ms.at(-1) ?? null;
  }

  /** Median milliseconds per round. */
  get system_ms(): number | null {
    return median(this.waited_ms);
  }
}

function keep(list: number[], value: number): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
