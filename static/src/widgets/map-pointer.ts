/** Mouse, pen and touch on the map: a drag moves it, two fingers and the wheel zoom, shift + drag draws a lasso. */

import type { Camera } from "../lib/map-camera";

const LEAST_CORNER_PX = 4; // less is an unsteady hand

export type Place = [number, number]; // left, top on the screen

/** What the gestures do. `lassoed`: corners on the screen. */
export interface Gestures {
  is_lasso(): boolean;
  moved(is_map: boolean): void; // the map, or only the lasso
  hovered(at: Place | null): void;
  picked(at: Place): void;
  lassoed(corners: Place[]): void;
}

export class MapPointer {
  lasso: Place[] = []; // while it is being drawn
  private readonly fingers = new Map<number, Place>();
  private travelled = 0;

  constructor(
    private readonly surface: HTMLElement,
    private readonly camera: Camera,
    private readonly gestures: Gestures,
  ) {
    surface.addEventListener("pointerdown", (event) => this.press(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", (event) => this.release(event));
    surface.addEventListener("pointercancel", (event) => this.release(event));
    surface.addEventListener("pointerleave", () => gestures.hovered(null));
    surface.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.surface.setPointerCapture(event.pointerId);
    const at: Place = [event.offsetX, event.offsetY];
    this.fingers.set(event.pointerId, at);
    this.travelled = 0;
    this.lasso = (event.shiftKey || this.gestures.is_lasso()) && this.fingers.size === 1 ? [at] : [];
  }

  private move(event: PointerEvent): void {
    const at: Place = [event.offsetX, event.offsetY];
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.gestures.hovered(at);
      return;
    }
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, at);
    this.travelled += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
    if (!other && this.lasso.length) {
      const end = this.lasso.at(-1) ?? at;
      if (Math.hypot(at[0] - end[0], at[1] - end[1]) >= LEAST_CORNER_PX) this.lasso.push(at);
      this.gestures.moved(false);
      return;
    }
    if (other) {
      const apart = (one: Place) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      this.camera.zoomAt(other[0], other[1], apart(at) / Math.max(1, apart(before)));
    } else {
      this.camera.pan(at[0] - before[0], at[1] - before[1]);
      this.gestures.hovered(null);
    }
    this.gestures.moved(true);
  }

  private release(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId)) return;
    const corners = this.lasso;
    this.lasso = [];
    if (corners.length > 2) this.gestures.lassoed(corners);
    else if (this.travelled < LEAST_CORNER_PX && event.type === "pointerup")
      this.gestures.picked([event.offsetX, event.offsetY]);
    this.gestures.moved(false);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016));
    this.camera.zoomAt(event.offsetX, event.offsetY, factor);
    this.gestures.hovered(null);
    this.gestures.moved(true);
  }
}
