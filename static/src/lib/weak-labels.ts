/** Accepted in bulk from the present ranking, without a look at each: weak labels. */

import type { QuerySession } from "./query-session";
import type { Ranking } from "./ranking";
import type { Session } from "./session";
import type { Tile } from "./wire";

export type Take = { first_n: number } | { min_similarity: number };

/** How many the present ranking has at or above a similarity; the server is asked where the page does not know. */
export async function countAbove(session: QuerySession, similarity: number): Promise<number> {
  const { tiles, isComplete, mode } = session.ranking;
  const below = tiles.findIndex((tile) => (tile.similarity ?? 0) < similarity);
  if (below >= 0 || isComplete) return below < 0 ? tiles.length : below;
  const filters = { ...session.query.filters, min_similarity: similarity };
  const counted = session.fetchOf({ ...session.query, mode, filters }, undefined, true); // what is held stays so
  const answer = await counted(0, 1, new AbortController().signal);
  return answer.total;
}

/**
 * The round that `take` is of, as the page shows it: that of the top. Null where it would reach below the fold, into
 * the better ranking that has taken the place of the rest: what that one has at its top was not seen there.
 */
export function roundOf({ tiles, round }: Pick<Ranking, "tiles" | "round">, take: Take): number | null {
  const top = tiles[0]?.round ?? round;
  const border = tiles.findIndex((tile) => tile.round !== top);
  if (border < 0) return top;
  const open = tiles.slice(0, border).filter((tile) => tile.answer === "");
  return "first_n" in take && take.first_n <= open.length ? top : null;
}

/** The server records which ranking they came from; the tiles taken are marked. */
export async function takeWeak(session: Session, take: Take): Promise<void> {
  const { api, ranking } = session;
  const round = roundOf(ranking, take);
  if (round === null) {
    await session.better.apply();
    session.say("The better ranking is at the top now: look at it, then take again");
    return;
  }
  const { num_labels } = await api.post<{ num_labels?: number }>(api.url("weak"), { round, ...take });
  const undecided = ranking.tiles.filter((tile: Tile) => tile.answer === "" && tile.round === round);
  const taken =
    "first_n" in take
      ? undecided.slice(0, take.first_n)
      : undecided.filter((tile) => (tile.similarity ?? -1) >= take.min_similarity);
  for (const tile of taken) tile.is_weak = true;
  session.dispatchEvent(new CustomEvent("painted", { detail: taken.map((tile) => tile.item) }));
  const count = num_labels?.toLocaleString("en-US");
  session.say(
    count === undefined ? "Weak labels taken" : `${count} weak labels taken; Review cleans or reverts them`,
  );
  session.recount();
}
