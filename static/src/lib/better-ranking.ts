/** The ranking that the answers so far would give, asked for in the background: it waits until it is applied. */

import { debounced, latest } from "./latest";
import type { Query } from "./query-url";
import { numBetter, PAGE } from "./ranking";
import type { Session } from "./session";
import type { RankAnswer } from "./wire";

const ASK_AFTER_MS = 350; // the last answer was acknowledged this long ago
const MOST_UNSAVED = 50; // with more on the way the answer would be old when it comes

export class BetterRanking {
  answer: RankAnswer | null = null;
  num = 0; // candidates it has that the grid would not have shown in as many tiles

  constructor(private readonly session: Session) {}

  drop(): void {
    this.answer = null;
    this.num = 0;
  }

  readonly askSoon = debounced(() => void this.ask(), ASK_AFTER_MS);

  private readonly newest = latest((query: Query, signal) => this.session.fetchOf(query)(0, PAGE, signal));

  /** What would the answers so far rank first? Nothing moves. */
  async ask(): Promise<void> {
    const { session } = this;
    const { query, counts } = session;
    if (session.mode === "review" || query.class === null || !counts?.accepted) return;
    if (session.outbox.unsaved > MOST_UNSAVED) return;
    const asked_at = performance.now();
    const answer = await this.newest({ ...query, mode: "learned" }).catch(() => undefined);
    if (answer?.mode !== "learned") return;
    session.round_ms = performance.now() - asked_at;
    this.answer = answer;
    const proposed = answer.neighbors.filter((tile) => !session.decisions.overlay(tile).answer);
    this.num = numBetter(session.ranking.tiles, proposed);
    session.changed();
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
    session.ranking.replace(answer, session.fetchOf(session.query));
    session.fromTheTop();
    session.say("Better ranking applied");
    void session.ranking.more();
  }
}
