/** What is looked for in this page: label classes, the query, its ranking and its counts. What is said: session.ts. */

import { type Api, ApiError } from "./api";
import { browse } from "./browse";
import { CorpusSession } from "./corpus-session";
import { Decisions } from "./decisions";
import { latest } from "./latest";
import type { Mix } from "./mix";
import type { Outbox } from "./outbox";
import { Pace } from "./pace";
import { pagesOf } from "./pages";
import type { Query } from "./query-url";
import { type Fetch, PAGE, Ranking, requestOf, withTerm } from "./ranking";
import { nextUndecided, Selection } from "./selection";
import { countsOf } from "./units";
import type {
  AllCounts,
  BatchRow,
  Config,
  Counts,
  Filters,
  LabelClass,
  Mode,
  RankAnswer,
  Term,
  Tile,
  Unit,
} from "./wire";

const RETRY_MS = 3000;
const UNDECIDED = ["untouched", "weak"]; // what a ranking shows when nothing else is asked for

/**
 * Fires "change" when a panel may look different, "painted" (item ids) when answers of tiles changed, "moved" (cursor,
 * selection), "ranked" (other tiles from the top), "query".
 */
export class QuerySession extends CorpusSession {
  readonly decisions: Decisions;
  readonly ranking: Ranking;
  readonly selection = new Selection();
  private all_counts: AllCounts | null = null;
  readonly pace = new Pace();
  readonly page: string = crypto.randomUUID(); // holds the tiles it shows: leases.ts
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly left = new Map<number, Query>(); // where each class was left

  constructor(
    config: Config,
    api: Api,
    readonly outbox: Outbox,
    public query: Query,
  ) {
    super(config, api);
    this.decisions = new Decisions({
      put: (entries) => void outbox.put(entries),
      uuid: () => crypto.randomUUID(),
      now: Date.now,
    });
    this.ranking = new Ranking({
      overlay: (tile) => this.decisions.overlay(tile),
      isHidden: (tile) => tile.answer !== "" && !this.isAskedFor(tile),
      isPutOff: (tile) => tile.is_later === true && !this.states.includes("later"),
    });
    this.ranking.addEventListener("change", () => this.changed());
  }

  /** The unit that is looked at; null where there is one alone. */
  get unit(): Unit | null {
    return (this.config.units?.length ?? 0) > 1 ? (this.query.unit ?? "frame") : null;
  }

  /** What was said of the class, of the unit that is looked at. */
  get counts(): Counts | null {
    return countsOf(this.all_counts, this.unit);
  }

  /** As the server has them: of frames and clips together. */
  protected recounted(counts: AllCounts | null): void {
    this.all_counts = counts;
  }

  protected putOff(later: number): void {
    if (this.all_counts) this.all_counts = { ...this.all_counts, later };
  }

  get label_class(): LabelClass | null {
    return this.classes.find((each) => each.id === this.query.class) ?? null;
  }

  get canAnswer(): boolean {
    return !this.isViewer && this.label_class !== null;
  }

  /** No example yet: the grid shows the corpus as it lies. */
  get isBrowsing(): boolean {
    return this.query.terms.length === 0 && this.query.mode === "similar";
  }

  /** How the tiles were found, as the ledger records it. */
  get mode(): string {
    return this.isBrowsing ? "browse" : this.ranking.mode;
  }

  protected get states(): string[] {
    return this.query.filters.states ?? (this.query.class === null ? [] : UNDECIDED);
  }

  private isAskedFor(tile: Tile): boolean {
    const { states } = this;
    return states.includes(tile.answer) || (tile.is_disputed === true && states.includes("disputed"));
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

  /** Makes a class and goes to it; to a name that is there already it only goes. */
  async createClass(name: string): Promise<void> {
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
    return this.change(line);
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
    this.pace.shown(performance.now() - asked_at, Date.now());
    this.error = "";
    this.fromTheTop();
    if (!this.isBrowsing && this.mode !== "review")
      this.say(`${this.ranking.total.toLocaleString("en-US")} ranked`);
    void this.ranking.more(); // the second page is fetched while the first is looked at
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

  /** Where the tiles of the present query come from; before anything was encoded, the items as they lie. */
  protected source(): Fetch {
    if (!this.isBrowsing) return this.fetchOf(this.query);
    return this.config.encoder
      ? this.fetchOf({ ...this.query, mode: "browse", mix: null })
      : browse(this.api, this.config, this.query, () => this.counts?.untouched ?? 0);
  }

  /** The pages of a query by the ranking, whatever is on the page now: all of the round that the first one began. */
  fetchOf(query: Query, first?: RankAnswer, is_preview = false): Fetch {
    const held = { page: this.page, is_preview }; // what only might be shown is held for nobody
    return pagesOf((offset, k, round, signal) => {
      const body = { ...requestOf(query, offset, k), round, ...held };
      return this.api.post<RankAnswer>(this.api.url("rank"), body, signal);
    }, first && { round: first.round, next: PAGE });
  }

  /** Other tiles are here: the cursor goes to the first that waits for an answer. */
  fromTheTop(): void {
    this.selection.reset();
    const [first] = this.ranking.tiles;
    if (first && this.isDone(first)) this.selection.cursor = this.next(0);
    this.dispatchEvent(new Event("ranked"));
    this.changed();
  }

  /** The first tile after `from` that waits for an answer. */
  protected next(from: number): number {
    const { tiles } = this.ranking;
    const isDone = (index: number) => tiles[index] !== undefined && this.isDone(tiles[index]);
    return nextUndecided(isDone, from, tiles.length);
  }

  /** The cursor passes it by. */
  protected isDone(tile: Tile): boolean {
    return tile.answer !== "" || this.ranking.isLater(tile.item);
  }
}
