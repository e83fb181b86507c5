// @vitest-environment node

import { expect, test, vi } from "vitest";
import { CHUNK_BYTES, keyOf, type Memory, UploadQueue } from "../../static/src/lib/upload-queue";
import { UploadRefused, type UploadServer } from "../../static/src/lib/upload-server";

const PATIENT = { timeout: 20_000 }; // hashing is quick, the machine may not be

/** A server that holds bytes in memory; `failures` are thrown by `send` of that file, one per call. */
class FakeServer implements UploadServer {
  readonly held = new Map<string, number>();
  readonly finished: string[][] = [];
  readonly sends: number[] = [];
  readonly failures = new Map<string, Error[]>();

  async begin(name: string): Promise<{ id: string; received: number }> {
    const id = `id-of-${name}`;
    this.held.set(id, 0);
    return { id, received: 0 };
  }
  async received(id: string): Promise<number | undefined> {
    return this.held.get(id);
  }
  async send(id: string, offset: number, bytes: Blob): Promise<number> {
    const failure = this.failures.get(id)?.shift();
    if (failure) throw failure;
    if (offset !== this.held.get(id)) throw new UploadRefused("wrong offset", false);
    this.sends.push(offset);
    this.held.set(id, offset + bytes.size);
    return offset + bytes.size;
  }
  async finish(ids: readonly string[]): Promise<void> {
    this.finished.push([...ids]);
  }
}

function memoryOf(entries: Record<string, string> = {}): Memory & { kept: Map<string, string> } {
  const kept = new Map(Object.entries(entries));
  return {
    kept,
    get: (key) => kept.get(key) ?? null,
    set: (key, id) => void kept.set(key, id),
    forget: (key) => void kept.delete(key),
  };
}

function queueOf(server: UploadServer, memory: Memory = memoryOf()) {
  const finished = vi.fn();
  const queue = new UploadQueue(
    server,
    memory,
    new AbortController().signal,
    () => {},
    finished,
    async () => {},
  );
  return { queue, finished };
}

const fileOf = (name: string, size: number) => new File([new Uint8Array(size)], name, { lastModified: 7 });

test("a file is sent in chunks, in order, and then given to the ingest", async () => {
  const server = new FakeServer();
  const { queue, finished } = queueOf(server);
  queue.add([{ name: "a.mp4", file: fileOf("a.mp4", CHUNK_BYTES + 5) }]);
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(server.sends).toEqual([0, CHUNK_BYTES]);
  expect(server.finished).toEqual([["id-of-a.mp4"]]);
});

test("many files are one ingest", async () => {
  const server = new FakeServer();
  const { queue, finished } = queueOf(server);
  queue.add(["a", "b", "c", "d", "e"].map((name) => ({ name, file: fileOf(name, 3) })));
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(server.finished.map((ids) => ids.length)).toEqual([5]);
});

test("a lost connection is tried again from what the server has", async () => {
  const server = new FakeServer();
  server.failures.set("id-of-a", [new TypeError("network"), new UploadRefused("busy", false)]);
  const { queue, finished } = queueOf(server);
  queue.add([{ name: "a", file: fileOf("a", 9) }]);
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(queue.totals).toMatchObject({ done: 1, failed: 0, sent: 9 });
});

test("a final refusal fails that file alone, with the server's words", async () => {
  const server = new FakeServer();
  server.failures.set("id-of-a", [new UploadRefused("The disk is full.", true)]);
  const { queue, finished } = queueOf(server);
  queue.add(["a", "b"].map((name) => ({ name, file: fileOf(name, 3) })));
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(queue.entries.map((entry) => [entry.state, entry.error])).toEqual([
    ["failed", "The disk is full."],
    ["done", ""],
  ]);
});

test("the same file dropped again after a reload goes on where it was", async () => {
  const server = new FakeServer();
  const file = fileOf("a.mp4", CHUNK_BYTES + 5);
  server.held.set("id-of-a.mp4", CHUNK_BYTES);
  const { queue, finished } = queueOf(server, memoryOf({ [keyOf("a.mp4", file)]: "id-of-a.mp4" }));
  queue.add([{ name: "a.mp4", file }]);
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(server.sends).toEqual([CHUNK_BYTES]);
});

test("what was sent is forgotten", async () => {
  const memory = memoryOf();
  const { queue, finished } = queueOf(new FakeServer(), memory);
  queue.add([{ name: "a", file: fileOf("a", 3) }]);
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
  expect(memory.kept.size).toBe(0);
});

test("nothing is sent while paused, everything after", async () => {
  const server = new FakeServer();
  const { queue, finished } = queueOf(server);
  queue.pause();
  queue.add([{ name: "a", file: fileOf("a", 3) }]);
  await new Promise((done) => setTimeout(done, 5));
  expect(server.sends).toEqual([]);
  queue.resume();
  await vi.waitFor(() => expect(finished).toHaveBeenCalled(), PATIENT);
});

test("a retry sends only what had failed", async () => {
  const server = new FakeServer();
  server.failures.set("id-of-a", [new UploadRefused("no", true)]);
  const { queue, finished } = queueOf(server);
  queue.add(["a", "b"].map((name) => ({ name, file: fileOf(name, 3) })));
  await vi.waitFor(() => expect(finished).toHaveBeenCalledTimes(1), PATIENT);
  queue.retry();
  await vi.waitFor(() => expect(finished).toHaveBeenCalledTimes(2), PATIENT);
  expect(server.finished).toEqual([["id-of-b"], ["id-of-a"]]);
});
