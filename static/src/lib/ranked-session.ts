/** A query of this page and its ranking: where its tiles come from, what waits, what went wrong. What is looked for: query-session.ts. */

import type { Api } from "./api";
import { browse } from "./browse";
import { CorpusSession } from "./corpus-session";
import { Decisions } from "./decisions";
import type { Outbox } from "./outbox";
import { Pace } from "./pace";
import { pagesOf } from "./pages";
import type { Query } from "./query-url";
import { type Fetch, Ranking, requestOf } from "./ranking";
import { nextUndecided, Selection } from "./selection";
import { Trouble } from "./trouble";
import { countsOf } from "./units";
import type { AllCounts, Config, Counts, LabelClass, RankAnswer, Tile, Unit } from "./wire";

const SLOW_MS = 1500; // a search that takes longer says so
const UNDECIDED = ["untouched", "weak"]; // what a ranking shows when nothing else is asked for

/**
 * Fires "change" when a panel may look different, "painted" (item ids) when answers of tiles changed, "moved" (cursor,
 * selection), "ranked" (other tiles from the top), "query".
 */
export class RankedSession extends CorpusSession {
  readonly decisions: Decisions;
  readonly ranking: Ranking;
  readonly selection = new Selection();
  protected all_counts: AllCounts | null = null;
  readonly pace = new Pace();
  readonly page: string = crypto.randomUUID(); // holds the tiles it shows: leases.ts
  readonly trouble = new Trouble();

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
    this.ranking.addEventListener("page-failed", () => {
      this.trouble.met(this.ranking.error, () => void this.more());
      this.fail(this.ranking.error);
    });
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

  /** Ranks anew and goes to the top; the old tiles stay until the new ones are here. */
  async search(): Promise<void> {
    this.dispatchEvent(new Event("query"));
    const asked_at = performance.now();
    const slow = setTimeout(() => this.say(this.slowWords()), SLOW_MS);
    const has_come = await this.ranking.start(this.source());
    clearTimeout(slow);
    if (!has_come) {
      const { error } = this.ranking;
      if (!error) return; // a newer search has taken over
      this.trouble.met(error, () => void this.search());
      return this.fail(error);
    }
    this.pace.shown(performance.now() - asked_at, Date.now());
    this.trouble.over();
    this.error = "";
    this.fromTheTop();
    if (!this.isBrowsing && this.mode !== "review")
      this.say(`${this.ranking.total.toLocaleString("en-US")} ranked`);
  }

  private slowWords(): string {
    const { terms } = this.query;
    const what = terms.some((term) => term.kind === "image" || term.box)
      ? "picture"
      : terms.some((term) => term.kind === "text") && "text";
    return what ? `Still searching: the ${what} is encoded, the first one takes longest` : "Still searching";
  }

  /** The next page, towards `wanted` tiles; where it did not come before, that is over once it does. */
  async more(wanted?: number): Promise<void> {
    await this.ranking.more(wanted);
    if (this.ranking.state !== "idle" || !this.trouble.isMet) return;
    this.trouble.over();
    this.dismiss();
  }

  /** Where the tiles of the present query come from; before anything was encoded, the items as they lie. */
  protected source(): Fetch {
    if (!this.isBrowsing) return this.fetchOf(this.query);
    return this.config.encoder && this.config.num_encoded !== 0
      ? this.fetchOf({ ...this.query, mode: "browse", mix: null })
      : browse(this.api, this.config, this.query, () => this.counts?.untouched ?? 0);
  }

  /** The pages of a query by the ranking, whatever is on the page now: all of the round that the first one began. */
  fetchOf(query: Query, begun?: { round: number | null; next: number }, is_preview = false): Fetch {
    const held = { page: this.page, is_preview }; // what only might be shown is held for nobody
    return pagesOf((offset, k, round, signal) => {
      const body = { ...requestOf(query, offset, k), round, ...held };
      return this.api.post<RankAnswer>(this.api.url("rank"), body, signal);
    }, begun);
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
