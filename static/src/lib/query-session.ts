/** What is looked for in this page: label classes, the query, its counts. Its ranking: ranked-session.ts. What is said: session.ts. */

import { latest } from "./latest";
import type { Mix } from "./mix";
import type { Query } from "./query-url";
import { RankedSession } from "./ranked-session";
import { withTerm } from "./ranking";
import type { AllCounts, BatchRow, Filters, Mode, Term, Unit } from "./wire";

/** A line of filters that could not be understood, and why. */
export interface Misread {
  line: string;
  detail: string;
}

/** Each class has its own query. */
export class QuerySession extends RankedSession {
  misread: Misread | null = null; // a line of the address that was not understood
  private readonly left = new Map<number, Query>(); // where each class was left
  private begin: () => void = () => undefined;
  private readonly begun = new Promise<void>((resolve) => {
    this.begin = resolve;
  }); // the classes there are have come, or have failed to

  async open(): Promise<void> {
    await this.loadClasses().finally(this.begin);
    if (!this.label_class) this.query = { ...this.query, class: this.classes[0]?.id ?? null };
    await this.beginClass();
    void this.loadHistory();
    await this.search();
  }

  /** The batches of earlier pages can be undone as well. */
  private async loadHistory(): Promise<void> {
    if (this.isViewer) return;
    const said = await this.api
      .get<{ results: BatchRow[] }>(this.api.url("batches"))
      .catch(() => ({ results: [] }));
    this.decisions.recall(said.results, this.classes);
    this.changed();
  }

  /** Makes a class and goes to it; to a name that is there already it only goes. While the page opens it waits. */
  async createClass(name: string): Promise<void> {
    await this.begun;
    await this.setClass(await this.classNamed(name));
  }

  /** Each class has its own query; coming back to one finds it as it was left. */
  async setClass(label_class: number): Promise<void> {
    const before = this.query;
    if (label_class === before.class) return;
    if (before.class !== null) this.left.set(before.class, before);
    const same = before.unit ? { unit: before.unit } : {};
    const fresh: Query = { class: label_class, terms: [], filters: {}, mode: "similar", ...same };
    this.query =
      before.class === null ? { ...before, class: label_class } : (this.left.get(label_class) ?? fresh);
    this.ranking.clear();
    await this.beginClass();
    this.say(`Class ${this.label_class?.name ?? ""}`);
    await this.search();
  }

  private async beginClass(): Promise<void> {
    this.decisions.begin(this.query.class);
    this.recounted(null);
    if (this.query.class === null) return;
    this.decisions.restore(await this.outbox.pending(), this.query.class);
    this.recount();
  }

  /** Counts and tiles once more from the server. */
  async reload(): Promise<void> {
    if (this.query.class !== null) await this.loadCounts(this.query.class);
    await this.search();
  }

  /** The counts of the present class from the server, when they come. */
  recount(): void {
    if (this.query.class !== null) void this.loadCounts(this.query.class);
  }

  private readonly loadCounts = latest(async (label_class: number, signal) => {
    const url = this.api.url("counts", undefined, { class: label_class });
    this.recounted(await this.api.get<AllCounts>(url, signal).catch(() => this.all_counts));
    this.changed();
  });

  addTerm(term: Term): Promise<void> {
    return this.change({ terms: withTerm(this.query.terms, term), mode: "similar" });
  }

  /** The first example, picked from the corpus as it lies: the file it was found in does not limit the search. */
  beginWith(term: Term): Promise<void> {
    const { media_files: _, ...filters } = this.query.filters;
    return this.change({ terms: [term], filters, mode: "similar" });
  }

  setTerms(terms: Term[]): Promise<void> {
    return this.change({ terms });
  }

  setFilters(filters: Filters): Promise<void> {
    return this.change({ filters });
  }

  setMode(mode: Mode): Promise<void> {
    return this.change({ mode });
  }

  /** Frames or clips; the examples stay: each stands for what is seen at its time. */
  setUnit(unit: Unit): Promise<void> {
    if (unit === this.unit) return Promise.resolve();
    this.ranking.clear();
    return this.change({ unit });
  }

  setMix(mix: Mix | null): Promise<void> {
    return this.change({ mix });
  }

  /** A line was entered: its filters, and terms with its texts among them. */
  setLine(line: { filters: Filters; terms: Term[] }): Promise<void> {
    this.misread = null;
    return this.change(line);
  }

  /** No terms, no filters: the corpus as it lies. */
  clearQuery(): Promise<void> {
    return this.change({ terms: [], filters: {}, mode: "similar" });
  }

  /** Without the examples that are not there any more. */
  dropGone(): Promise<void> {
    const { gone } = this.trouble;
    return this.change({ terms: this.query.terms.filter((_, place) => !gone.has(place)) });
  }

  /** Another query altogether: one of the history. It may be of another class. */
  async reopen(query: Query): Promise<void> {
    const is_other_class = query.class !== this.query.class;
    this.query = query;
    if (is_other_class) {
      this.ranking.clear();
      await this.beginClass();
    }
    await this.search();
  }

  private change(part: Partial<Query>): Promise<void> {
    this.query = { ...this.query, ...part };
    this.error = ""; // what was said of the query before
    return this.search();
  }
}
