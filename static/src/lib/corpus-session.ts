/** The corpus of this page: what it has names for, who looks at it, and what is said to them. What is looked for: query-session.ts. */

import { type Api, sentenceOf } from "./api";
import { type Named, type Names, shortNames } from "./filter-text";
import { type ClassifierRow, type Scorer, scorersOf } from "./scorers";
import type { Config, LabelClass } from "./wire";

/** Fires "change" when a panel may look different. */
export class CorpusSession extends EventTarget {
  classes: LabelClass[] = []; // those in use
  private known_classes: LabelClass[] = []; // retired ones among them
  sources: Named[] = [];
  scorers: Scorer[] = [];
  said = ""; // for the live region and the status line
  error = "";

  constructor(
    readonly config: Config,
    readonly api: Api,
  ) {
    super();
  }

  /** What a line of filters may call by name. */
  get names(): Names {
    return { classes: this.known_classes, sources: this.sources, scorers: this.scorers };
  }

  get isViewer(): boolean {
    return this.config.role === "viewer";
  }

  async loadClasses(): Promise<void> {
    const url = this.api.url("classes", undefined, { page_size: 500 });
    const answer = await this.api.get<LabelClass[] | { results: LabelClass[] }>(url);
    const rows = Array.isArray(answer) ? answer : answer.results;
    this.known_classes = rows.sort((one, other) => one.id - other.id);
    this.classes = this.known_classes.filter((each) => !each.is_retired);
    this.changed();
  }

  /** The id of the class of that name, which is made where there is none. */
  protected async classNamed(name: string): Promise<number> {
    const known = this.classes.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (known) return known.id;
    const made = await this.api.post<LabelClass>(this.api.url("classes"), { name });
    await this.loadClasses();
    return made.id;
  }

  /** The sources by name, the newest last; without them a line can still name one by its number. */
  async loadSources(): Promise<void> {
    type Row = { id: number; path?: string; kind?: string };
    const answer = await this.api
      .get<Row[] | { results: Row[] }>(this.api.url("sources", undefined, { page_size: 500 }))
      .catch(() => []);
    const rows = Array.isArray(answer) ? answer : answer.results;
    this.sources = shortNames(rows.map(({ id, path }) => ({ id, name: path || "uploads" })));
    this.changed();
  }

  /** What can rank by a live classifier. */
  async loadScorers(): Promise<void> {
    const answer = await this.api
      .get<ClassifierRow[] | { results: ClassifierRow[] }>(this.api.url("classifiers"))
      .catch(() => []);
    this.scorers = scorersOf(Array.isArray(answer) ? answer : answer.results);
    this.changed();
  }

  say(sentence: string): void {
    this.said = sentence;
    this.changed();
  }

  /** The sentence about what went wrong has been read. */
  dismiss(): void {
    this.error = "";
    this.changed();
  }

  fail(error: unknown): void {
    this.error = sentenceOf(error);
    this.changed();
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
