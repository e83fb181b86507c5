/** The page of a video without its page: its frames, what lies along its time, the span, and what is said of it. */

import { PARTICIPLE_OF } from "./answers";
import { type Api, sentenceOf } from "./api";
import type { Batch, Context } from "./batches";
import { CorpusSession } from "./corpus-session";
import { Decisions } from "./decisions";
import { type FramesPage, type FrameTable, readFrameTable } from "./frame-table";
import { latest } from "./latest";
import { type Curve, curveOf, type LineItem, lineItems, type Timeline } from "./line-items";
import type { Outbox, Saved } from "./outbox";
import type { Query } from "./query-url";
import { Refusals } from "./refusals";
import type { Scorer } from "./scorers";
import { clipAt, itemOf, rangeOf, type Span, type SpanAnswer, spanText, termOfSpan } from "./spans";
import { codeText } from "./time-code";
import type { Answer, Config, LabelClass, Term } from "./wire";

/** What the server puts into the page about the video. */
export interface VideoFacts {
  id: number;
  name: string;
  container: string;
  codec: string;
  width_px: number;
  height_px: number;
  duration_seconds: number | null;
  urls: Record<string, string>;
}

export interface VideoConfig extends Config {
  video: VideoFacts;
}

const MODE = "timeline"; // how the answers of this page are recorded

/** Fires "change" when a panel may look different, "place" when another frame is to be shown. */
export class VideoSession extends CorpusSession {
  readonly decisions: Decisions;
  table: FrameTable | null = null;
  items: LineItem[] = [];
  is_whole = true; // all items are here
  class_id: number | null = null;
  scorer: Scorer | null = null;
  scores: Curve | null = null;
  similarities: Curve | null = null;
  chosen: LineItem | null = null; // the item that keys are about where there is no span
  span: Span | null = null;
  place = 0;
  private num_coming = 0; // answers to spans that are no items yet

  constructor(
    override readonly config: VideoConfig,
    api: Api,
    readonly outbox: Outbox,
  ) {
    super(config, api);
    this.decisions = new Decisions({
      put: (entries) => void outbox.put(entries),
      uuid: () => crypto.randomUUID(),
      now: Date.now,
    });
    this.decisions.addEventListener("painted", () => this.changed());
    outbox.addEventListener("change", () => this.changed());
    outbox.addEventListener("saved", (event) => this.saved((event as CustomEvent<Saved>).detail));
    new Refusals({
      decisions: this.decisions,
      outbox,
      find: this.find,
      class_name: () => this.label_class?.name ?? "",
      say: (text, why) => this.say(why ? `${text}: ${why}` : text),
    });
  }

  get video(): VideoFacts {
    return this.config.video;
  }

  get label_class(): LabelClass | null {
    return this.classes.find((each) => each.id === this.class_id) ?? null;
  }

  get canAnswer(): boolean {
    return !this.isViewer && this.label_class !== null;
  }

  /** The table of frames, then all that lies along it; `class_id` is the one asked for, or the first. */
  async open(class_id: number | null): Promise<void> {
    const [table] = await Promise.all([
      readFrameTable((query) => this.api.get<FramesPage>(`${this.url("frames")}${query}`)),
      this.loadClasses(),
      this.loadScorers(),
    ]);
    this.table = table;
    const wanted = this.classes.find((each) => each.id === class_id) ?? this.classes[0];
    await this.setClass(wanted?.id ?? null);
  }

  url(name: string): string {
    const url = this.video.urls[name];
    if (url === undefined) throw new Error(`The page knows no URL of the video named ${name}`);
    return url;
  }

  /** Another class: its answers, and its classifier where there is one. */
  async setClass(class_id: number | null): Promise<void> {
    this.class_id = class_id;
    this.decisions.begin(class_id);
    if (class_id !== null) this.decisions.restore(await this.outbox.pending(), class_id);
    await this.loadItems();
    await this.setScorer(this.scorers.find((each) => each.class === class_id) ?? null);
  }

  /** The items and answers once more from the server. */
  readonly loadItems: () => Promise<void> = async () => {
    await this.readItems(this.class_id);
  };

  private readonly readItems = latest(async (class_id: number | null, signal) => {
    const query = class_id === null ? "" : `?class=${class_id}`;
    const line = await this.api.get<Timeline>(`${this.url("timeline")}${query}`, signal);
    if (!this.table || signal.aborted) return;
    this.items = lineItems(line, this.table, this.video);
    this.is_whole = line.is_whole;
    for (const item of this.items) this.decisions.overlay(item);
    this.chosen = this.items.find((item) => item.item === this.chosen?.item) ?? null;
    this.changed();
  });

  /** The scores of a live classifier; null takes the curve away. */
  async setScorer(scorer: Scorer | null): Promise<void> {
    this.scorer = scorer;
    this.scores = null;
    this.changed();
    if (!scorer) return;
    const url = `${this.url("scores").replace("{id}", String(scorer.classifier))}?class=${scorer.class}`;
    try {
      type Answer = { items: number[]; values: number[]; threshold: number | null };
      const { items, values, threshold } = await this.api.get<Answer>(url);
      if (this.scorer !== scorer) return;
      this.scores = curveOf(scorer.name, this.items, pairs(items, values), [0, 1], threshold);
    } catch (error) {
      this.say(sentenceOf(error));
    }
    this.changed();
  }

  /** How near every item is to the chosen one, or to the item of another video; null takes the curve away. */
  async compareWith(item: number | null): Promise<void> {
    this.similarities = null;
    this.changed();
    if (item === null) return;
    try {
      const url = `${this.url("similarities")}?item=${item}`;
      const found = await this.api.get<{ items: number[]; values: number[] }>(url);
      if (found.items.length)
        this.similarities = curveOf("similarity", this.items, pairs(found.items, found.values), null, null);
      else this.say("Nothing of this video has a feature yet");
    } catch (error) {
      this.say(sentenceOf(error));
    }
    this.changed();
  }

  /** Where the address of the page says: `item`, `pts` or `start` and `stop` pts of a span; else the first frame. */
  goToAsked(asked: URLSearchParams): void {
    const { table } = this;
    if (!table) return;
    const number = (name: string) => (asked.get(name) ? Number(asked.get(name)) : Number.NaN);
    const item = this.items.find((each) => each.item === number("item")) ?? null;
    const [start, stop] = [number("start"), number("stop")];
    if (Number.isFinite(start) && stop > start)
      this.setSpan(table.placeAtPts(start), table.placeAtPts(stop - 1));
    this.choose(item);
    const pts = item?.start_pts ?? (Number.isFinite(start) ? start : number("pts"));
    this.goTo(Number.isFinite(pts) ? table.placeAtPts(pts) : 0);
  }

  /** Show the frame at a place. */
  goTo(place: number): void {
    if (!this.table) return;
    this.place = this.table.clamp(place);
    this.dispatchEvent(new Event("place"));
  }

  choose(item: LineItem | null): void {
    this.chosen = item;
    this.changed();
  }

  /** From one frame to another, both in it, whichever is first. */
  setSpan(one: number, other: number): void {
    const [start, last] = [Math.min(one, other), Math.max(one, other)];
    this.span = { start, stop: last + 1 };
    this.changed();
  }

  dropSpan(): void {
    this.span = null;
    this.changed();
  }

  /** "0:00:01.000 – 0:00:02.480, 37 frames". */
  get spanText(): string {
    return this.span && this.table ? spanText(this.span, this.table) : "";
  }

  /** Answers the span, or the chosen item where there is none. */
  async answer(answer: Answer): Promise<void> {
    const context = this.context();
    if (!context) return;
    this.num_coming += 1;
    this.changed();
    try {
      const subject = this.span ? await this.itemOfSpan(this.span) : this.chosen;
      if (!subject) {
        this.say("Select a span or an item first: drag on the time line, or press [ and ]");
        return;
      }
      this.decisions.answer([subject], answer, context);
      this.say(
        `${subject.kind === "clip" ? "Clip" : "Frame"} at ${codeText(subject.start)} ${PARTICIPLE_OF[answer]}`,
      );
      this.chosen = subject;
      this.span = null;
      this.changed();
    } catch (error) {
      this.say(sentenceOf(error));
    } finally {
      this.num_coming -= 1;
      this.changed();
    }
  }

  /** Answers that the server has not acknowledged, those whose clip is still being made among them. */
  get num_unsaved(): number {
    return this.outbox.unsaved + this.num_coming;
  }

  /** The clip item of a span, which is made where there is none; it is on the time line from now on. */
  async itemOfSpan(span: Span): Promise<LineItem | null> {
    const { table } = this;
    if (!table) return null;
    const range = rangeOf(span, table);
    const known = clipAt(range, this.items);
    if (known) return known;
    const made = await this.api.post<SpanAnswer>(this.url("spans"), { ...range, class: this.class_id });
    const item = itemOf(made, table, this.video);
    this.items = [...this.items, item].sort(
      (one, other) => one.start_pts - other.start_pts || one.item - other.item,
    );
    return item;
  }

  /** A query for more like the span, or like the chosen item: of clips where those are searched. Null for neither. */
  get query(): Query | null {
    const { span, table, chosen } = this;
    const has_clips = this.config.units?.includes("clip") ?? false;
    const common = { class: this.class_id, filters: {}, mode: "similar" as const };
    if (span && table) {
      const terms = [termOfSpan(this.video.id, rangeOf(span, table))];
      return { ...common, terms, ...(has_clips ? { unit: "clip" as const } : {}) };
    }
    if (!chosen) return null;
    const terms: Term[] = [{ kind: "item", item: chosen.item, box: null, weight: 1 }];
    return { ...common, terms, ...(has_clips && chosen.kind === "clip" ? { unit: "clip" as const } : {}) };
  }

  undo(batch?: Batch): void {
    const undone = this.decisions.undo(this.find, this.api.url("undo"), batch);
    this.say(undone ? "Undone" : "Nothing to undo");
  }

  redo(batch?: Batch): void {
    const redone = this.decisions.redo(this.find, this.api.url("undo"), batch);
    this.say(redone ? "Done again" : "Nothing to redo");
  }

  private context(): Context | null {
    const { label_class } = this;
    if (!label_class || this.isViewer) {
      this.say(
        label_class
          ? "You may look, not answer: your role here is viewer"
          : "Create a class in the workbench first",
      );
      return null;
    }
    const { id, name } = label_class;
    return { class: id, class_name: name, round: null, mode: MODE, verdicts_url: this.api.url("verdicts") };
  }

  private readonly find = (item: number): LineItem | undefined =>
    this.items.find((each) => each.item === item);

  private saved(saved: Saved): void {
    this.decisions.saved(saved, this.find);
    this.changed();
  }
}

function pairs(items: readonly number[], values: readonly number[]): Map<number, number> {
  return new Map(items.map((item, at) => [item, values[at] ?? 0]));
}
