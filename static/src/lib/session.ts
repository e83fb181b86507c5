/** The workbench without its page: what was said about the tiles, and what the next key is about. */

import { PARTICIPLE_OF } from "./answers";
import type { Api } from "./api";
import type { Batch, Context } from "./batches";
import { BetterRanking } from "./better-ranking";
import { countText } from "./format";
import type { Outbox, Saved } from "./outbox";
import { QuerySession } from "./query-session";
import type { Query } from "./query-url";
import { Refusals } from "./refusals";
import type { Answer, Config, Operation, Tile } from "./wire";

/** Answers that wait for Enter: "accept all above", "reject all below". */
export interface Armed {
  answer: Answer;
  indexes: ReadonlySet<number>;
}

export class Session extends QuerySession {
  readonly better: BetterRanking = new BetterRanking(this);
  readonly refusals: Refusals;
  armed: Armed | null = null;
  subject: Tile | null = null; // the member that an open stack has its cursor on: keys are about it alone

  constructor(config: Config, api: Api, outbox: Outbox, query: Query) {
    super(config, api, outbox, query);
    this.decisions.addEventListener("painted", (event) => {
      this.dispatchEvent(new CustomEvent("painted", { detail: (event as CustomEvent<number[]>).detail }));
    });
    this.refusals = new Refusals({
      decisions: this.decisions,
      outbox,
      find: this.ranking.find,
      class_name: () => this.label_class?.name ?? "",
      say: (text) => this.say(text),
      regroup: (batch) => this.regroup(batch),
    });
    outbox.addEventListener("change", () => this.changed());
    outbox.addEventListener("saved", (event) => this.saved((event as CustomEvent<Saved>).detail));
  }

  override async search(): Promise<void> {
    await super.search();
    if (this.ranking.state !== "failed" && this.query.mode !== "learned") void this.better.ask();
  }

  override fromTheTop(): void {
    this.better.drop();
    this.armed = null;
    super.fromTheTop();
  }

  /** The tile that a key about one tile is about. */
  get current(): Tile | null {
    return this.subject ?? this.ranking.tiles[this.selection.cursor] ?? null;
  }

  /** The chosen tiles, or the one at the cursor. */
  targets(): Tile[] {
    if (this.subject) return [{ ...this.subject, stack: null }];
    const { tiles } = this.ranking;
    return this.selection.targets(tiles.length).flatMap((index) => tiles[index] ?? []);
  }

  /** Paints, stores, sends, and moves on to the next undecided tile. */
  answer(answer: Answer, tiles = this.targets(), force = false): Batch | null {
    const context = this.context();
    if (!context) return null;
    if (!tiles.length) {
      this.say(
        this.ranking.state === "loading" ? "Still loading: nothing was said yet" : "Nothing to answer here",
      );
      return null;
    }
    const batch = this.decisions.answer(tiles, answer, context, force);
    this.moveOn(tiles);
    if (!batch) return null;
    this.pace.answered(batch.tiles.length, Date.now());
    this.say(`${numbered(batch.tiles.length)} ${PARTICIPLE_OF[answer]}${withMembers(tiles)}`);
    return batch;
  }

  /** Exceptions to their stack: items, each for itself, in one batch. */
  answerMembers(shown: readonly Tile[], answer: Answer): void {
    const context = this.context();
    const changing = shown.filter((tile) => tile.answer !== answer);
    const alone = changing.map((tile) => ({ ...tile, stack: null }));
    const left = this.leaving(changing, answer); // before they are answered otherwise
    const batch = context && this.decisions.answer(alone, answer, context);
    if (!batch) return;
    if (left) this.regroup(Object.assign(batch, { left }));
    for (const [place, { answer: said, version, item }] of alone.entries()) {
      Object.assign(changing[place] ?? {}, { answer: said, version, is_derived: false });
      Object.assign(this.ranking.find(item) ?? {}, { answer: said, version });
    }
    this.pace.answered(alone.length, Date.now());
    this.say(`${countText(alone.length)} of the stack ${PARTICIPLE_OF[answer]}`);
    this.dispatchEvent(new CustomEvent("painted", { detail: alone.map(({ item }) => item) }));
  }

  /** Members that will no longer be answered as the tile of their stack is, which counts those that are. */
  private leaving(members: readonly Tile[], answer: Answer): Batch["left"] {
    const stack = members[0]?.stack ?? null;
    const tile = this.stackTile(stack);
    if (!tile || stack === null || tile.answer === answer) return undefined;
    const leaving = members.filter((each) => each.item !== tile.item && each.answer === tile.answer);
    return { stack, count: Math.min(leaving.length, tile.count - 1) };
  }

  private stackTile(stack: number | null): Tile | undefined {
    return stack === null ? undefined : this.ranking.tiles.find((each) => each.stack === stack);
  }

  /** What had left its stack is back in it, or out again. */
  private regroup({ left, state }: Pick<Batch, "left" | "state">): void {
    const tile = left && this.stackTile(left.stack);
    if (!tile) return;
    tile.count = Math.max(1, tile.count + (state === "said" ? -left.count : left.count));
    this.dispatchEvent(new CustomEvent("painted", { detail: [tile.item] }));
  }

  /** Of what is not in the grid: the cursor stays where it is. */
  answerAside(tile: Tile, answer: Answer): void {
    const context = this.context();
    if (!context || !this.decisions.answer([tile], answer, context)) return;
    this.pace.answered(1, Date.now());
    this.say(`The box was ${PARTICIPLE_OF[answer]}`);
  }

  /** Out of the way until the end of the ranking; not a verdict. */
  later(): void {
    const tiles = this.targets();
    this.ranking.putOff(tiles);
    void this.storeLater(tiles);
    this.moveOn(tiles);
    this.dispatchEvent(new CustomEvent("painted", { detail: tiles.map((tile) => tile.item) }));
    this.say(`${numbered(tiles.length)} put off until the end`);
  }

  /** Known to the server as well, so that the tiles are still put off after a reload and on another machine. */
  private async storeLater(tiles: readonly Tile[]): Promise<void> {
    const { class: label_class } = this.query;
    if (label_class === null || !this.canAnswer) return;
    const body = { class: label_class, items: tiles.map((tile) => tile.item) };
    try {
      const { later } = await this.api.post<{ later: number }>(this.api.url("later"), body);
      if (label_class === this.query.class) this.putOff(later);
      this.changed();
    } catch {
      this.say("Put off on this page only: the server did not answer");
    }
  }

  /** The cursor goes to the next tile that waits; it stays where an open stack has its own. */
  protected moveOn(tiles: readonly Tile[]): void {
    if (this.subject) return;
    const from = Math.max(this.selection.cursor, ...tiles.map((tile) => this.ranking.indexOf(tile.item)));
    this.selection.move(this.next(from), false, this.ranking.tiles.length);
    this.dispatchEvent(new Event("moved"));
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

  /** False when nothing was lit up. */
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
    if (!undone) return;
    this.regroup(undone);
    if (!batch) this.returnTo(undone);
  }

  /** The cursor goes back to the first tile that was taken back: the next answer is about it. */
  private returnTo({ class: label_class, tiles }: Batch): void {
    if (this.subject || label_class !== this.query.class) return;
    const places = tiles.map(({ item }) => this.ranking.indexOf(item)).filter((index) => index >= 0);
    if (!places.length) return;
    this.selection.move(Math.min(...places), false, this.ranking.tiles.length);
    this.dispatchEvent(new Event("moved"));
  }

  redo(batch?: Batch): void {
    const redone = this.decisions.redo(this.ranking.find, this.api.url("undo"), batch);
    this.say(redone ? `Done again: ${numbered(redone.count)}` : "Nothing to redo");
    if (redone) this.regroup(redone);
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

  /** What goes with every answer; null, and said so, where none may be given. */
  protected context(): Context | null {
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
    if (saved.counts) this.recounted(saved.counts);
    else this.recount();
    this.better.askSoon();
    this.changed();
  }
}

export function numbered(count: number): string {
  return count === 1 ? "1 tile" : `${countText(count)} tiles`;
}

/** What an answer to stacks covers: ", 17 items with their stacks". */
function withMembers(tiles: readonly Tile[]): string {
  const items = tiles.reduce((sum, tile) => sum + (tile.stack === null ? 1 : tile.count), 0);
  return items > tiles.length ? `, ${countText(items)} items with their stacks` : "";
}
