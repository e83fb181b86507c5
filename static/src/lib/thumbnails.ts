/** Thumbnails in packs of many, kept as blobs in a bounded cache that never drops what is on the screen. */

const MOST_IN_REQUEST = 100;

/** (item, JPEG) of a packed answer: u32 count, then per item u64 id and u32 size, then the JPEGs; little-endian. */
export function unpack(packed: ArrayBuffer): Map<number, Blob> {
  const view = new DataView(packed);
  const count = view.getUint32(0, true);
  let at = 4 + count * 12;
  const blobs = new Map<number, Blob>();
  for (let row = 0; row < count; row++) {
    const item = Number(view.getBigUint64(4 + row * 12, true));
    const size_bytes = view.getUint32(12 + row * 12, true);
    if (size_bytes) blobs.set(item, new Blob([packed.slice(at, at + size_bytes)], { type: "image/jpeg" }));
    at += size_bytes;
  }
  return blobs;
}

export interface Parts {
  fetch(items: readonly number[]): Promise<ArrayBuffer>;
  urlOf(blob: Blob): string;
  revoke(url: string): void;
  capacity: number;
}

/** `wanted` are asked for first come, first served; `onReady` tells which have come. */
export class Thumbnails {
  private readonly urls = new Map<number, string>(); // oldest use first
  private readonly failed = new Set<number>();
  private queue: number[] = [];
  private readonly queued = new Set<number>();
  private kept: ReadonlySet<number> = new Set();
  private isBusy = false;
  onReady: (items: readonly number[]) => void = () => undefined;

  constructor(private readonly parts: Parts) {}

  /** Its blob's URL, if it is here. */
  get(item: number): string | undefined {
    const url = this.urls.get(item);
    if (url === undefined) return undefined;
    this.urls.delete(item);
    this.urls.set(item, url);
    return url;
  }

  /** The pack does not have it: the item's own URL is the way. */
  isMissing(item: number): boolean {
    return this.failed.has(item);
  }

  /** On screen first, then what is likely next; what is no longer wanted is not asked for. */
  want(shown: readonly number[], next: readonly number[]): void {
    this.kept = new Set(shown);
    this.queued.clear();
    this.queue = [];
    for (const item of [...shown, ...next]) {
      if (this.urls.has(item) || this.failed.has(item) || this.queued.has(item)) continue;
      this.queued.add(item);
      this.queue.push(item);
    }
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    while (this.queue.length) {
      const items = this.queue.splice(0, MOST_IN_REQUEST);
      try {
        const blobs = unpack(await this.parts.fetch(items));
        for (const item of items) {
          const blob = blobs.get(item);
          if (blob) this.urls.set(item, this.parts.urlOf(blob));
          else this.failed.add(item);
        }
      } catch {
        for (const item of items) this.failed.add(item);
      }
      this.evict();
      this.onReady(items);
    }
    this.isBusy = false;
  }

  private evict(): void {
    for (const [item, url] of this.urls) {
      if (this.urls.size <= this.parts.capacity) return;
      if (this.kept.has(item)) continue;
      this.urls.delete(item);
      this.parts.revoke(url);
    }
  }
}
