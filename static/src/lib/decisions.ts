/** What this person has said in this page: painted at once, put into the outbox, undone and redone by batch. */

import {
  acknowledges,
  againOf,
  type Batch,
  type Before,
  batchOf,
  type Context,
  entriesOf,
  recalled,
} from "./batches";
import { type Find, KnownAnswers } from "./known-answers";
import type { Saved } from "./outbox";
import type { Entry, UndoEntry, VerdictEntry } from "./outbox-store";
import type { Answer, BatchRow, LabelClass, Tile } from "./wire";

export interface Parts {
  put(entries: Entry[]): void;
  uuid(): string;
  now(): number;
}

const MOST_BATCHES = 200;

/** Fires "painted" (item ids whose answer changed) before anything is stored or sent. The batches outlast a class. */
export class Decisions extends KnownAnswers {
  readonly batches: Batch[] = []; // newest first
  private readonly refused = new Set<string>(); // undos and redos, by their operation

  constructor(private readonly parts: Parts) {
    super();
  }

  /** The history as the server has it, for the batches said before this page was opened. */
  recall(rows: readonly BatchRow[], classes: readonly LabelClass[]): void {
    for (const row of rows) {
      if (row.is_undo || row.is_undone || this.batches.some((batch) => batch.id === row.batch)) continue;
      this.batches.push(recalled(row, classes));
    }
  }

  /** Tiles that already have this answer are left alone, unless it is confirmed; null when nothing changes. */
  answer(tiles: readonly Tile[], answer: Answer, context: Context, force = false): Batch | null {
    const changing = tiles.filter((tile) => tile.answer !== answer || force || context.confirms);
    if (!changing.length) return null;
    const batch = this.begun(changing, answer, context);
    const entries = this.entries(batch, changing, context, force);
    for (const tile of changing) {
      Object.assign(tile, { answer, version: tile.version + 1, is_derived: false });
      this.known.set(tile.item, { answer, version: tile.version });
    }
    this.remember(batch);
    this.painted(changing.map((tile) => tile.item));
    this.parts.put(entries);
    return batch;
  }

  /** They are of the class of `to`: accepted there, rejected here unless they are already; one batch to undo. */
  relabel(tiles: readonly Tile[], context: Context, to: Context): Batch {
    const elsewhere = tiles.map((tile): Tile => ({ ...tile, answer: "", version: 0 })); // as far as is known here
    const partner = this.begun(elsewhere, "accept", to);
    const entries = this.entries(partner, elsewhere, to, false);
    const batch = this.answer(tiles, "reject", context);
    if (batch) batch.partner = partner;
    else this.remember(partner);
    this.parts.put(entries);
    return batch ?? partner;
  }

  private begun(tiles: readonly Tile[], answer: Answer, context: Context): Batch {
    return batchOf(tiles, answer, context, { id: this.parts.uuid(), at: this.parts.now() });
  }

  private entries(batch: Batch, tiles: readonly Tile[], context: Context, force: boolean): Entry[] {
    return entriesOf(batch, tiles, context, { force, uuid: this.parts.uuid });
  }

  private remember(batch: Batch): void {
    this.batches.unshift(batch);
    this.batches.length = Math.min(this.batches.length, MOST_BATCHES);
  }

  /** Takes back `batch`, or the newest one that still stands. */
  undo(find: Find, undo_url: string, batch = this.newest("said")): Batch | null {
    if (!batch || batch.state === "undone") return null;
    this.turn(batch, "undone", batch.tiles, find, undo_url);
    return batch;
  }

  /** Says `batch` again, or the one undone last. */
  redo(find: Find, undo_url: string, batch = this.newest("undone")): Batch | null {
    if (!batch || batch.state === "said") return null;
    const { answer } = batch;
    this.turn(
      batch,
      "said",
      batch.tiles.map(({ item }) => ({ item, answer })),
      find,
      undo_url,
    );
    return batch;
  }

  /** Undo and redo are one thing: the batch that counts now is reverted by a new one. */
  private turn(
    batch: Batch,
    state: Batch["state"],
    answers: readonly Pick<Before, "item" | "answer" | "is_derived">[],
    find: Find,
    undo_url: string,
  ): void {
    const said = answers.map(({ item, answer }) => {
      const seen = batch.class === this.label_class ? this.versionOf(item, find) : 1;
      return { item, answer, version: seen + 1 };
    });
    const undone = batch.undo_id ?? batch.id;
    batch.undo_id = this.parts.uuid();
    batch.state = state;
    batch.is_saved = false;
    if (batch.class === this.label_class) {
      for (const [place, { item, answer, version }] of said.entries())
        this.know(item, { answer, version, is_derived: answers[place]?.is_derived ?? false }, find);
      this.painted(said.map((each) => each.item));
    }
    const common = { kind: "undo", url: undo_url, class: batch.class, said } as const;
    this.parts.put([{ ...common, batch: undone, operation_id: batch.undo_id }]);
    const { partner } = batch;
    if (!partner || partner.state === state) return;
    const theirs = partner.tiles.map(({ item }) => ({
      item,
      answer: state === "said" ? partner.answer : ("" as const),
    }));
    this.turn(partner, state, theirs, find, undo_url);
  }

  /** What the server acknowledged: its versions count from now on. */
  saved(saved: Saved, find: Find): void {
    for (const { partner } of this.batches)
      if (partner && acknowledges(saved, partner)) partner.is_saved = true;
    for (const batch of this.batches) if (acknowledges(saved, batch)) batch.is_saved = true;
    if (saved.class !== this.label_class) return;
    const changed: number[] = [];
    for (const result of saved.results) {
      const stands = result.outcome === "applied" || result.outcome === "duplicate";
      if (result.version === null || result.outcome === "rejected") continue;
      const known = this.known.get(result.item);
      if (stands && known && known.version > result.version) continue; // said again since
      this.know(result.item, { answer: (result.answer ?? "") as Answer | "", version: result.version }, find);
      changed.push(result.item);
    }
    for (const each of saved.undone?.undone ?? []) {
      this.know(each.item, { answer: each.answer as Answer | "", version: each.version }, find);
      changed.push(each.item);
    }
    if (changed.length) this.painted(changed);
  }

  /**
   * It was refused: what counted before is shown again, unless more was said since, and no batch has it. The batch, if
   * nothing is left of it.
   */
  withdraw({ operation }: VerdictEntry, find: Find): Batch | null {
    const { item, base_version } = operation;
    const batch = this.batches.find(({ id }) => id === operation.batch);
    const before = batch?.tiles.find((tile) => tile.item === item);
    if (!batch || !before) return null;
    batch.tiles = batch.tiles.filter((tile) => tile !== before);
    batch.count = batch.tiles.length;
    if (!batch.count) this.batches.splice(this.batches.indexOf(batch), 1);
    if (operation.class === this.label_class && this.known.get(item)?.version === base_version + 1) {
      const { answer, version, is_derived = false } = before;
      this.know(item, { answer, version, is_derived, refused_version: base_version + 1 }, find);
      this.painted([item]);
    }
    return batch.count ? null : batch;
  }

  /** What was withdrawn is sent again: it counts as said, one batch for each key that was pressed. */
  resay(entries: readonly VerdictEntry[], class_name: string, find: Find): void {
    for (const { operation } of entries) {
      const { item, stack, answer, base_version: version } = operation;
      const before: Before = { item, stack, answer: find(item)?.answer ?? "", version };
      const batch = this.batches.find(({ id }) => id === operation.batch);
      if (batch) batch.count = batch.tiles.push(before);
      else this.remember(againOf(operation, before, class_name));
      if (operation.class === this.label_class) this.know(item, { answer, version: version + 1 }, find);
    }
    this.painted(entries.map(({ operation }) => operation.item));
  }

  /**
   * An undo or a redo was refused: what it took back counts as before. The batch, unless a later turn of it is on its
   * way: what comes of that one tells. One that turned what had been refused itself has changed nothing.
   */
  withdrawTurn(
    { operation_id, batch: turned, class: label_class, said }: UndoEntry,
    find: Find,
  ): Batch | null {
    const had_changed = !this.refused.has(turned);
    this.refused.add(operation_id);
    const batch = this.turnedBy(operation_id);
    if (batch) {
      batch.is_saved = true;
      batch.undo_id = turned === batch.id || !had_changed ? null : turned;
      if (had_changed) batch.state = batch.state === "undone" ? "said" : "undone";
    }
    const is_turned = batch !== null && had_changed;
    if (label_class !== this.label_class) return is_turned ? batch : null;
    const latest = said.filter(({ item, version }) => this.known.get(item)?.version === version);
    for (const { item, answer, version } of latest) {
      const { answer: before = "", is_derived = false } =
        batch?.tiles.find((tile) => tile.item === item) ?? {};
      const counts =
        batch && (batch.state === "said" ? { answer: batch.answer } : { answer: before, is_derived });
      const turns = is_turned ? 1 : 2;
      this.know(
        item,
        { ...(counts ?? { answer }), version: version - turns, refused_version: version },
        find,
      );
    }
    this.painted(latest.map(({ item }) => item));
    return is_turned ? batch : null;
  }

  /** A refused undo, or redo, is sent again: the batch it turned, which is as it asks for once more. */
  returned({ operation_id, batch: turned, class: label_class, said }: UndoEntry, find: Find): Batch | null {
    const batch = this.each().find(({ id, undo_id }) => (undo_id ?? id) === turned);
    this.refused.delete(operation_id);
    if (!batch) return null;
    batch.undo_id = operation_id;
    batch.is_saved = false;
    batch.state = batch.state === "undone" ? "said" : "undone";
    if (label_class === this.label_class) {
      for (const { item, answer } of said)
        this.know(item, { answer, version: this.versionOf(item, find) + 1 }, find);
      this.painted(said.map(({ item }) => item));
    }
    return batch;
  }

  private turnedBy(operation_id: string): Batch | null {
    return this.each().find(({ undo_id }) => undo_id === operation_id) ?? null;
  }

  private each(): Batch[] {
    return this.batches.flatMap((batch) => [batch, ...(batch.partner ? [batch.partner] : [])]);
  }

  private newest(state: Batch["state"]): Batch | undefined {
    if (state === "said") return this.batches.find((batch) => batch.state === "said");
    // Redo takes the batch undone last: of a run of undone ones at the top, the oldest.
    const stop = this.batches.findIndex((batch) => batch.state === "said");
    return (stop < 0 ? this.batches : this.batches.slice(0, stop)).at(-1);
  }
}
