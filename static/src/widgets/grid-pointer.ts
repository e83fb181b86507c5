/**
 * Mouse, pen and touch on the grid. A click picks, shift and ctrl extend, a drag draws a lasso; a drag that ends
 * outside the grid carries the tile it began on ("grid-dragged"), which is how a tile gets into the query bar.
 * A finger scrolls, taps to pick, twice to peek, and selects when held, after which each tap adds or takes away.
 */

import { tilesWithin } from "../lib/grid-window";
import type { ResultGrid } from "./result-grid";
import type { StackScrub } from "./stack-scrub";

const DRAG_PX = 6; // less is a click with an unsteady hand
const HOLD_MS = 450; // a finger that stays this long selects
const DOUBLE_TAP_MS = 350;

interface Point {
  x: number;
  y: number;
}

export class GridPointer {
  private readonly rectangle = document.createElement("div");
  private began: (Point & { index: number; pointer: number; keep: boolean }) | null = null;
  private is_drag = false;
  private held: ReturnType<typeof setTimeout> | undefined;
  private tapped = { index: -1, at_ms: 0 };

  constructor(
    private readonly grid: ResultGrid,
    private readonly scroller: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly scrub: StackScrub,
  ) {
    this.rectangle.className = "grid-lasso";
    this.rectangle.hidden = true;
    canvas.append(this.rectangle);
    scroller.addEventListener("pointerdown", this.down);
    scroller.addEventListener("pointermove", this.move);
    scroller.addEventListener("pointerup", this.up);
    scroller.addEventListener("pointercancel", this.cancel);
    scroller.addEventListener("pointerleave", () => this.scrub.leave());
    scroller.addEventListener("contextmenu", (event) => {
      if ((event as PointerEvent).pointerType === "touch") event.preventDefault(); // a held finger selects
    });
    scroller.addEventListener("dblclick", (event) => {
      const index = this.indexAt(event);
      if (index >= 0) grid.tell("grid-open", index);
    });
  }

  private readonly down = (event: PointerEvent): void => {
    if (event.button !== 0 || event.offsetX >= this.scroller.clientWidth) return; // the scrollbar
    const keep = event.ctrlKey || event.metaKey || event.shiftKey;
    this.began = { ...this.pointAt(event), index: this.indexAt(event), pointer: event.pointerId, keep };
    this.is_drag = false;
    if (event.pointerType === "touch") this.hold(this.began.index);
  };

  /** Selecting with a finger begins with a tile that is held. */
  private hold(index: number): void {
    clearTimeout(this.held);
    if (index < 0) return;
    this.held = setTimeout(() => {
      this.began = null;
      this.grid.tell("grid-pick", { index, extend: false, toggle: true });
    }, HOLD_MS);
  }

  private tap(index: number, at_ms: number): void {
    const is_double = index === this.tapped.index && at_ms - this.tapped.at_ms < DOUBLE_TAP_MS;
    this.tapped = { index, at_ms };
    if (is_double) this.grid.tell("grid-open", index);
  }

  private readonly move = (event: PointerEvent): void => {
    const { began } = this;
    if (!began) {
      this.hover(event);
      return;
    }
    const now = this.pointAt(event);
    if (event.pointerType === "touch") {
      if (Math.hypot(now.x - began.x, now.y - began.y) > DRAG_PX) clearTimeout(this.held); // it scrolls
      return;
    }
    if (!this.is_drag) {
      if (Math.hypot(now.x - began.x, now.y - began.y) < DRAG_PX) return;
      this.is_drag = true;
      this.scrub.leave();
      this.scroller.setPointerCapture(began.pointer);
      this.grid.selection?.beginLasso(began.keep);
      this.rectangle.hidden = false;
    }
    const is_outside = this.isOutside(event);
    this.rectangle.hidden = is_outside;
    if (is_outside) {
      this.carry(event, "over");
      return;
    }
    this.carry(event, "in");
    this.drawLasso(began, now);
    this.scrollAtEdge(event);
  };

  private readonly up = (event: PointerEvent): void => {
    const { began, is_drag } = this;
    const is_carried = is_drag && this.isOutside(event);
    if (is_carried) this.carry(event, "drop");
    this.cancel();
    if (!began || is_drag) return;
    if (began.index < 0) {
      this.grid.tell("grid-pick", { index: -1, extend: false, toggle: false });
      return;
    }
    const is_touch = event.pointerType === "touch";
    const is_selecting = is_touch && (this.grid.selection?.chosen.size ?? 0) > 0;
    const toggle = event.ctrlKey || event.metaKey || is_selecting;
    if (is_touch && !is_selecting) this.tap(began.index, event.timeStamp);
    this.grid.tell("grid-pick", { index: began.index, extend: event.shiftKey, toggle });
  };

  private readonly cancel = (): void => {
    clearTimeout(this.held);
    this.began = null;
    this.is_drag = false;
    this.rectangle.hidden = true;
    this.grid.tell("grid-carry", null);
  };

  private hover(event: PointerEvent): void {
    const index = this.indexAt(event);
    const view = index < 0 ? undefined : this.grid.viewOf(index);
    if (event.pointerType === "touch" || !view) {
      this.scrub.leave();
      return;
    }
    const { left, width } = view.root.getBoundingClientRect();
    this.scrub.over(view, (event.clientX - left) / width);
  }

  /** A tile on its way out of the grid; whoever is below takes it. */
  private carry(event: PointerEvent, phase: "in" | "over" | "drop"): void {
    const tile = this.grid.tiles[this.began?.index ?? -1];
    if (!tile) return;
    if (phase === "drop") this.grid.selection?.clear();
    this.grid.tell(phase === "drop" ? "grid-dragged" : "grid-carry", {
      tile,
      x: event.clientX,
      y: event.clientY,
      is_outside: phase !== "in",
    });
    if (phase === "drop") this.grid.repaint();
  }

  private drawLasso(began: Point, now: Point): void {
    const [x0, x1] = [Math.min(began.x, now.x), Math.max(began.x, now.x)];
    const [y0, y1] = [Math.min(began.y, now.y), Math.max(began.y, now.y)];
    const { style } = this.rectangle;
    style.transform = `translate(${x0}px, ${y0}px)`;
    style.width = `${x1 - x0}px`;
    style.height = `${y1 - y0}px`;
    this.grid.selection?.lasso(tilesWithin({ x0, y0, x1, y1 }, this.grid.tiles.length, this.grid.layout));
    this.grid.repaint();
    this.grid.tell("grid-lasso", null);
  }

  private scrollAtEdge(event: PointerEvent): void {
    const { top, bottom } = this.scroller.getBoundingClientRect();
    if (event.clientY < top + 24) this.scroller.scrollTop -= 24;
    if (event.clientY > bottom - 24) this.scroller.scrollTop += 24;
  }

  private isOutside(event: PointerEvent): boolean {
    const { left, right, top, bottom } = this.scroller.getBoundingClientRect();
    return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
  }

  private indexAt(event: MouseEvent): number {
    const root = (event.target as Element | null)?.closest?.<HTMLElement>(".tile");
    const index = root ? Number(root.dataset.index) : -1;
    return index < this.grid.tiles.length ? index : -1;
  }

  private pointAt(event: MouseEvent): Point {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}
