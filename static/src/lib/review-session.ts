/** The review page without its page: one tab of what was answered, for one class. Nothing leaves the grid by itself. */

import type { Batch, Context } from "./batches";
import { answerOf, listed, type Page } from "./browse";
import type { Fetch } from "./ranking";
import { numbered, Session } from "./session";
import type { Answer, LabelClass } from "./wire";

/** The answers of a class by kind, then those that the other answers contradict most. */
export const TABS = ["accepted", "rejected", "weak", "unsure", "disputed", "suspect"] as const;
export type Tab = (typeof TABS)[number];

export function tabOf(text: string | null): Tab {
  return TABS.find((tab) => tab === text) ?? "accepted";
}

/** What the list of suspects rests on; `note`: why there are none. */
export interface Suspects {
  num_judged: number;
  num_likely: number;
  num_reviewed: number;
  note: string;
}

export class ReviewSession extends Session {
  tab: Tab = "accepted";
  suspects: Suspects | null = null;
  reason = ""; // goes with every answer as long as it stands in its field

  /** What was answered is listed whatever it is about. */
  override get unit(): null {
    return null;
  }

  setTab(tab: Tab): Promise<void> {
    this.tab = tab;
    return this.search();
  }

  /** The chosen tiles are of that class, not of this one: one batch, undone with one key. */
  relabel(to: LabelClass): void {
    const context = this.context();
    if (!context) return;
    if (to.id === context.class) {
      this.answer("accept");
      return;
    }
    const tiles = this.targets();
    if (!tiles.length) return;
    this.decisions.relabel(tiles, context, { ...context, class: to.id, class_name: to.name });
    this.moveOn(tiles);
    this.pace.answered(tiles.length, Date.now());
    this.say(`${numbered(tiles.length)} relabeled to ${to.name}`);
  }

  protected override context(): Context | null {
    const context = super.context();
    if (!context) return null;
    return {
      ...context,
      ...(this.reason ? { reason: this.reason } : {}),
      confirms: this.tab === "suspect",
    };
  }

  /** Among the suspects the answer that a tile has already is confirmed: somebody has looked again. */
  override answer(answer: Answer, tiles = this.targets(), force = false): Batch | null {
    const same = this.tab === "suspect" ? tiles.filter((tile) => tile.answer === answer) : [];
    for (const tile of same) tile.confirmed_version = tile.version + 1;
    const batch = super.answer(answer, tiles, force);
    if (batch && same.length) this.say(`${numbered(same.length)} confirmed`);
    return batch;
  }

  /** Every state is shown: a tile whose answer is changed stays where it is. */
  protected override get states(): string[] {
    return ["untouched", "accept", "reject", "unsure", "weak"];
  }

  /** Everything here has an answer: the cursor goes on to the next tile. */
  protected override isDone(): boolean {
    return false;
  }

  override get mode(): string {
    return "review";
  }

  protected override source(): Fetch {
    if (this.query.class === null) return async () => answerOf([], 0);
    if (this.tab === "suspect") {
      const numAnswers = () => (this.counts?.accepted ?? 0) + (this.counts?.rejected ?? 0);
      return listed(this.api, { class: this.query.class }, numAnswers, "label_errors", (page) => {
        this.suspects = page as Page & Suspects;
      });
    }
    const { tab } = this;
    return listed(this.api, { class: this.query.class, state: tab }, () => this.counts?.[tab] ?? 0);
  }
}
