import { describe, expect, it } from "vitest";
import {
  type Answered,
  bodyOf,
  firstGroup,
  MOST_OPERATIONS,
  Outbox,
  type Saved,
} from "../../static/src/lib/outbox";
import {
  type Entry,
  MemoryStore,
  type OutboxStore,
  OverflowingStore,
} from "../../static/src/lib/outbox-store";
import type { Operation, OperationResult } from "../../static/src/lib/wire";

function operation(item: number, part: Partial<Operation> = {}): Operation {
  return {
    operation_id: `op-${item}`,
    batch: "b",
    item,
    stack: null,
    class: 1,
    answer: "accept",
    base_version: 0,
    force: false,
    round: null,
    rank: null,
    mode: "similar",
    client_time: null,
    ...part,
  };
}

function verdict(item: number, part: Partial<Operation> = {}): Entry {
  return { kind: "verdict", url: "/verdicts/", operation: operation(item, part) };
}

function undo(batch: string): Entry {
  return { kind: "undo", url: "/undo/", batch, operation_id: `undo-${batch}`, class: 1, said: [] };
}

/** A server that keeps a ledger by operation id, and may be told to fail first. */
class Ledger {
  readonly requests: string[][] = [];
  readonly kept = new Set<string>();
  readonly undone: string[] = [];
  failures: Answered[] = [];
  conflicts = new Set<string>();
  refused = new Set<string>();
  forbidden = new Set<string>(); // of somebody else, say

  send = async (url: string, body: unknown): Promise<Answered> => {
    const { operations, batch } = body as { operations?: Operation[]; batch?: string };
    const ids = operations?.map((each) => each.operation_id) ?? [`undo ${batch}`];
    this.requests.push(ids);
    const failure = this.failures.shift();
    if (failure) return failure;
    if (ids.some((id) => this.forbidden.has(id))) return { status: 403, body: { detail: "not yours" } };
    if (ids.some((id) => this.refused.has(id))) return { status: 422, body: { detail: "no such item" } };
    if (url === "/undo/") {
      this.undone.push(String(batch));
      return { status: 200, body: { undone: [] } };
    }
    const results = (operations ?? []).map((each): OperationResult => {
      const common = { operation_id: each.operation_id, item: each.item, answer: each.answer };
      if (this.conflicts.has(each.operation_id))
        return { ...common, outcome: "conflict", version: 4, by: "mia" };
      const outcome = this.kept.has(each.operation_id) ? "duplicate" : "applied";
      this.kept.add(each.operation_id);
      return { ...common, outcome, version: each.base_version + 1 };
    });
    return { status: 200, body: { results } };
  };
}

function outboxOf(ledger: Ledger, store: OutboxStore = new MemoryStore(), isSameUser = async () => true) {
  const waits: number[] = [];
  const outbox = new Outbox({
    store,
    send: ledger.send,
    isSameUser,
    withLock: (work) => work(),
    wait: async (milliseconds) => void waits.push(milliseconds),
    random: () => 1,
  });
  return { outbox, waits };
}

const range = (stop: number) => Array.from({ length: stop }, (_, item) => item);

describe("the outbox", () => {
  it("sends again what was refused, once the reason has gone, and keeps each under its own operation", async () => {
    const ledger = new Ledger();
    ledger.forbidden = new Set(["op-1", "op-2"]);
    const { outbox } = outboxOf(ledger);
    await outbox.put([verdict(1), verdict(2), verdict(3)]);
    await outbox.drain();
    const refused = await outbox.problems();
    expect(refused.map(({ problem }) => problem?.kind)).toEqual(["refused", "refused"]);
    ledger.forbidden.clear();
    await outbox.again(refused.map(({ seq }) => seq));
    await outbox.drain();
    expect([...ledger.kept].sort()).toEqual(["op-1", "op-2", "op-3"]);
    expect(await outbox.problems()).toEqual([]);
    expect(outbox.unsaved).toBe(0);
  });

  it("sends in order, at most 100 operations a request, and is empty afterwards", async () => {
    const ledger = new Ledger();
    const { outbox } = outboxOf(ledger);
    await outbox.put(range(250).map((item) => verdict(item)));
    await outbox.drain();
    expect(ledger.requests.map((ids) => ids.length)).toEqual([100, 100, 50]);
    expect(ledger.requests.flat()).toEqual(range(250).map((item) => `op-${item}`));
    expect(outbox.unsaved).toBe(0);
  });

  it("counts a decision as unsaved before it is stored", () => {
    const { outbox } = outboxOf(new Ledger());
    void outbox.put([verdict(1), verdict(2)]);
    expect(outbox.unsaved).toBe(2);
  });

  it("repeats a lost answer with the same operation ids", async () => {
    const ledger = new Ledger();
    const { outbox } = outboxOf(ledger);
    ledger.failures = [
      { status: 0, body: null },
      { status: 503, body: null },
    ];
    await outbox.put([verdict(1)]);
    await outbox.drain();
    expect(ledger.requests).toEqual([["op-1"], ["op-1"], ["op-1"]]);
    expect([...ledger.kept]).toEqual(["op-1"]);
  });

  it("waits longer after every failure, up to 30 s", async () => {
    const ledger = new Ledger();
    const { outbox, waits } = outboxOf(ledger);
    ledger.failures = range(9).map(() => ({ status: 0, body: null }));
    await outbox.put([verdict(1)]);
    await outbox.drain();
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  it("sends after a reload what an earlier page has left", async () => {
    const store = new MemoryStore();
    await store.add(range(300).map((item) => verdict(item)));
    const ledger = new Ledger();
    const { outbox } = outboxOf(ledger, store);
    await outbox.recount();
    expect(outbox.unsaved).toBe(300);
    await outbox.drain();
    expect(ledger.kept.size).toBe(300);
  });

  it("keeps everything while the session has expired, and goes on once the same person is back", async () => {
    const ledger = new Ledger();
    let asked = 0;
    const { outbox } = outboxOf(ledger, new MemoryStore(), async () => ++asked > 3);
    const states: string[] = [];
    outbox.addEventListener("change", () => states.push(outbox.state));
    ledger.failures = [{ status: 403, body: null }];
    await outbox.put([verdict(1), verdict(2)]);
    await outbox.drain();
    expect(states).toContain("signed-out");
    expect(asked).toBe(4);
    expect(ledger.requests).toHaveLength(2); // nothing was sent before the person was known again
    expect([...ledger.kept]).toEqual(["op-1", "op-2"]);
  });

  it("holds nothing up by what the person may not do", async () => {
    const ledger = new Ledger();
    ledger.forbidden = new Set(["undo theirs", "op-2"]);
    const { outbox } = outboxOf(ledger);
    await outbox.put([undo("theirs"), verdict(1), verdict(2), verdict(3)]);
    await outbox.drain();
    expect([...ledger.kept]).toEqual(["op-1", "op-3"]);
    expect((await outbox.problems()).map((each) => each.problem?.reason)).toEqual(["not yours", "not yours"]);
    expect(outbox.state).toBe("idle");
  });

  it("saves the others when one operation is refused, and keeps the refused one with its reason", async () => {
    const ledger = new Ledger();
    ledger.refused = new Set(["op-2"]);
    const { outbox } = outboxOf(ledger);
    await outbox.put([verdict(1), verdict(2), verdict(3)]);
    await outbox.drain();
    expect([...ledger.kept]).toEqual(["op-1", "op-3"]);
    const problems = await outbox.problems();
    expect(problems.map((each) => each.problem?.reason)).toEqual(["no such item"]);
    expect(outbox.unsaved).toBe(0);
  });

  it("keeps a conflict with what the other person said", async () => {
    const ledger = new Ledger();
    ledger.conflicts = new Set(["op-1"]);
    const { outbox } = outboxOf(ledger);
    const saved: Saved[] = [];
    outbox.addEventListener("saved", (event) => saved.push((event as CustomEvent<Saved>).detail));
    await outbox.put([verdict(1), verdict(2)]);
    await outbox.drain();
    const [problem] = await outbox.problems();
    expect(problem?.problem).toMatchObject({ kind: "conflict", by: "mia", version: 4 });
    expect(saved[0]?.results.map((each) => each.outcome)).toEqual(["conflict", "applied"]);
    await outbox.dismiss(problem?.seq ?? 0);
    expect(await outbox.problems()).toEqual([]);
  });

  it("sends an undo after the answers it takes back", async () => {
    const ledger = new Ledger();
    const { outbox } = outboxOf(ledger);
    await outbox.put([verdict(1, { batch: "b1" })]);
    await outbox.put([undo("b1")]);
    await outbox.drain();
    expect(ledger.requests).toEqual([["op-1"], ["undo b1"]]);
    expect(ledger.undone).toEqual(["b1"]);
  });

  it("still counts what was put in while it looked, saw nothing and let go of the lock", async () => {
    const ledger = new Ledger();
    const store = new MemoryStore();
    const outbox: Outbox = new Outbox({
      store,
      send: ledger.send,
      isSameUser: async () => true,
      withLock: async (work) => {
        const done = await work();
        for (let turn = 0; turn < 20; turn++) await Promise.resolve(); // other tabs are told
        return done;
      },
      wait: async () => undefined,
      random: () => 1,
    });
    const all = store.all.bind(store);
    let looks = 0;
    store.all = async () => {
      const seen = await all();
      looks += 1;
      if (looks === 2) void outbox.put([undo("b")]); // after the look, before what it saw is acted on
      return seen;
    };
    const counted: number[] = [];
    outbox.addEventListener("saved", () => counted.push(outbox.unsaved));
    await outbox.put([verdict(1)]);
    const end = Date.now() + 2000;
    while (!ledger.undone.length && Date.now() < end) {
      expect(looks < 2 || outbox.unsaved === 1).toBe(true);
      await new Promise((done) => setTimeout(done, 0));
    }
    expect(ledger.undone).toEqual(["b"]);
    await outbox.drain();
    expect(counted).toEqual([0, 0]);
  });

  it("does not lose from the count what is put in while it counts", async () => {
    const store = new MemoryStore();
    const ledger = new Ledger();
    const { send } = ledger;
    let answer = () => undefined as unknown;
    const asked = new Promise((resolve) => {
      answer = () => resolve(undefined);
    });
    ledger.send = async (url, body) => {
      await asked;
      return send(url, body);
    };
    const { outbox } = outboxOf(ledger, store);
    const all = store.all.bind(store);
    store.all = async () => {
      store.all = all;
      const seen = await all();
      void outbox.put([verdict(1)]);
      return seen;
    };
    await outbox.recount();
    expect(outbox.unsaved).toBe(1);
    answer();
    await outbox.drain();
    expect(outbox.unsaved).toBe(0);
    expect([...ledger.kept]).toEqual(["op-1"]);
  });

  it("survives a random network: all arrive, none twice, in order", async () => {
    const ledger = new Ledger();
    let seed = 7;
    const random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    const outbox = new Outbox({
      store: new MemoryStore(),
      send: async (url, body) => {
        if (random() < 0.4) return { status: 0, body: null }; // lost on the way there
        const answer = await ledger.send(url, body);
        return random() < 0.4 ? { status: 0, body: null } : answer; // lost on the way back
      },
      isSameUser: async () => true,
      withLock: (work) => work(),
      wait: async () => undefined,
      random,
    });
    for (const item of range(1000)) void outbox.put([verdict(item)]);
    await outbox.put([]);
    await outbox.drain();
    expect([...ledger.kept]).toEqual(range(1000).map((item) => `op-${item}`));
  });
});

describe("a group", () => {
  const stored = (entries: Entry[]) => entries.map((entry, seq) => ({ ...entry, seq }));

  it("ends at an undo, at another class and at 100", () => {
    expect(firstGroup(stored([verdict(1), undo("b"), verdict(2)]))).toHaveLength(1);
    expect(firstGroup(stored([verdict(1), verdict(2), verdict(3, { class: 2 })]))).toHaveLength(2);
    expect(firstGroup(stored(range(120).map((item) => verdict(item))))).toHaveLength(MOST_OPERATIONS);
    expect(firstGroup([])).toEqual([]);
  });

  it("carries an undo alone", () => {
    expect(bodyOf(stored([undo("b")]))).toEqual({ batch: "b", operation_id: "undo-b" });
  });
});

describe("the store of a full disk", () => {
  it("keeps in memory what the disk refuses, and everything after, in order", async () => {
    const disk = new MemoryStore();
    const store = new OverflowingStore(disk);
    const ledger = new Ledger();
    ledger.failures = Array(3).fill({ status: 0, body: null });
    ledger.refused = new Set(["op-4"]);
    const { outbox } = outboxOf(ledger, store);
    await store.add([verdict(0), verdict(1)]);
    const add = disk.add;
    disk.add = async () => Promise.reject(new DOMException("full", "QuotaExceededError"));
    await store.add([verdict(2)]);
    disk.add = add;
    await outbox.put([verdict(3), verdict(4), undo("b")]);
    expect(await disk.all()).toHaveLength(2);
    await outbox.drain();
    expect([...ledger.kept]).toEqual(["op-0", "op-1", "op-2", "op-3"]);
    expect(ledger.undone).toEqual(["b"]);
    expect((await outbox.problems()).map((entry) => entry.problem?.reason)).toEqual(["no such item"]);
    await outbox.dismiss((await outbox.problems())[0]?.seq ?? 0);
    expect(await store.all()).toEqual([]);
  });
});
