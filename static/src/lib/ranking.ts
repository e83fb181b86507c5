/** One ranking in pages: appended without a double, restarted without moving what the person looks at. */

import { expected } from "./calibration";
import { latest } from "./latest";
import type { Mix } from "./mix";
import type { Calibration, Mode, RankAnswer, RankRequest, Term, Tile } from "./wire";

export const PAGE = 200; // where nobody else is kept from what comes; and the most at once
export const AHEAD = 100; // tiles beyond the view, at least: what somebody who goes offline has to go on with
const SMALLEST = 24; // below it the server mixes no second looks in

/** A page; `is_last` where who fetched it knows, since a page may hold fewer tiles than places, or more. */
export type PageOfRanking = RankAnswer & { is_last?: boolean };

/** Where the pages come from, in order: offset 0 begins anew, any other goes on behind the page before. */
export type Fetch = (offset: number, k: number, signal: AbortSignal) => Promise<PageOfRanking>;

export interface Parts {
  overlay(tile: Tile): Tile; // what was said in this page since
  isHidden(tile: Tile): boolean; // decided here already, while the ranking asks for undecided ones
  isPutOff(tile: Tile): boolean; // by this person on an earlier page, and not asked for
}

/** Fires "change", and "page-failed" where a further page did not come. Tiles keep their index until `start`. */
export class Ranking extends EventTarget {
  tiles: Tile[] = [];
  total = 0;
  round: number | null = null;
  mode: Mode = "similar";
  encoder = "";
  blend: number | null = null;
  is_model: boolean | null = null; // fitted, else by the mean of the examples; null: the server does not say
  calibration: Calibration | null = null;
  took_ms: number | null = null;
  mix: Mix = {}; // the shares in effect
  notes: readonly string[] = [];
  state: "idle" | "loading" | "failed" = "idle";
  error: unknown = null;
  isComplete = false;
  readonly later: Tile[] = []; // put off: shown after everything else
  private readonly index_of = new Map<number, number>();
  /** What is on the page is held for this person alone: no more is asked for than is seen, and some ahead. */
  numSeen: () => number = () => PAGE;
  private fetch: Fetch | null = null;
  private num_seen = 0; // tiles that came, those not shown with them

  constructor(private readonly parts: Parts) {
    super();
  }

  find = (item: number): Tile | undefined => {
    const index = this.index_of.get(item);
    return index === undefined ? undefined : this.tiles[index];
  };

  indexOf(item: number): number {
    return this.index_of.get(item) ?? -1;
  }

  /** How many tiles the grid should make room for: those here and those that may follow. */
  get expected(): number {
    return this.isComplete ? this.tiles.length : Math.max(this.tiles.length + 1, this.total);
  }

  /** Tiles of one page: the view and one more, or AHEAD. */
  get page(): number {
    const num_seen = this.numSeen();
    return Math.min(PAGE, num_seen + Math.max(num_seen, AHEAD));
  }

  private readonly first = latest((fetch: Fetch, signal) => fetch(0, this.page, signal));

  /** A new ranking from its first page; the old tiles stay until it is here. Resolves to whether it came. */
  async start(fetch: Fetch): Promise<boolean> {
    this.become("loading");
    try {
      const answer = await this.first(fetch);
      if (!answer) return false; // a newer start has taken over
      this.replace(answer, fetch);
      return true;
    } catch (error) {
      this.error = error;
      this.become("failed");
      return false;
    }
  }

  /** What came already, as from `start`. */
  replace(answer: PageOfRanking, fetch: Fetch): void {
    this.keep(0);
    this.begin(answer, fetch);
  }

  /** Another ranking from `index` on: the tiles before it keep their place, and none comes twice. */
  replaceFrom(index: number, answer: PageOfRanking, fetch: Fetch): void {
    this.keep(index);
    this.begin(answer, fetch);
  }

  private keep(stop: number): void {
    for (const tile of this.tiles.slice(stop)) this.index_of.delete(tile.item);
    this.tiles = this.tiles.slice(0, stop);
  }

  private begin(answer: PageOfRanking, fetch: Fetch): void {
    this.fetch = fetch;
    this.num_seen = 0;
    this.isComplete = false;
    const num_new = this.take(answer);
    this.become("idle");
    if (num_new === 0) void this.more(); // all of it was said here and is on its way
  }

  /** Empty until the next start has answered. */
  clear(): void {
    this.fetch = null;
    this.tiles = [];
    this.later.length = 0;
    this.index_of.clear();
    this.total = 0;
    this.round = this.blend = this.took_ms = this.calibration = null;
    this.isComplete = false;
    this.become("loading");
  }

  /** The next page, if there is one and none is on its way: what is missing of `wanted` tiles, 200 at most. */
  async more(wanted = this.tiles.length + this.page): Promise<void> {
    const { fetch } = this;
    if (!fetch || this.isComplete || this.state === "loading") return;
    this.become("loading");
    try {
      const k = Math.min(PAGE, Math.max(SMALLEST, wanted - this.tiles.length));
      const answer = await fetch(this.num_seen, k, new AbortController().signal);
      if (fetch !== this.fetch) return;
      const num_new = this.take(answer);
      this.become("idle");
      if (num_new === 0) await this.more(wanted); // a page of which nothing is shown is not the end
    } catch (error) {
      if (fetch !== this.fetch) return;
      this.error = error;
      this.dispatchEvent(new Event("page-failed")); // first: who hears "change" asks for more
      this.become("failed");
    }
  }

  /** The tile is put off to the end of this ranking and of the next ones. */
  putOff(tiles: readonly Tile[]): void {
    for (const tile of tiles) if (!this.later.some((each) => each.item === tile.item)) this.later.push(tile);
    this.dispatchEvent(new Event("change"));
  }

  isLater(item: number): boolean {
    return this.later.some((tile) => tile.item === item);
  }

  /** The number of tiles that are new here. */
  private take(answer: PageOfRanking): number {
    this.round = answer.round;
    this.mode = answer.mode;
    this.encoder = answer.encoder;
    this.blend = answer.blend;
    this.is_model = answer.is_model ?? null;
    this.calibration = answer.calibration ?? null;
    this.took_ms = answer.took_ms;
    this.mix = answer.mix ?? {};
    this.notes = answer.notes ?? [];
    this.total = answer.total;
    this.num_seen += answer.neighbors.length;
    const num_before = this.tiles.length;
    for (const tile of answer.neighbors) {
      this.parts.overlay(tile);
      tile.round = answer.round;
      tile.mode = answer.mode;
      tile.expected = this.expectedOf(tile);
      if (this.index_of.has(tile.item) || this.isLater(tile.item)) continue;
      if (this.parts.isPutOff(tile)) {
        this.later.push(tile);
        continue;
      }
      if (!this.parts.isHidden(tile)) this.append(tile); // hidden: said here, not yet there
    }
    if (answer.is_last ?? (answer.neighbors.length === 0 || this.num_seen >= answer.total)) {
      this.isComplete = true;
      for (const tile of this.later) {
        if (!this.index_of.has(tile.item) && !this.parts.isHidden(tile)) this.append(tile);
      }
    }
    return this.tiles.length - num_before;
  }

  /** What is learned has no similarity that a person could read; null where nobody has answered anything near. */
  private expectedOf({ similarity, mode }: Tile): number | null {
    if (mode !== "learned" || !this.calibration || similarity === null) return null;
    const { share, is_guess } = expected(this.calibration, [similarity]);
    return is_guess ? null : share;
  }

  private append(tile: Tile): void {
    this.index_of.set(tile.item, this.tiles.length);
    this.tiles.push(tile);
  }

  private become(state: Ranking["state"]): void {
    this.state = state;
    if (state !== "failed") this.error = null;
    this.dispatchEvent(new Event("change"));
  }
}

/** How many of the first tiles of a new ranking are not among `shown`; it is asked for as many as wait for an answer. */
export function numBetter(shown: readonly Tile[], proposed: readonly Tile[]): number {
  const undecided = shown.filter((tile) => !tile.answer);
  const present = new Set(undecided.map((tile) => tile.stack ?? -tile.item));
  return proposed.slice(0, undecided.length).filter((tile) => !present.has(tile.stack ?? -tile.item)).length;
}

/** Two terms for the same thing are one; the newer weight counts. */
export function withTerm(terms: readonly Term[], term: Term): Term[] {
  const isSame = (other: Term) =>
    other.kind === term.kind &&
    other.item === term.item &&
    other.image === term.image &&
    other.text === term.text &&
    JSON.stringify(other.span) === JSON.stringify(term.span) &&
    other.class === term.class &&
    String(other.box) === String(term.box);
  return [...terms.filter((other) => !isSame(other)), term];
}

export function requestOf(
  query: { class: number | null; terms: Term[]; filters: RankRequest["filters"]; mode: Mode },
  offset: number,
  k: number,
): RankRequest {
  return { ...query, offset, k, fold: true };
}
