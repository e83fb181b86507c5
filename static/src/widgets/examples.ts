/** Where the terms of the query come from: keys, drags, drawn boxes and uploaded images. */

import { addressed, partOf } from "../lib/box";
import type { Session } from "../lib/session";
import type { Term, Tile } from "../lib/wire";
import type { FrameDialog } from "./frame-dialog";
import type { QueryBar } from "./query-bar";

export function termOf(tile: Tile, weight: number): Term {
  return { kind: "item", item: tile.item, box: null, weight };
}

export class Examples {
  constructor(
    private readonly session: Session,
    private readonly bar: QueryBar,
    private readonly frame: FrameDialog,
  ) {}

  /** The selection, or the tile at the cursor, as + or - terms. */
  add(weight: number): void {
    const { session } = this;
    const added = session.targets().map((tile) => termOf(tile, weight));
    if (!added.length) return;
    const others = session.query.terms.filter(
      (term) => !added.some((each) => each.item === term.item && !term.box),
    );
    void session.setTerms([...others, ...added]);
  }

  /** Opens the frame or the uploaded image of a term to draw on; on the part that was found, where one was. */
  drawBox(term: Term): void {
    const { api, ranking } = this.session;
    const is_image = term.kind === "image";
    const tile = is_image ? null : (ranking.find(term.item ?? 0) ?? null);
    this.frame.open({
      url: is_image ? api.url("query_image", term.image) : api.url("item_frame", term.item),
      tile,
      term,
      start: tile ? partOf(tile) : null,
    });
  }

  /** A box takes the place of the whole picture it was drawn on. */
  boxed({ term, box }: { term: Term; box: Term["box"] }): void {
    const isWhole = (other: Term) => other.kind === term.kind && other.item === term.item && !other.box;
    const others = this.session.query.terms.filter(
      (other) => other !== term && !(term.item && isWhole(other)),
    );
    void this.session.setTerms([...others, { ...term, box: box && addressed(box) }]);
  }

  async upload(image: Blob): Promise<void> {
    const { session } = this;
    const { id } = await session.api.post<{ id: string }>(session.api.url("query_images"), image);
    await session.addTerm({ kind: "image", image: id, box: null, weight: 1 });
  }

  /** A tile on its way out of the grid: the bar lights up while it is above. */
  carried(event: CustomEvent<{ x: number; y: number; is_outside: boolean } | null>): void {
    this.bar.target = event.detail?.is_outside === true && this.isOverBar(event.detail);
  }

  /** A tile let go of outside the grid. */
  dragged(event: CustomEvent<{ tile: Tile; x: number; y: number }>): void {
    if (this.isOverBar(event.detail)) void this.session.addTerm(termOf(event.detail.tile, 1));
  }

  private isOverBar({ x, y }: { x: number; y: number }): boolean {
    return this.bar.contains(document.elementFromPoint(x, y));
  }
}
