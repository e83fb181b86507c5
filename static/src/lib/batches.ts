/** A batch: what one key press said, as it stands in the history, goes into the outbox and comes from the server. */

import { partOf } from "./box";
import type { Saved } from "./outbox";
import type { Entry } from "./outbox-store";
import type { Answer, BatchRow, Box, LabelClass, Operation, Tile } from "./wire";

export interface Known {
  answer: Answer | "";
  version: number;
  is_derived?: boolean; // by an answer to its stack
  refused_version?: number; // what was painted until it was refused
}

export interface Before extends Known {
  item: number;
  stack: number | null;
}

/** One key press; the unit of undo. */
export interface Batch {
  id: string;
  answer: Answer;
  count: number;
  tiles: Before[]; // empty for a batch of an earlier page: the server knows what it changed
  item: number | null; // one of its items, to show
  at: number; // ms since 1970
  state: "said" | "undone";
  undo_id: string | null; // the batch that took it back; undoing that one is redo
  is_saved: boolean;
  class: number;
  class_name: string;
  left?: { stack: number; count: number }; // members that it took out of the stack of a tile, the tile's own not among them
  partner?: Batch; // what was said of another class with the same key; undone and redone along with it
}

export interface Context {
  class: number;
  class_name: string;
  round: number | null;
  mode: string;
  verdicts_url: string;
  reason?: string; // why, in review
  confirms?: boolean; // the same answer again is one, too: somebody has looked once more
}

/** A batch that is said now. */
export function batchOf(
  tiles: readonly Tile[],
  answer: Answer,
  context: Context,
  { id, at }: { id: string; at: number },
): Batch {
  return {
    id,
    answer,
    count: tiles.length,
    tiles: tiles.map(({ item, stack, answer, version, is_derived = false }) => ({
      item,
      stack,
      answer,
      version,
      is_derived,
    })),
    item: tiles[0]?.item ?? null,
    at,
    state: "said",
    undo_id: null,
    is_saved: false,
    class: context.class,
    class_name: context.class_name,
  };
}

/** A batch that was refused, and is sent again: with the first of its tiles. */
export function againOf(operation: Operation, before: Before, class_name: string): Batch {
  return {
    id: operation.batch,
    answer: operation.answer,
    count: 1,
    tiles: [before],
    item: before.item,
    at: Date.parse(operation.client_time ?? "") || 0,
    state: "said",
    undo_id: null,
    is_saved: false,
    class: operation.class,
    class_name,
  };
}

/** What goes into the outbox for it: one operation per tile. */
export function entriesOf(
  batch: Batch,
  tiles: readonly Tile[],
  context: Context,
  how: { force: boolean; uuid(): string },
): Entry[] {
  return tiles.map((tile) => ({
    kind: "verdict",
    url: context.verdicts_url,
    operation: {
      operation_id: how.uuid(),
      batch: batch.id,
      item: tile.item,
      stack: tile.stack,
      class: context.class,
      answer: batch.answer,
      base_version: tile.version,
      force: how.force,
      round: tile.round ?? context.round,
      rank: tile.rank,
      mode: context.mode === "review" ? context.mode : (tile.mode ?? context.mode),
      client_time: new Date(batch.at).toISOString(),
      ...withPart(tile),
      ...(tile.stack_revision != null ? { stack_revision: tile.stack_revision } : {}),
      ...(context.reason ? { reason: context.reason } : {}),
    },
  }));
}

/** A batch of an earlier page, as the server tells it. */
export function recalled(row: BatchRow, classes: readonly LabelClass[]): Batch {
  return {
    id: row.batch,
    answer: row.accepted ? "accept" : row.rejected ? "reject" : "unsure",
    count: row.decisions,
    tiles: [],
    item: row.item ?? null,
    at: Date.parse(row.at),
    state: "said",
    undo_id: null,
    is_saved: true,
    class: row.class,
    class_name: `${classes.find((each) => each.id === row.class)?.name ?? ""}${row.mode === "import" ? ", imported" : ""}`,
  };
}

/** Whether it is known there now. */
export function acknowledges(saved: Saved, batch: Batch): boolean {
  if (batch.is_saved || saved.class !== batch.class) return false;
  if (batch.undo_id) return saved.undone?.operation_id === batch.undo_id;
  const last = batch.tiles.at(-1)?.item; // sent in order: the last one closes the batch
  return saved.results.some((result) => result.item === last);
}

function withPart(tile: Tile): { box?: Box } {
  const box = partOf(tile);
  return box ? { box } : {};
}
