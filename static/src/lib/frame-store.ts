/** Pictures of frames, asked for in runs of neighbors and kept up to a number of bytes. No DOM. */

import type { FrameTable } from "./frame-table";

/** (pts, JPEG) of a packed answer: u32 count, per frame i64 pts and u32 size, then the JPEGs; little-endian. */
export function unpackRun(packed: ArrayBuffer): Map<number, Blob> {
  const view = new DataView(packed);
  const count = view.getUint32(0, true);
  let at = 4 + count * 12;
  const blobs = new Map<number, Blob>();
  for (let row = 0; row < count; row++) {
    const pts = Number(view.getBigInt64(4 + row * 12, true));
    const size_bytes = view.getUint32(12 + row * 12, true);
    blobs.set(pts, new Blob([packed.slice(at, at + size_bytes)], { type: "image/jpeg" }));
    at += size_bytes;
  }
  return blobs;
}

export interface StoreParts {
  fetch(pts: readonly number[]): Promise<ArrayBuffer>;
  num_in_run: number; // neighbors that come together: one pass of the decoder
  capacity_bytes: number;
}

/** A frame that the server could not give: its file is damaged there, or gone. */
export class FrameMissing extends Error {}

export class FrameStore {
  private readonly held = new Map<number, Blob>(); // by place, oldest use first
  private readonly coming = new Map<number, Promise<Map<number, Blob>>>(); // by run
  private size_bytes = 0;

  constructor(
    private readonly table: FrameTable,
    private readonly parts: StoreParts,
  ) {}

  /** The picture, if it is here. */
  get(place: number): Blob | undefined {
    const blob = this.held.get(place);
    if (blob) {
      this.held.delete(place);
      this.held.set(place, blob);
    }
    return blob;
  }

  /** One frame alone, as fast as can be; FrameMissing where there is none. */
  async load(place: number): Promise<Blob> {
    const held = this.get(place) ?? (await this.coming.get(this.runOf(place)))?.get(place);
    if (held) return held;
    const pts = this.table.ptsAt(place);
    const blob = unpackRun(await this.parts.fetch([pts])).get(pts);
    if (!blob) throw new FrameMissing(`There is no frame at pts ${pts}`);
    this.put(place, blob);
    return blob;
  }

  /** Have the run of `place` come, and the next one in the direction of travel where its edge is near. */
  async surround(place: number, direction: -1 | 0 | 1): Promise<void> {
    const { num_in_run } = this.parts;
    const ahead = this.table.clamp(place + direction * Math.ceil(num_in_run / 2));
    await this.run(this.runOf(place));
    if (this.runOf(ahead) !== this.runOf(place)) await this.run(this.runOf(ahead));
  }

  private runOf(place: number): number {
    return Math.floor(place / this.parts.num_in_run);
  }

  private run(run: number): Promise<Map<number, Blob>> {
    const coming = this.coming.get(run);
    if (coming) return coming;
    const first = run * this.parts.num_in_run;
    const stop = Math.min(first + this.parts.num_in_run, this.table.length);
    const missing = range(first, stop).filter((place) => !this.held.has(place));
    if (!missing.length) return Promise.resolve(new Map());
    const asked = this.ask(missing).finally(() => this.coming.delete(run));
    this.coming.set(run, asked);
    return asked;
  }

  private async ask(places: readonly number[]): Promise<Map<number, Blob>> {
    const blobs = unpackRun(await this.parts.fetch(places.map((place) => this.table.ptsAt(place))));
    const found = new Map<number, Blob>();
    for (const place of places) {
      const blob = blobs.get(this.table.ptsAt(place));
      if (!blob) continue;
      found.set(place, blob);
      this.put(place, blob);
    }
    return found;
  }

  private put(place: number, blob: Blob): void {
    this.size_bytes += blob.size - (this.held.get(place)?.size ?? 0);
    this.held.delete(place);
    this.held.set(place, blob);
    for (const [oldest, { size }] of this.held) {
      if (this.size_bytes <= this.parts.capacity_bytes || this.held.size <= 1) return;
      this.held.delete(oldest);
      this.size_bytes -= size;
    }
  }
}

function range(start: number, stop: number): number[] {
  return Array.from({ length: Math.max(0, stop - start) }, (_, step) => start + step);
}
