/** Which tiles the next key is about: a cursor, and a set chosen by range, lasso or one by one. No DOM. */

/** The first index after `from` that is not decided, else the last one; -1 for an empty list. */
export function nextUndecided(isDecided: (index: number) => boolean, from: number, length: number): number {
  for (let index = from + 1; index < length; index++) if (!isDecided(index)) return index;
  return length - 1;
}

/** All indexes between two ends, both included, in order: rangeOf(5, 3) is [3, 4, 5]. */
export function rangeOf(one: number, other: number): number[] {
  const start = Math.min(one, other);
  return Array.from({ length: Math.abs(one - other) + 1 }, (_, step) => start + step);
}

export class Selection {
  cursor = 0;
  readonly chosen = new Set<number>();
  private anchor = 0;
  private base: ReadonlySet<number> = new Set();

  /** The cursor goes to `index`; with `extend` everything from the anchor to it is chosen. */
  move(index: number, extend: boolean, length: number): void {
    this.cursor = Math.max(0, Math.min(index, length - 1));
    if (!extend) {
      this.chosen.clear();
      this.anchor = this.cursor;
      return;
    }
    this.chosen.clear();
    for (const each of rangeOf(this.anchor, this.cursor)) this.chosen.add(each);
  }

  toggle(index: number): void {
    if (!this.chosen.delete(index)) this.chosen.add(index);
    this.cursor = this.anchor = index;
  }

  all(length: number): void {
    for (let index = 0; index < length; index++) this.chosen.add(index);
  }

  invert(length: number): void {
    for (let index = 0; index < length; index++) if (!this.chosen.delete(index)) this.chosen.add(index);
  }

  /** A lasso begins: what it covers is added to what was chosen before (`keep`) or replaces it. */
  beginLasso(keep: boolean): void {
    this.base = keep ? new Set(this.chosen) : new Set();
  }

  lasso(covered: readonly number[]): void {
    this.chosen.clear();
    for (const index of this.base) this.chosen.add(index);
    for (const index of covered) this.chosen.add(index);
    const last = covered.at(-1);
    if (last !== undefined) this.cursor = this.anchor = last;
  }

  clear(): void {
    this.chosen.clear();
  }

  reset(): void {
    this.chosen.clear();
    this.cursor = this.anchor = 0;
  }

  /** The chosen indexes in order, or the cursor alone. */
  targets(length: number): number[] {
    const chosen = [...this.chosen].filter((index) => index < length).sort((one, other) => one - other);
    if (chosen.length) return chosen;
    return length ? [Math.min(this.cursor, length - 1)] : [];
  }
}
