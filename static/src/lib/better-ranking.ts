/**
 * The ranking that the answers so far give, asked for in the background after every batch. It takes the place of what
 * is below the fold by itself; what is on the screen stays until the person applies it.
 */

import { debounced, latest } from "./latest";
import type { Query } from "./query-url";
import { numBetter } from "./ranking";
import type { Session } from "./session";
import type { RankAnswer } from "./wire";

const ASK_AFTER_MS = 350; // the last answer was acknowledged this long ago
const MOST_UNSAVED = 50; // with more on the way the answer would be old when it comes

/** Whether the same is looked for: nothing of the query but how it is ranked has been changed. */
function isSameButMode(one: Query, other: Query): boolean {
  const parts = ["class", "terms", "filters", "unit", "mix"] as const;
  return parts.every((part) => one[part] === other[part]);
}

export class BetterRanking {
  answer: RankAnswer | null = null;
  num = 0; // candidates that it would bring onto the screen
  private num_asked = 0;

  constructor(private readonly session: Session) {}

  drop(): void {
    this.answer = null;
    this.num = 0;
  }

  readonly askSoon = debounced(() => void this.ask(), ASK_AFTER_MS);

  private readonly newest = latest((query: Query, signal) =>
    this.session.fetchOf(query, undefined, true)(0, this.num_asked, signal),
  );

  /** What would the answers so far rank first? Tells the page, which knows where its fold is: "better". */
  async ask(): Promise<void> {
    const { session } = this;
    const { query, counts } = session;
    if (session.mode === "review" || query.class === null || !counts?.accepted) return;
    if (session.outbox.unsaved > MOST_UNSAVED) return;
    const asked_at = performance.now();
    this.num_asked = session.ranking.page;
    const answer = await this.newest({ ...query, mode: "learned", is_background: true }).catch(
      () => undefined,
    );
    if (answer?.mode !== "learned" || !isSameButMode(session.query, query)) return;
    session.pace.ranked(performance.now() - asked_at);
    this.answer = answer;
    session.dispatchEvent(new Event("better"));
    session.changed();
  }

  /** The tiles from `fold` on come by the better ranking from now on; nothing before it moves. */
  applyBelow(fold: number): void {
    const { session, answer } = this;
    if (!answer || session.isBrowsing) return;
    const neighbors = answer.neighbors.map((tile) => ({ ...tile })); // `answer` may still be applied whole
    const fetch = session.fetchOf({ ...session.query, mode: "learned" }, this.begun(answer));
    session.ranking.replaceFrom(fold, { ...answer, neighbors }, fetch);
  }

  /** Counts what applying it would bring before `fold`. */
  countAbove(fold: number): void {
    const { session, answer } = this;
    const proposed = answer?.neighbors.filter((tile) => !session.decisions.overlay(tile).answer) ?? [];
    this.num = numBetter(session.ranking.tiles.slice(0, fold), proposed);
  }

  /** It takes the place of the whole grid; decided tiles leave. */
  async apply(): Promise<void> {
    const { session, answer } = this;
    if (!answer && !session.counts?.accepted) {
      session.say("Accept something first: then there is something to learn from");
      return;
    }
    session.query = { ...session.query, mode: "learned" };
    session.error = "";
    if (!answer) return session.search();
    session.dispatchEvent(new Event("query"));
    session.ranking.replace(answer, session.fetchOf(session.query, this.begun(answer)));
    session.fromTheTop();
    session.say("Better ranking applied");
  }

  private begun({ round }: RankAnswer): { round: number | null; next: number } {
    return { round, next: this.num_asked };
  }
}
