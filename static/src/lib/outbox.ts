/**
 * Decisions on their way to the server. What is put in stays until the server has acknowledged it, in order, with
 * the same operation ids for ever: through a lost answer, offline, a reload, an expired session and a second tab.
 */

import type { Entry, OutboxStore, Problem, Stored } from "./outbox-store";
import type { AllCounts, OperationResult } from "./wire";

export const MOST_OPERATIONS = 100; // that one request may carry
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

export interface Answered {
  status: number; // 0: no answer came
  body: unknown;
}

export interface Saved {
  class: number;
  results: OperationResult[];
  undone: {
    batch: string;
    operation_id: string;
    kept: number; // items that had moved on
    undone: { item: number; answer: string; version: number }[];
  } | null;
  counts: AllCounts | null;
}

/** What a whole request is refused for; code -> what it means for an answer. */
const WHY_REFUSED: Readonly<Record<string, string>> = {
  permission_denied: "Your role here does not allow it any more. A manager of the corpus can change that.",
  not_found: "The corpus was archived, or you are no longer a member of it. Ask one of its managers.",
};

export type OutboxState = "idle" | "sending" | "waiting" | "signed-out";

/** The edges of the outbox; the browser's own in the page, small doubles in the tests. */
export interface OutboxParts {
  store: OutboxStore;
  send(url: string, body: unknown): Promise<Answered>;
  isSameUser(): Promise<boolean>; // asked after a 401 or 403, before anything is sent again
  withLock<T>(work: () => Promise<T>): Promise<T>; // one tab at a time
  wait(milliseconds: number): Promise<void>;
  random(): number;
}

/** Fires "change" (state or number of unsaved), "put" (stored), "saved" (Saved), "problem" (Stored). */
export class Outbox extends EventTarget {
  state: OutboxState = "idle";
  unsaved = 0;
  private num_put = 0; // calls of put so far
  private failures = 0;
  private is_confirmed = false; // it is the same person, and nothing was taken since: a 403 is about what is asked
  private draining: Promise<void> | null = null;
  private writing: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;

  constructor(private readonly parts: OutboxParts) {
    super();
  }

  /** Counts as unsaved at once; resolved when it is stored. Order of calls is order of sending. */
  put(entries: readonly Entry[]): Promise<void> {
    this.num_put += 1;
    this.unsaved += entries.length;
    this.changed();
    const stored = this.parts.store.add(entries); // at once: the store keeps the order of calls
    this.writing = Promise.allSettled([this.writing, stored]).then(() => undefined);
    return stored.then(() => {
      this.dispatchEvent(new Event("put"));
      void this.drain();
    });
  }

  /** What the server has not acknowledged, oldest first. */
  async pending(): Promise<Stored[]> {
    return (await this.parts.store.all()).filter((entry) => !entry.problem);
  }

  async problems(): Promise<Stored[]> {
    return (await this.parts.store.all()).filter((entry) => entry.problem);
  }

  /** Another tab has put something in or sent something: count again. */
  async recount(): Promise<void> {
    await this.writing;
    const { num_put } = this;
    const { length } = await this.pending();
    if (this.num_put !== num_put) return this.recount(); // what was put in meanwhile is not in that number
    if (length === this.unsaved) return;
    this.unsaved = length;
    this.changed();
  }

  async dismiss(...seqs: readonly number[]): Promise<void> {
    await this.parts.store.remove(seqs);
    this.changed();
  }

  /** What was refused is sent once more: the reason may have gone. */
  async again(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) await this.parts.store.setProblem(seq, null);
    await this.recount();
    this.retryNow();
  }

  /** Do not wait out the pause: the network or the session is back. */
  retryNow(): void {
    this.failures = 0;
    this.wake();
    void this.drain();
  }

  /** Sends until nothing is left; one call at a time in this tab, one tab at a time in this browser. */
  drain(): Promise<void> {
    this.draining ??= this.sendAll().finally(() => {
      this.draining = null;
      if (this.state === "idle" && this.unsaved > 0)
        void this.recount().then(() => (this.unsaved > 0 ? this.drain() : undefined));
    });
    return this.draining;
  }

  private async sendAll(): Promise<void> {
    while (true) {
      if (this.state === "signed-out") {
        if (!(await this.parts.isSameUser())) {
          await this.pause();
          continue;
        }
        this.is_confirmed = true;
        this.become("sending");
      }
      const outcome = await this.parts.withLock(() => this.sendFirst());
      if (outcome === "empty") return this.become("idle");
      if (outcome === "sent") this.failures = 0;
      else if (outcome === "failed") await this.pause();
    }
  }

  /** One request with the oldest entries that may travel together. "late": something was put in after the look. */
  private async sendFirst(): Promise<"sent" | "empty" | "late" | "failed"> {
    await this.writing;
    const { num_put } = this;
    const group = firstGroup(await this.pending());
    const [first] = group;
    if (!first) {
      if (this.num_put !== num_put) return "late";
      this.unsaved = 0;
      return "empty";
    }
    this.become("sending");
    return this.settle(group, await this.parts.send(first.url, bodyOf(group)));
  }

  private async settle(group: Stored[], answer: Answered): Promise<"sent" | "failed"> {
    if (answer.status >= 200 && answer.status < 300) {
      this.is_confirmed = false;
      await this.acknowledge(group, answer.body);
      return "sent";
    }
    if (answer.status === 401 || (answer.status === 403 && !this.is_confirmed)) {
      this.become("signed-out");
      return "failed";
    }
    if (answer.status < 400 || answer.status >= 500 || answer.status === 429 || answer.status === 408) {
      this.become("waiting");
      return "failed";
    }
    if (group.length > 1) {
      // One of them is refused: each alone, so that the others are saved.
      for (const entry of group) {
        const alone = await this.parts.send(entry.url, bodyOf([entry]));
        if ((await this.settle([entry], alone)) === "failed") return "failed";
      }
      return "sent";
    }
    const said = answer.body as { code?: string; detail?: string } | null;
    const why = WHY_REFUSED[said?.code ?? ""] ?? said?.detail;
    for (const entry of group) {
      await this.report(entry, {
        kind: "refused",
        reason: why ?? `The server said ${answer.status}.`,
      });
    }
    return "sent";
  }

  private async acknowledge(group: Stored[], body: unknown): Promise<void> {
    const [first] = group;
    if (!first) return;
    const said = (body ?? {}) as {
      results?: OperationResult[];
      undone?: [];
      kept?: number;
      batch?: string;
      counts?: AllCounts;
    };
    const results = said.results ?? [];
    const unsuccessful = new Map(
      results
        .filter((each) => each.outcome === "conflict" || each.outcome === "rejected")
        .map((each) => [each.operation_id, each]),
    );
    const done: number[] = [];
    for (const entry of group) {
      const result = entry.kind === "verdict" ? unsuccessful.get(entry.operation.operation_id) : undefined;
      if (result) await this.report(entry, problemOf(result));
      else done.push(entry.seq);
    }
    await this.parts.store.remove(done);
    const undone =
      first.kind === "undo"
        ? {
            batch: first.batch,
            operation_id: first.operation_id,
            kept: said.kept ?? 0,
            undone: said.undone ?? [],
          }
        : null;
    this.unsaved = Math.max(0, this.unsaved - done.length);
    const saved: Saved = { class: classOf(first), results, undone, counts: said.counts ?? null };
    this.dispatchEvent(new CustomEvent<Saved>("saved", { detail: saved }));
    this.changed();
  }

  private async report(entry: Stored, problem: Problem): Promise<void> {
    await this.parts.store.setProblem(entry.seq, problem);
    this.unsaved = Math.max(0, this.unsaved - 1);
    this.dispatchEvent(new CustomEvent<Stored>("problem", { detail: { ...entry, problem } }));
    this.changed();
  }

  /** Exponential with jitter: between half and all of 0.5, 1, 2 ... 30 s. */
  private pause(): Promise<void> {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures++);
    const woken = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    return Promise.race([this.parts.wait(longest * (0.5 + this.parts.random() / 2)), woken]);
  }

  private become(state: OutboxState): void {
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

export function classOf(entry: Entry): number {
  return entry.kind === "undo" ? entry.class : entry.operation.class;
}

/** The entries at the head that one request can carry: verdicts on one class to one URL, or one undo. */
export function firstGroup(entries: readonly Stored[]): Stored[] {
  const [first] = entries;
  if (!first) return [];
  if (first.kind === "undo") return [first];
  const stop = entries.findIndex(
    (each) => each.kind !== "verdict" || each.url !== first.url || classOf(each) !== classOf(first),
  );
  return entries.slice(0, Math.min(stop < 0 ? entries.length : stop, MOST_OPERATIONS));
}

export function bodyOf(group: readonly Stored[]): unknown {
  const [first] = group;
  if (first?.kind === "undo") return { batch: first.batch, operation_id: first.operation_id };
  return { operations: group.map((entry) => (entry.kind === "verdict" ? entry.operation : null)) };
}

function problemOf(result: OperationResult): Problem {
  return {
    kind: result.outcome === "conflict" ? "conflict" : "refused",
    reason: result.detail || (result.reason ?? ""),
    answer: result.answer,
    version: result.version,
    by: result.by ?? null,
    at: result.at ?? null,
  };
}
