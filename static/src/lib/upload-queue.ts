/** Sends files in chunks, a few at a time; stops and goes on; what is there already is never sent again. */

import { UploadRefused, type UploadServer } from "./upload-server";

export const CHUNK_BYTES = 8 * 2 ** 20;
const HASH_UP_TO_BYTES = 512 * 2 ** 20; // crypto.subtle wants the whole file in memory
const AT_ONCE = 3;
const TRIES = 6;
const FIRST_WAIT_MS = 800;

export type State = "waiting" | "hashing" | "sending" | "done" | "failed";

export interface Entry {
  readonly name: string; // with its folders
  readonly file: File;
  state: State;
  sent: number;
  id: string;
  error: string;
}

/** Where an unfinished upload of a file is remembered, so that dropping it again after a reload goes on. */
export interface Memory {
  get(key: string): string | null;
  set(key: string, id: string): void;
  forget(key: string): void;
}

export const keyOf = (name: string, file: File): string => `upload:${name}:${file.size}:${file.lastModified}`;

export async function sha256Of(file: File): Promise<string> {
  if (file.size > HASH_UP_TO_BYTES || !globalThis.crypto?.subtle) return "";
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new UploadRefused("This file cannot be read any more. Choose it again.", true);
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class UploadQueue {
  readonly entries: Entry[] = [];
  isPaused = false;
  private active = 0;
  private unfinished: string[] = []; // done, but not yet given to the ingest

  constructor(
    private readonly server: UploadServer,
    private readonly memory: Memory,
    private readonly signal: AbortSignal,
    private readonly changed: () => void,
    private readonly finished: () => void,
    private readonly wait: (ms: number) => Promise<void> = (ms) =>
      new Promise((done) => setTimeout(done, ms)),
  ) {}

  add(files: readonly { name: string; file: File }[]): void {
    for (const { name, file } of files) {
      const known = this.entries.some(
        (each) => each.name === name && each.file.size === file.size && each.state !== "failed",
      );
      if (!known) this.entries.push({ name, file, state: "waiting", sent: 0, id: "", error: "" });
    }
    this.pump();
  }

  pause(): void {
    this.isPaused = true;
    this.changed();
  }

  resume(): void {
    this.isPaused = false;
    this.pump();
  }

  retry(): void {
    for (const entry of this.entries)
      if (entry.state === "failed") Object.assign(entry, { state: "waiting", error: "" });
    this.pump();
  }

  get totals(): { files: number; done: number; failed: number; bytes: number; sent: number } {
    const count = (state: State) => this.entries.filter((each) => each.state === state).length;
    const sum = (of: (entry: Entry) => number) => this.entries.reduce((total, each) => total + of(each), 0);
    return {
      files: this.entries.length,
      done: count("done"),
      failed: count("failed"),
      bytes: sum((each) => each.file.size),
      sent: sum((each) => each.sent),
    };
  }

  private pump(): void {
    while (!this.isPaused && !this.signal.aborted && this.active < AT_ONCE) {
      const next = this.entries.find((each) => each.state === "waiting");
      if (!next) break;
      this.active += 1;
      void this.upload(next).finally(() => {
        this.active -= 1;
        this.pump();
        void this.finishIfIdle();
      });
    }
    this.changed();
  }

  private async upload(entry: Entry): Promise<void> {
    const key = keyOf(entry.name, entry.file);
    try {
      entry.state = "hashing";
      this.changed();
      if (!entry.id) await this.begin(entry, key);
      entry.state = "sending";
      await this.send(entry);
      if (entry.sent < entry.file.size) {
        entry.state = "waiting"; // paused: goes on from here
        return;
      }
      entry.state = "done";
      this.unfinished.push(entry.id);
      this.memory.forget(key);
    } catch (error) {
      if (this.signal.aborted) return;
      entry.state = "failed";
      entry.error =
        error instanceof UploadRefused
          ? error.message
          : "The server cannot be reached. Retry when it is back.";
      if (error instanceof UploadRefused && error.isFinal) {
        this.memory.forget(key);
        entry.id = "";
        entry.sent = 0;
      }
    } finally {
      this.changed();
    }
  }

  private async begin(entry: Entry, key: string): Promise<void> {
    const id = this.memory.get(key);
    const received = id ? await this.server.received(id, this.signal).catch(() => undefined) : undefined;
    if (id && received !== undefined) {
      Object.assign(entry, { id, sent: received });
      return;
    }
    const sha256 = await sha256Of(entry.file);
    const made = await this.server.begin(entry.name, entry.file.size, sha256, this.signal);
    Object.assign(entry, { id: made.id, sent: made.received });
    this.memory.set(key, made.id);
  }

  private async send(entry: Entry): Promise<void> {
    let tries = 0;
    while (entry.sent < entry.file.size && !this.isPaused) {
      try {
        const bytes = entry.file.slice(entry.sent, entry.sent + CHUNK_BYTES);
        entry.sent = await this.server.send(entry.id, entry.sent, bytes, this.signal);
        tries = 0;
        this.changed();
      } catch (error) {
        tries += 1;
        if (this.signal.aborted || tries >= TRIES || (error instanceof UploadRefused && error.isFinal))
          throw error;
        await this.wait(FIRST_WAIT_MS * 2 ** (tries - 1));
        entry.sent =
          (await this.server.received(entry.id, this.signal).catch(() => entry.sent)) ?? entry.sent;
      }
    }
  }

  private async finishIfIdle(): Promise<void> {
    const isBusy = this.active > 0 || this.entries.some((each) => each.state === "waiting");
    if (isBusy || this.unfinished.length === 0) return;
    const ids = this.unfinished;
    this.unfinished = [];
    try {
      await this.server.finish(ids, this.signal);
      this.finished();
    } catch (error) {
      if (this.signal.aborted) return;
      this.unfinished = [...ids, ...this.unfinished];
      const words = error instanceof Error ? error.message : String(error);
      for (const entry of this.entries)
        if (ids.includes(entry.id)) Object.assign(entry, { state: "failed", error: words });
      this.changed();
    }
  }
}
