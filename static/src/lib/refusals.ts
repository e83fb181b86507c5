/** What the server did not take: off the page again, with what counts instead, until the person decides. */

import type { Batch } from "./batches";
import type { Decisions } from "./decisions";
import type { Find } from "./known-answers";
import type { Outbox } from "./outbox";
import type { Stored, UndoEntry, VerdictEntry } from "./outbox-store";
import type { Answer } from "./wire";

/** The page that the answers are on. */
export interface Page {
  decisions: Decisions;
  outbox: Outbox;
  find: Find;
  class_name(): string;
  say(text: string, why?: string): void;
  regroup?(batch: Pick<Batch, "left" | "state">): void; // a batch counts again, or no longer
}

export class Refusals {
  constructor(private readonly page: Page) {
    page.outbox.addEventListener("problem", (event) => this.refused((event as CustomEvent<Stored>).detail));
  }

  private refused(entry: Stored): void {
    const { problem } = entry;
    const is_conflict = problem?.kind === "conflict";
    if (entry.kind === "undo") this.unturn(entry);
    else if (is_conflict || problem?.version) this.showTheirs(entry);
    else this.withdraw(entry);
    if (is_conflict) this.page.say("Somebody else answered this item first");
    else this.page.say("Refused, and not recorded", problem?.reason);
  }

  /** It is known what counts instead. */
  private showTheirs({ operation, problem }: VerdictEntry): void {
    const { operation_id, item } = operation;
    const answer = (problem?.answer ?? "") as Answer | "";
    const theirs = {
      operation_id,
      item,
      outcome: "conflict" as const,
      answer,
      version: problem?.version ?? 0,
    };
    const told = { class: operation.class, results: [theirs], undone: null, counts: null };
    this.page.decisions.saved(told, this.page.find);
  }

  private withdraw(entry: VerdictEntry): void {
    const gone = this.page.decisions.withdraw(entry, this.page.find);
    if (gone) this.page.regroup?.({ ...gone, state: "undone" });
  }

  private unturn(entry: UndoEntry): void {
    const batch = this.page.decisions.withdrawTurn(entry, this.page.find);
    if (batch) this.page.regroup?.(batch);
  }

  /** Sent once more: it counts as said. */
  again(entries: readonly Stored[]): void {
    const { decisions, find, outbox } = this.page;
    const verdicts = entries.filter((entry) => entry.kind === "verdict");
    decisions.resay(verdicts, this.page.class_name(), find);
    for (const entry of entries) {
      const batch = entry.kind === "undo" ? decisions.returned(entry, find) : null;
      if (batch) this.page.regroup?.(batch);
    }
    void outbox.again(entries.map(({ seq }) => seq));
    this.page.say("Sent again");
  }
}
