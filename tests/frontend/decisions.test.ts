import { beforeEach, describe, expect, it } from "vitest";
import type { Context } from "../../static/src/lib/batches";
import { Decisions } from "../../static/src/lib/decisions";
import type { Saved } from "../../static/src/lib/outbox";
import type { Entry, UndoEntry, VerdictEntry } from "../../static/src/lib/outbox-store";
import type { OperationResult } from "../../static/src/lib/wire";
import { tileOf } from "./tiles";

const CONTEXT: Context = {
  class: 1,
  class_name: "cat",
  round: 9,
  mode: "similar",
  verdicts_url: "/verdicts/",
};

let sent: Entry[];
let decisions: Decisions;
const tiles = [tileOf(1), tileOf(2), tileOf(3)];
const find = (item: number) => tiles.find((tile) => tile.item === item);

beforeEach(() => {
  sent = [];
  let made = 0;
  decisions = new Decisions({
    put: (entries) => sent.push(...entries),
    uuid: () => `id-${made++}`,
    now: () => 0,
  });
  decisions.begin(1);
  for (const tile of tiles) Object.assign(tile, { answer: "", version: 0 });
});

function saved(results: Partial<OperationResult>[], part: Partial<Saved> = {}): Saved {
  const common = {
    operation_id: "",
    outcome: "applied" as const,
    item: 0,
    answer: "accept" as const,
    version: 1,
  };
  return {
    class: 1,
    results: results.map((each) => ({ ...common, ...each })),
    undone: null,
    counts: null,
    ...part,
  };
}

const versions = () => tiles.map((tile) => tile.version);
const answers = () => tiles.map((tile) => tile.answer);

describe("decisions", () => {
  it("are shown as before once they are refused, unless more was said since; and again when they are sent again", () => {
    decisions.answer(tiles.slice(0, 2), "reject", CONTEXT);
    const [first, second] = sent as [VerdictEntry, VerdictEntry];
    decisions.answer(tiles.slice(1, 2), "accept", CONTEXT);
    for (const entry of [first, second]) decisions.withdraw(entry, find);
    expect(answers()).toEqual(["", "accept", ""]);
    expect(decisions.batches.map(({ count }) => count)).toEqual([1]);
    const shown = { ...tileOf(1), answer: "reject" as const, version: 1 }; // in an open stack, which `find` does not know
    expect(decisions.repaint(shown)).toMatchObject({ answer: "", version: 0 });
    decisions.resay([first], "cat", find);
    expect(answers()).toEqual(["reject", "accept", ""]);
    expect(decisions.undo(find, "/undo/", decisions.batches[0])?.id).toBe(first.operation.batch);
    expect(answers()).toEqual(["", "accept", ""]);
  });

  it("that were taken back count again once the undo is refused, and are taken back when it is sent again", () => {
    decisions.answer(tiles.slice(0, 2), "accept", CONTEXT);
    decisions.saved(saved([{ item: 1 }, { item: 2 }]), find);
    const [batch] = decisions.batches;
    decisions.undo(find, "/undo/");
    decisions.answer(tiles.slice(1, 2), "reject", CONTEXT); // said since: it stays
    const undo = sent.find((entry) => entry.kind === "undo") as UndoEntry;
    decisions.withdrawTurn(undo, find);
    expect(answers()).toEqual(["accept", "reject", ""]);
    expect(versions()).toEqual([1, 3, 0]);
    expect(batch).toMatchObject({ state: "said", undo_id: null, is_saved: true });
    decisions.returned(undo, find);
    expect(answers()[0]).toBe("");
    expect(batch).toMatchObject({ state: "undone", undo_id: undo.operation_id });
  });

  it("are by their stack again, once what was said of a member is taken back", () => {
    const member = { ...tileOf(4), answer: "accept" as const, version: 1, is_derived: true };
    decisions.answer([{ ...member, stack: null }], "reject", CONTEXT);
    decisions.undo(find, "/undo/");
    const [undo] = sent.slice(1) as [UndoEntry];
    expect(decisions.repaint({ ...member, answer: "reject", version: 2, is_derived: false })).toMatchObject(
      member_of(3),
    );
    const undone = {
      batch: "id-0",
      operation_id: undo.operation_id,
      kept: 0,
      undone: [{ item: 4, answer: "accept", version: 3 }],
    };
    decisions.saved(saved([], { undone }), find);
    expect(decisions.repaint({ ...member })).toMatchObject(member_of(3));
    function member_of(version: number) {
      return { answer: "accept", version, is_derived: true };
    }
  });

  it("stay undone when their redo is refused, and said when both are", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.saved(saved([{ item: 1 }]), find);
    const turns = () => sent.filter((entry) => entry.kind === "undo") as UndoEntry[];
    decisions.undo(find, "/undo/");
    decisions.redo(find, "/undo/");
    const [undo, redo] = turns() as [UndoEntry, UndoEntry];
    expect(decisions.withdrawTurn(undo, find)).toBeNull(); // the redo is on its way
    decisions.withdrawTurn(redo, find);
    expect([answers()[0], versions()[0], decisions.batches[0]?.state]).toEqual(["accept", 1, "said"]);
    decisions.undo(find, "/undo/");
    decisions.redo(find, "/undo/");
    const [, , kept, late] = turns() as [UndoEntry, UndoEntry, UndoEntry, UndoEntry];
    expect([kept.batch, late.batch]).toEqual([decisions.batches[0]?.id, kept.operation_id]);
    decisions.withdrawTurn(late, find);
    expect([answers()[0], versions()[0], decisions.batches[0]?.state]).toEqual(["", 2, "undone"]);
  });

  it("are about the part of the frame that is outlined: found now, or said before; a region is that part itself", () => {
    const box = [0.5, 0.5, 1, 1] as const;
    const found = { ...tileOf(4), box, is_found: true };
    const said = { ...tileOf(5), said_of: box };
    const region = { ...tileOf(6), box };
    decisions.answer([found, said, region, tileOf(7)], "accept", CONTEXT);
    const boxes = sent.map((entry) => (entry as VerdictEntry).operation.box);
    expect(boxes).toEqual([box, box, undefined, undefined]);
  });

  it("paint before anything is sent, one operation per tile in one batch", () => {
    const painted: number[] = [];
    decisions.addEventListener("painted", (event) => {
      expect(sent).toEqual([]);
      painted.push(...(event as CustomEvent<number[]>).detail);
    });
    decisions.answer(tiles.slice(0, 2), "accept", CONTEXT);
    expect(painted).toEqual([1, 2]);
    expect(answers()).toEqual(["accept", "accept", ""]);
    const operations = (sent as VerdictEntry[]).map((entry) => entry.operation);
    expect(new Set(operations.map((each) => each.batch)).size).toBe(1);
    expect(new Set(operations.map((each) => each.operation_id)).size).toBe(2);
    expect(operations[0]).toMatchObject({
      item: 1,
      answer: "accept",
      base_version: 0,
      round: 9,
      force: false,
    });
  });

  it("leave a tile alone that has the answer already", () => {
    decisions.answer(tiles, "accept", CONTEXT);
    expect(decisions.answer(tiles, "accept", CONTEXT)).toBeNull();
  });

  it("build on each other before the server has answered", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.answer(tiles.slice(0, 1), "reject", CONTEXT);
    expect((sent as VerdictEntry[]).map((entry) => entry.operation.base_version)).toEqual([0, 1]);
  });

  it("ignore an acknowledgement of what was said again since", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.answer(tiles.slice(0, 1), "reject", CONTEXT);
    decisions.saved(saved([{ item: 1, answer: "accept", version: 1 }]), find);
    expect(answers()[0]).toBe("reject");
    expect(versions()[0]).toBe(2);
  });

  it("show what the other person said after a conflict", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.saved(saved([{ item: 1, outcome: "conflict", answer: "reject", version: 1 }]), find);
    expect(answers()[0]).toBe("reject");
  });

  it("of another class leave this class's tiles alone", () => {
    decisions.saved(saved([{ item: 1, answer: "accept", version: 5 }], { class: 2 }), find);
    expect(answers()).toEqual(["", "", ""]);
  });

  it("undo brings back what was there, redo says it again, each as a batch of its own", () => {
    decisions.answer(tiles.slice(0, 1), "reject", CONTEXT);
    decisions.answer(tiles, "accept", CONTEXT);
    decisions.undo(find, "/undo/");
    expect(answers()).toEqual(["reject", "", ""]);
    decisions.redo(find, "/undo/");
    expect(answers()).toEqual(["accept", "accept", "accept"]);
    const [first, second] = sent.filter((entry): entry is UndoEntry => entry.kind === "undo");
    expect(first?.batch).toBe(decisions.batches[0]?.id);
    expect(second?.batch).toBe(first?.operation_id);
  });

  it("undo from the newest down, redo in the opposite order", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.answer(tiles.slice(1, 2), "accept", CONTEXT);
    decisions.undo(find, "/undo/");
    decisions.undo(find, "/undo/");
    expect(answers()).toEqual(["", "", ""]);
    decisions.redo(find, "/undo/");
    expect(answers()).toEqual(["accept", "", ""]);
    decisions.redo(find, "/undo/");
    expect(answers()).toEqual(["accept", "accept", ""]);
  });

  it("undo any batch of the history", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    decisions.answer(tiles.slice(1, 2), "accept", CONTEXT);
    decisions.undo(find, "/undo/", decisions.batches[1]);
    expect(answers()).toEqual(["", "accept", ""]);
  });

  it("of an earlier page are in the history and are undone by the server's account", () => {
    const row = { at: "2026-01-01T00:00:00Z", class: 1, decisions: 2, accepted: 2, rejected: 0, unsure: 0 };
    const rows = [
      { ...row, batch: "old", is_undo: false, is_undone: false },
      { ...row, batch: "gone", is_undo: false, is_undone: true },
      { ...row, batch: "undo", is_undo: true, is_undone: false },
    ];
    decisions.recall(rows, [{ id: 1, name: "cat" }]);
    decisions.recall(rows, [{ id: 1, name: "cat" }]);
    expect(decisions.batches.map((batch) => [batch.id, batch.count, batch.class_name])).toEqual([
      ["old", 2, "cat"],
    ]);
    Object.assign(tiles[0] ?? {}, { answer: "accept", version: 1 });
    decisions.undo(find, "/undo/");
    expect(sent).toMatchObject([{ kind: "undo", batch: "old" }]);
    const undone = {
      batch: "old",
      operation_id: "id-0",
      kept: 0,
      undone: [{ item: 1, answer: "", version: 2 }],
    };
    decisions.saved(saved([], { undone }), find);
    expect(answers()[0]).toBe("");
    expect(decisions.batches[0]?.is_saved).toBe(true);
  });

  it("lie over a ranking that does not know them yet", () => {
    decisions.answer(tiles.slice(0, 1), "accept", CONTEXT);
    expect(decisions.overlay(tileOf(1)).answer).toBe("accept");
    expect(decisions.overlay(tileOf(1, { answer: "reject", version: 7 })).answer).toBe("reject");
  });

  it("from before a reload count as said", () => {
    decisions.answer(tiles.slice(0, 2), "accept", CONTEXT);
    decisions.undo(find, "/undo/");
    const later = new Decisions({ put: () => undefined, uuid: () => "", now: () => 0 });
    later.begin(1);
    later.restore(sent.slice(0, 2), 1);
    expect(later.overlay(tileOf(1)).answer).toBe("accept");
    later.restore(sent, 1);
    expect(later.overlay(tileOf(1)).answer).toBe("");
  });
});
