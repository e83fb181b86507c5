/** What each item of the class on the page is known to be answered: as the server told, and as was said here since. */

import type { Known } from "./batches";
import { classOf } from "./outbox";
import type { Entry } from "./outbox-store";
import type { Answer, Tile } from "./wire";

/** The tile on the page that shows an item, if one does. */
export type Find = (item: number) => Tile | undefined;

/** Fires "painted" (item ids whose answer changed). */
export class KnownAnswers extends EventTarget {
  protected label_class: number | null = null;
  protected readonly known = new Map<number, Known>(); // what was last said here, per item of the current class

  /** Another label class, other answers. */
  begin(label_class: number | null): void {
    this.label_class = label_class;
    this.known.clear();
  }

  /** A tile as the server has it, with what was said here since. */
  overlay(tile: Tile): Tile {
    const known = this.known.get(tile.item);
    return known && known.version > tile.version ? shown(tile, known) : tile;
  }

  /** A tile that is on the page already: what was refused is taken off it, too. */
  repaint(tile: Tile): Tile {
    const known = this.known.get(tile.item);
    return known?.refused_version === tile.version ? shown(tile, known) : this.overlay(tile);
  }

  /** What waits in the outbox from an earlier page counts as said. */
  restore(entries: readonly Entry[], label_class: number): void {
    for (const entry of entries) {
      if (classOf(entry) !== label_class) continue;
      if (entry.kind === "undo") {
        for (const { item, answer, version } of entry.said) this.known.set(item, { answer, version });
        continue;
      }
      const { item, answer, base_version } = entry.operation;
      this.known.set(item, { answer, version: base_version + 1 });
    }
  }

  protected versionOf(item: number, find: Find): number {
    return this.known.get(item)?.version ?? find(item)?.version ?? 0;
  }

  /** Without `is_derived`: as it was, where the answer is. */
  protected know(item: number, known: Known, find: Find): void {
    const is_derived = known.is_derived ?? this.isDerived(item, known.answer);
    const tile = find(item);
    this.known.set(item, { ...known, is_derived });
    if (tile) shown(tile, { ...known, is_derived });
  }

  private isDerived(item: number, answer: Answer | ""): boolean {
    const known = this.known.get(item);
    return known?.answer === answer && (known.is_derived ?? false);
  }

  protected painted(items: number[]): void {
    this.dispatchEvent(new CustomEvent<number[]>("painted", { detail: items }));
  }
}

function shown(tile: Tile, { answer, version, is_derived = false }: Known): Tile {
  return Object.assign(tile, { answer, version, is_derived });
}
