/** Accepted in bulk from the present ranking, without a look at each: weak labels. */

import type { QuerySession } from "./query-session";
import type { Tile } from "./wire";

export type Take = { first_n: number } | { min_similarity: number };

/** How many the present ranking has at or above a similarity; the server is asked where the page does not know. */
export async function countAbove(session: QuerySession, similarity: number): Promise<number> {
  const { tiles, isComplete, mode } = session.ranking;
  const below = tiles.findIndex((tile) => (tile.similarity ?? 0) < similarity);
  if (below >= 0 || isComplete) return below < 0 ? tiles.length : below;
  const filters = { ...session.query.filters, min_similarity: similarity };
  const answer = await session.fetchOf({ ...session.query, mode, filters })(
    0,
    1,
    new AbortController().signal,
  );
  return answer.total;
}

/** The server records which ranking they came from; the tiles taken are marked. */
export async function takeWeak(session: QuerySession, take: Take): Promise<void> {
  const { api, ranking } = session;
  const { num_labels } = await api.post<{ num_labels?: number }>(api.url("weak"), {
    round: ranking.round,
    ...take,
  });
  const of_round = (tile: Tile) => tile.answer === "" && tile.round === ranking.round;
  const undecided = ranking.tiles.filter(of_round); // above the fold may be those of an older one
  const taken =
    "first_n" in take
      ? undecided.filter((tile) => (tile.rank ?? 0) < take.first_n)
      : undecided.filter((tile) => (tile.similarity ?? -1) >= take.min_similarity);
  for (const tile of taken) tile.is_weak = true;
  session.dispatchEvent(new CustomEvent("painted", { detail: taken.map((tile) => tile.item) }));
  const count = num_labels?.toLocaleString("en-US");
  session.say(
    count === undefined ? "Weak labels taken" : `${count} weak labels taken; Review cleans or reverts them`,
  );
  session.recount();
}
