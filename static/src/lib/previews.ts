/** The frames of clips, small, to play on tiles: each clip's are fetched once, and few clips' are kept. */

import { unpackRun } from "./frame-store";

const KEPT = 24; // clips

export interface Preview {
  pts: readonly number[];
  urls: readonly string[]; // of small pictures, in the order of `pts`
}

export interface PreviewParts {
  fetch(item: number): Promise<ArrayBuffer>;
  urlOf(blob: Blob): string;
  revoke(url: string): void;
}

export class Previews {
  private readonly kept = new Map<number, Promise<Preview>>(); // oldest use first

  constructor(private readonly parts: PreviewParts) {}

  /** The frames of an item of a video; one that failed is asked for again the next time. */
  of(item: number): Promise<Preview> {
    const known = this.kept.get(item) ?? this.ask(item);
    this.kept.delete(item);
    this.kept.set(item, known);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT && oldest !== undefined) this.drop(oldest);
    return known;
  }

  private async ask(item: number): Promise<Preview> {
    try {
      const frames = [...unpackRun(await this.parts.fetch(item))];
      return { pts: frames.map(([pts]) => pts), urls: frames.map(([, blob]) => this.parts.urlOf(blob)) };
    } catch (error) {
      this.kept.delete(item);
      throw error;
    }
  }

  private drop(item: number): void {
    const dropped = this.kept.get(item);
    this.kept.delete(item);
    void dropped
      ?.then(({ urls }) => {
        for (const url of urls) this.parts.revoke(url);
      })
      .catch(() => undefined);
  }
}
