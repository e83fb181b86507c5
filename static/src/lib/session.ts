/** The workbench without its page: the query, its ranking, what was said, and what the next key is about. */

import { type Api, ApiError, sentenceOf } from "./api";
import { browse } from "./browse";
import { type Batch, type Context, Decisions } from "./decisions";
import { debounced, latest } from "./latest";
import type { Outbox, Saved } from "./outbox";
import type { Stored } from "./outbox-store";
import type { Query } from "./query-url";
import { type Fetch, numBetter, PAGE, Ranking, requestOf, withTerm } from "./ranking";
import { Rate } from "./rate";
import { nextUndecided, Selection } from "./selection";
import type {
  Answer,
  BatchRow,
  Config,
  Counts,
  Filters,
  LabelClass,
  Mode,
  Operation,
  RankAnswer,
  Term,
  Tile,
} from "./wire";

const RETRY_MS = 3000;
const UNDECIDED = ["untouched", "weak"]; // what a ranking shows when nothing else is asked for

/** Answers that wait for Enter: "accept all above", "reject all below". */
export interface Armed {
  answer: Answer;
  indexes: ReadonlySet<number>;
}

/**
 * Fires "change" when a panel may look different, "painted" when answers of tiles changed,
 * "moved" (cursor,
 * selection), "ranked" (other tiles from the top), "query".
 */
export class Session extends EventTarget {
  readonly decisions: Decisions;
  readonly ranking: Ranking;
  readonly selection = new Selection();
  readonly rate = new Rate();
  classes: LabelClass[] = [];
  counts: Counts | null = null;
  armed: Armed | null = null;
  better: RankAnswer | null = null;
  num_better = 0;
  said = ""; // for the live region and the status line
  error = "";
  round_ms: number | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly left = new Map<number, Query>(); // where each class was left

  constructor(
    readonly config: Config,
    readonly api: Api,
    readonly outbox: Outbox,
    public query: Query,
  ) {
    super();
    this.decisions = new Decisions({
      put: (entries) => void outbox.put(entries),
      uuid: () => crypto.randomUUID(),
      now: Date.now,
    });
    this.decisions.addEventListener("painted", (event) => {
      this.dispatchEvent(new CustomEvent("painted", { detail: (event as CustomEvent<number[]>).detail }));
    });
    this.ranking = new Ranking({
      overlay: (tile) => this.decisions.overlay(tile),
      isHidden: (tile) => tile.answer !== "" && !this.states.includes(tile.answer),
    });
    this.ranking.addEventListener("change", () => this.changed());
    outbox.addEventListener("change", () => this.changed());
    outbox.addEventListener("saved", (event) => this.saved((event as CustomEvent<Saved>).detail));
    outbox.addEventListener("problem", (event) => this.refused((event as CustomEvent<Stored>).detail));
  }

  get label_class(): LabelClass | null {
    return this.classes.find((each) => each.id === this.query.class) ?? null;
  }

  get isViewer(): boolean {
    return this.config.role === "viewer";
  }

  get canAnswer(): boolean {
    return !this.isViewer && this.label_class !== null;
  }

  /** No example yet: the grid shows the corpus as it lies. */
  get isBrowsing(): boolean {
    return this.query.terms.length === 0 && this.query.mode === "similar";
  }

  /** How the tiles were found, as the ledger records it. */
  protected get mode(): string {
    return this.isBrowsing ? "browse" : this.ranking.mode;
  }

  protected get states(): string[] {
    return this.query.filters.states ?? (this.query.class === null ? [] : UNDECIDED);
  }

  async open(): Promise<void> {
    await this.loadClasses();
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

  async loadClasses(): Promise<void> {
    const answer = await this.api.get<LabelClass[] | { results: LabelClass[] }>(this.api.url("classes"));
    this.classes = (Array.isArray(answer) ? answer : answer.results).sort((one, other) => one.id - other.id);
    this.changed();
  }

  /** Makes a class and goes to it; to a name that is there already it only goes. */
  async createClass(name: string): Promise<void> {
    const known = this.classes.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (known) {
      await this.setClass(known.id);
      return;
    }
    const made = await this.api.post<LabelClass>(this.api.url("classes"), { name });
    await this.loadClasses();
    await this.setClass(made.id);
  }

  /** Each class has its own query; coming back to one finds it as it was left. */
  async setClass(label_class: number): Promise<void> {
    const before = this.query;
    if (label_class === before.class) return;
    if (before.class !== null) this.left.set(before.class, before);
    const fresh: Query = { class: label_class, terms: [], filters: {}, mode: "similar" };
    this.query =
      before.class === null ? { ...before, class: label_class } : (this.left.get(label_class) ?? fresh);
    this.ranking.clear();
    await this.beginClass();
    this.say(`Class ${this.label_class?.name ?? ""}`);
    await this.search();
  }

  private async beginClass(): Promise<void> {
    this.decisions.begin(this.query.class);
    this.counts = null;
    if (this.query.class === null) return;
    this.decisions.restore(await this.outbox.pending(), this.query.class);
    void this.loadCounts(this.query.class);
  }

  /** Counts and tiles once more from the server. */
  async reload(): Promise<void> {
    if (this.query.class !== null) await this.loadCounts(this.query.class);
    await this.search();
  }

  private readonly loadCounts = latest(async (label_class: number, signal) => {
    const url = this.api.url("counts", undefined, { class: label_class });
    this.counts = await this.api.get<Counts>(url, signal).catch(() => this.counts);
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

  private change(part: Partial<Query>): Promise<void> {
    this.query = { ...this.query, ...part };
    return this.search();
  }

  /** Ranks anew and goes to the top; the old tiles stay until the new ones are here. */
  async search(): Promise<void> {
    this.dispatchEvent(new Event("query"));
    const asked_at = performance.now();
    if (!(await this.ranking.start(this.source()))) {
      if (this.ranking.error) this.fail(this.ranking.error);
      this.retryLater();
      return;
    }
    this.round_ms = performance.now() - asked_at;
    this.error = "";
    this.top();
    if (!this.isBrowsing && this.mode !== "review")
      this.say(`${this.ranking.total.toLocaleString("en-US")} ranked`);
    void this.ranking.more(); // the second page is fetched while the first is looked at
    void this.askBetter();
  }

  /** A service that starts or a server that is away comes back: the same search is tried until it does. */
  private retryLater(): void {
    const { error } = this.ranking;
    if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 503)) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if (this.ranking.error === error) void this.search();
    }, RETRY_MS);
  }

  /** Where the tiles of the present query come from. */
  protected source(): Fetch {
    return this.isBrowsing
      ? browse(this.api, this.config, this.query, () => this.counts?.untouched ?? 0)
      : this.fetchOf(this.query);
  }

  private fetchOf(query: Query): Fetch {
    return (offset, k, signal) =>
      this.api.post<RankAnswer>(this.api.url("rank"), requestOf(query, offset, k), signal);
  }

  private top(): void {
    this.better = null;
    this.num_better = 0;
    this.armed = null;
    this.selection.reset();
    const { tiles } = this.ranking;
    if (tiles[0] && this.isDone(tiles[0])) this.selection.cursor = this.next(0);
    this.dispatchEvent(new Event("ranked"));
    this.changed();
  }

  targets(): Tile[] {
    const { tiles } = this.ranking;
    return this.selection.targets(tiles.length).flatMap((index) => tiles[index] ?? []);
  }

  /** Paints, stores, sends, and moves on to the next undecided tile. */
  answer(answer: Answer, tiles = this.targets(), force = false): Batch | null {
    const context = this.context();
    if (!context) return null;
    const batch = this.decisions.answer(tiles, answer, context, force);
    if (!batch) {
      this.advance(tiles);
      return null;
    }
    this.rate.add(batch.tiles.length, Date.now());
    this.advance(tiles);
    this.say(
      `${numbered(batch.tiles.length)} ${{ accept: "accepted", reject: "rejected", unsure: "unsure" }[answer]}`,
    );
    return batch;
  }

  /** An exception to its stack: one item, for itself. */
  answerMember(alone: Tile, shown: Tile, answer: Answer): void {
    const context = this.context();
    if (!context || !this.decisions.answer([alone], answer, context)) return;
    shown.answer = alone.answer;
    shown.version = alone.version;
    const tile = this.ranking.find(alone.item);
    if (tile) Object.assign(tile, { answer: alone.answer, version: alone.version });
    this.rate.add(1, Date.now());
    this.dispatchEvent(new CustomEvent("painted", { detail: [alone.item] }));
  }

  later(): void {
    const tiles = this.targets();
    this.ranking.putOff(tiles);
    this.advance(tiles);
    this.dispatchEvent(new CustomEvent("painted", { detail: tiles.map((tile) => tile.item) }));
    this.say(`${numbered(tiles.length)} put off until the end`);
  }

  private advance(tiles: readonly Tile[]): void {
    const from = Math.max(this.selection.cursor, ...tiles.map((tile) => this.ranking.indexOf(tile.item)));
    this.selection.move(this.next(from), false, this.ranking.tiles.length);
    this.dispatchEvent(new Event("moved"));
  }

  private next(from: number): number {
    const { tiles } = this.ranking;
    const isDone = (index: number) => tiles[index] !== undefined && this.isDone(tiles[index]);
    return nextUndecided(isDone, from, tiles.length);
  }

  /** The cursor passes it by. */
  protected isDone(tile: Tile): boolean {
    return tile.answer !== "" || this.ranking.isLater(tile.item);
  }

  /** Lights up the undecided among `indexes`; Enter applies, Esc drops. */
  arm(answer: Answer, indexes: readonly number[]): void {
    if (!this.context()) return;
    const undecided = indexes.filter((index) => this.ranking.tiles[index]?.answer === "");
    this.armed = undecided.length ? { answer, indexes: new Set(undecided) } : null;
    this.say(
      undecided.length
        ? `${numbered(undecided.length)} to ${answer}: Enter applies, Esc drops`
        : "Nothing undecided there",
    );
    this.dispatchEvent(new Event("moved"));
  }

  applyArmed(): boolean {
    const { armed } = this;
    if (!armed) return false;
    this.armed = null;
    this.answer(
      armed.answer,
      [...armed.indexes].flatMap((index) => this.ranking.tiles[index] ?? []),
    );
    return true;
  }

  drop(): void {
    this.armed = null;
    this.selection.clear();
    this.dispatchEvent(new Event("moved"));
    this.changed();
  }

  undo(batch?: Batch): void {
    const undone = this.decisions.undo(this.ranking.find, this.api.url("undo"), batch);
    this.say(undone ? `Undone: ${numbered(undone.count)}` : "Nothing to undo");
  }

  redo(batch?: Batch): void {
    const redone = this.decisions.redo(this.ranking.find, this.api.url("undo"), batch);
    this.say(redone ? `Done again: ${numbered(redone.count)}` : "Nothing to redo");
  }

  /** How many the present query has at or above a similarity. */
  async countAbove(similarity: number): Promise<number> {
    const filters = { ...this.query.filters, min_similarity: similarity };
    const query = { ...this.query, mode: this.ranking.mode, filters };
    return (await this.fetchOf(query)(0, 1, new AbortController().signal)).total;
  }

  /** Accepted in bulk from the present ranking; the server records where they came from. */
  async takeWeak(take: { first_n: number } | { min_similarity: number }): Promise<void> {
    const answer = await this.api.post<{ num_labels?: number }>(this.api.url("weak"), {
      round: this.ranking.round,
      ...take,
    });
    const count = answer.num_labels;
    const undecided = this.ranking.tiles.filter((tile) => tile.answer === "");
    const taken =
      "first_n" in take
        ? undecided.slice(0, take.first_n)
        : undecided.filter((tile) => (tile.similarity ?? -1) >= take.min_similarity);
    for (const tile of taken) tile.is_weak = true;
    this.dispatchEvent(new CustomEvent("painted", { detail: taken.map((tile) => tile.item) }));
    this.say(
      count === undefined
        ? "Weak labels taken"
        : `${count.toLocaleString("en-US")} weak labels taken; Review cleans or reverts them`,
    );
    if (this.query.class !== null) void this.loadCounts(this.query.class);
  }

  /** Said against somebody's answer that came first, on what that answer left. */
  force(operation: Operation, version: number, theirs: Answer | ""): void {
    const context = this.context();
    if (!context || operation.class !== context.class) {
      this.say("Switch to the class of that item first");
      return;
    }
    const { item, stack, rank, answer } = operation;
    const tile = this.ranking.find(item) ?? ({ item, stack, rank } as Tile);
    tile.version = version;
    tile.answer = theirs;
    this.decisions.answer([tile], answer, context, true);
    this.say(`Said anyway: ${answer}`);
  }

  private context(): Context | null {
    const label_class = this.label_class;
    if (!label_class || !this.canAnswer) {
      this.say(
        label_class ? "You may look, not answer: your role here is viewer" : "Pick or create a class first",
      );
      return null;
    }
    const { id, name } = label_class;
    return {
      class: id,
      class_name: name,
      round: this.ranking.round,
      mode: this.mode,
      verdicts_url: this.api.url("verdicts"),
    };
  }

  private saved(saved: Saved): void {
    this.decisions.saved(saved, this.ranking.find);
    if (saved.undone?.kept) this.say(`${saved.undone.kept} kept: answered again since`);
    if (saved.class !== this.query.class) return;
    if (saved.counts) this.counts = saved.counts;
    else if (this.query.class !== null) void this.loadCounts(this.query.class);
    this.askBetterSoon();
    this.changed();
  }

  private refused(entry: Stored): void {
    const { problem } = entry;
    if (
      entry.kind === "verdict" &&
      problem?.kind === "conflict" &&
      entry.operation.class === this.query.class
    ) {
      const { operation_id, item } = entry.operation;
      const result = { operation_id, item, outcome: "conflict" as const };
      const answer = (problem.answer ?? "") as Answer | "";
      const theirs = { ...result, answer, version: problem.version ?? 0 };
      this.decisions.saved(
        { class: entry.operation.class, results: [theirs], undone: null, counts: null },
        this.ranking.find,
      );
    }
    this.say(
      problem?.kind === "conflict" ? "Somebody else answered this item first" : "A decision was refused",
    );
  }

  private readonly askBetterSoon = debounced(() => this.askBetter(), 350);

  /** In the background: what would the answers so far rank first? Nothing moves until it is applied. */
  private readonly learned = latest((query: Query, signal) => this.fetchOf(query)(0, PAGE, signal));

  private async askBetter(): Promise<void> {
    if (
      this.mode === "review" ||
      this.query.class === null ||
      !this.counts?.accepted ||
      this.outbox.unsaved > 50
    )
      return;
    const asked_at = performance.now();
    const answer = await this.learned({ ...this.query, mode: "learned" }).catch(() => undefined);
    if (answer?.mode !== "learned") return;
    this.round_ms = performance.now() - asked_at;
    this.better = answer;
    const proposed = answer.neighbors.filter((tile) => !this.decisions.overlay(tile).answer);
    this.num_better = numBetter(this.ranking.tiles, proposed);
    this.changed();
  }

  /** The better ranking takes the place of the whole grid; decided tiles leave it. */
  async applyBetter(): Promise<void> {
    const { better } = this;
    if (!better && !this.counts?.accepted) {
      this.say("Accept something first: then there is something to learn from");
      return;
    }
    this.query = { ...this.query, mode: "learned" };
    this.error = "";
    if (!better) return this.search();
    this.dispatchEvent(new Event("query"));
    this.ranking.replace(better, this.fetchOf(this.query));
    this.top();
    this.say("Better ranking applied");
    void this.ranking.more();
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

export function numbered(count: number): string {
  return count === 1 ? "1 tile" : `${count.toLocaleString("en-US")} tiles`;
}
