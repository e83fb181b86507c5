/** The map without its page: what is on it, how it is colored, what was lassoed. Fires "change". */

import { type Api, ApiError, sentenceOf } from "./api";
import { itemsText } from "./format";
import { byScore, bySource, byState, type Coloring } from "./map-colors";
import { type Points, readPoints, readStates } from "./map-points";
import type { LabelClass } from "./wire";

const POLL_MS = 1500; // while it is being drawn
const FOLLOW_MS = 5000; // what others answer; mostly the server says that nothing has changed
const MOST_CORNERS = 1000;

export const COLORS = ["state", "score", "source"] as const;
export type ColorBy = (typeof COLORS)[number];

export interface Status {
  map: { id: number; num_missing: number; is_outgrown: boolean } | null;
  job: number | null;
}

export interface Region {
  id: number;
  polygon: [number, number][];
  num_items: number;
  examples: number[];
}

export class MapSession extends EventTarget {
  classes: LabelClass[] = [];
  status: Status | null = null;
  points: Points | null = null;
  coloring: Coloring | null = null;
  color_by: ColorBy = "state";
  region: Region | null = null;
  error = "";
  said = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private following: ReturnType<typeof setInterval> | undefined;
  private etag = ""; // of the states that are on the map

  constructor(
    private readonly api: Api,
    private readonly style: () => CSSStyleDeclaration,
    public label_class: number | null,
  ) {
    super();
  }

  async open(): Promise<void> {
    await this.attempt(this.begin());
    this.following = setInterval(() => {
      if (document.visibilityState === "visible") void this.follow();
    }, FOLLOW_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    clearInterval(this.following);
  }

  private async begin(): Promise<void> {
    const { api } = this;
    const answer = await api.get<LabelClass[] | { results: LabelClass[] }>(
      api.url("classes", undefined, { page_size: 500 }),
    );
    this.classes = Array.isArray(answer) ? answer : answer.results;
    this.label_class ??= this.classes[0]?.id ?? null;
    await this.look();
  }

  /** What the map is now; asked again while it is being drawn. */
  private async look(): Promise<void> {
    clearTimeout(this.timer);
    const { api } = this;
    const before = this.status;
    this.status = await api.get<Status>(api.url("map_status")).catch((error: unknown) => {
      if (before?.job != null) this.lookAgain(); // one answer that did not come does not end the waiting
      throw error;
    });
    const { map, job } = this.status;
    const is_newer = map && (this.points?.map !== map.id || (before?.job != null && job === null));
    if (is_newer) {
      this.points = readPoints(await api.bytes(api.url("map_points")));
      await this.recolor();
      this.said = `Map of ${itemsText(this.points.count)}`;
    }
    this.changed();
    if (job !== null) this.lookAgain();
  }

  private lookAgain(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.attempt(this.look()), POLL_MS);
  }

  private get states_url(): string | null {
    return this.label_class === null
      ? null
      : this.api.url("map_states", undefined, { class: this.label_class });
  }

  /** What was answered meanwhile, by whomever. A question that fails is asked again the next time. */
  private async follow(): Promise<void> {
    const { states_url, points } = this;
    if (this.color_by !== "state" || !states_url || !points || this.status?.job != null) return;
    const answer = await this.api.bytesUnless(states_url, this.etag).catch(() => null);
    if (!answer || this.states_url !== states_url || this.points !== points || this.color_by !== "state")
      return;
    await this.attempt(this.paint(answer.bytes, answer.etag));
  }

  private async recolor(): Promise<void> {
    const { points, api, color_by, label_class, states_url } = this;
    if (!points) return;
    if (color_by === "source") this.coloring = bySource(points, this.style());
    else if (!states_url) this.coloring = byState(new Uint8Array(points.count), this.style());
    else {
      const url =
        color_by === "score" ? api.url("map_scores", undefined, { class: label_class }) : states_url;
      const answer = await api.bytesUnless(url, "");
      if (color_by !== this.color_by || label_class !== this.label_class || points !== this.points) return;
      if (answer) await this.paint(answer.bytes, answer.etag);
    }
    this.changed();
  }

  private async paint(bytes: ArrayBuffer, etag: string): Promise<void> {
    const { points, color_by } = this;
    if (!points) return;
    const codes = readStates(bytes, points);
    if (!codes) {
      this.points = null; // items came or went meanwhile
      await this.look();
      return;
    }
    const css = this.style();
    this.etag = color_by === "state" ? etag : "";
    this.coloring =
      color_by === "score" ? byScore(codes, css, css.colorScheme !== "light") : byState(codes, css);
    this.changed();
  }

  colorBy(name: ColorBy): void {
    const before = this.color_by;
    this.color_by = name;
    void this.attempt(
      this.recolor().catch((error: unknown) => {
        this.color_by = before; // nothing accepted yet, say
        throw error;
      }),
    );
  }

  choose(label_class: number): void {
    this.label_class = label_class;
    void this.attempt(this.recolor());
  }

  lasso(polygon: readonly [number, number][]): Promise<void> {
    return this.attempt(this.enclose(polygon));
  }

  private async enclose(polygon: readonly [number, number][]): Promise<void> {
    const step = Math.ceil(polygon.length / MOST_CORNERS);
    const corners = polygon.filter((_, at) => at % step === 0);
    const { api } = this;
    const clamped = corners.map(([x, y]) => [Math.max(-1, Math.min(2, x)), Math.max(-1, Math.min(2, y))]);
    try {
      this.region = await api.post<Region>(api.url("map_regions"), { polygon: clamped });
      this.said = `${itemsText(this.region.num_items)} inside the lasso`;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "nothing-inside") throw error;
      this.said = error.detail;
      this.region = null;
    }
  }

  drop(): void {
    this.region = null;
    this.said = "Lasso dropped";
    this.changed();
  }

  draw(redraw: boolean): void {
    const { api } = this;
    void this.attempt(api.post(api.url("map_status"), { redraw }).then(() => this.look()));
  }

  private async attempt(work: Promise<unknown>): Promise<void> {
    this.error = "";
    await work.catch((error: unknown) => {
      this.error = sentenceOf(error);
    });
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
