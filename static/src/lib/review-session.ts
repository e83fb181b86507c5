/** The review page without its page: one tab of what was answered, for one class. Nothing leaves the grid by itself. */

import { answerOf, listed } from "./browse";
import type { Fetch } from "./ranking";
import { Session } from "./session";

export const TABS = ["accepted", "rejected", "weak", "unsure", "disputed"] as const;
export type Tab = (typeof TABS)[number];

export function tabOf(text: string | null): Tab {
  return TABS.find((tab) => tab === text) ?? "accepted";
}

export class ReviewSession extends Session {
  tab: Tab = "accepted";

  setTab(tab: Tab): Promise<void> {
    this.tab = tab;
    return this.search();
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
    return listed(this.api, { class: this.query.class, state: this.tab }, () => this.counts?.[this.tab] ?? 0);
  }
}
