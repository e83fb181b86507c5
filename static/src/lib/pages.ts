/** Pages of one round: the server keeps its order and leaves out of it what was decided since. */

import type { Fetch } from "./ranking";
import type { RankAnswer } from "./wire";

type Ask = (offset: number, k: number, round: number | null, signal: AbortSignal) => Promise<RankAnswer>;

/**
 * Further pages name the round of the first and go on where it stopped. A place in the order is kept by what was
 * decided since, so places are counted here, whatever offset is asked for; only offset 0 begins anew.
 */
export function pagesOf(ask: Ask, begun?: { round: number | null; next: number }): Fetch {
  let round = begun?.round ?? null; // `begun`: the first page is here already
  let next = begun?.next ?? 0;
  return async (offset, k, signal) => {
    if (offset === 0 && next > 0) [round, next] = [null, 0];
    let answer = await ask(next, k, round, signal);
    next += k;
    round = answer.round;
    // A page of which nothing is left is not the end.
    while (!answer.neighbors.length && next < answer.total) {
      answer = await ask(next, k, round, signal);
      next += k;
    }
    return { ...answer, is_last: next >= answer.total };
  };
}
