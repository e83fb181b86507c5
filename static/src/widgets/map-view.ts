/**
 * The points of a map, to look at: drag moves, the wheel zooms, shift + drag (or the lasso tool) draws a lasso.
 * Keys: arrows move, + - 0 zoom, enter takes the point in the middle, escape drops the lasso.
 * Events: "map-hover" ({index, left, top} or null), "map-pick" (index), "map-lasso" (corners (x, y) of [0, 1]).
 */

import { LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { Camera } from "../lib/map-camera";
import { type Painter, painterOf, type Rgb } from "../lib/map-paint";
import { PointGrid, type Points, SIDE } from "../lib/map-points";

const NEAR_PX = 9;
const STEP_PX = 90;
const LEAST_CORNER_PX = 4;

export interface Hover {
  index: number;
  left: number;
  top: number;
}

@customElement("sfi-map-view")
export class MapView extends LitElement {
  @property({ attribute: false }) points!: Points;
  @property({ attribute: false }) codes!: Uint8Array;
  @property({ attribute: false }) palette: readonly Rgb[] = [];
  @property({ type: Boolean }) is_lasso = false;
  @property({ attribute: false }) polygon: readonly (readonly [number, number])[] = [];
  readonly camera = new Camera();
  private readonly below = document.createElement("canvas");
  private readonly above = document.createElement("canvas");
  private painter: Painter | null = null;
  private grid: PointGrid | null = null;
  private drawn: [number, number][] = [];
  private last: [number, number] | null = null;
  private readonly fingers = new Map<number, [number, number]>();
  private moved = 0;
  private hover: Hover | null = null;
  private frame = 0;
  private readonly watch = new ResizeObserver(() => this.resize());

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.tabIndex = 0;
    this.setAttribute("role", "application");
    this.below.setAttribute("aria-hidden", "true");
    this.append(this.below, this.above);
    this.above.addEventListener("pointerdown", (event) => this.press(event));
    this.above.addEventListener("pointermove", (event) => this.move(event));
    this.above.addEventListener("pointerup", (event) => this.release(event));
    this.above.addEventListener("pointercancel", (event) => this.release(event));
    this.above.addEventListener("pointerleave", () => this.hoverAt(null));
    this.above.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.addEventListener("keydown", (event) => this.key(event));
    this.watch.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has("points")) {
      this.painter = painterOf(this.below, this.points);
      this.grid = new PointGrid(this.points);
    }
    if (changed.has("points") || changed.has("codes") || changed.has("palette"))
      this.painter?.color(this.codes, this.palette);
    this.classList.toggle("is-lasso", this.is_lasso);
    this.repaint();
  }

  fit(): void {
    this.camera.fit();
    this.repaint();
  }

  zoom(factor: number): void {
    this.camera.zoomAt(this.camera.width / 2, this.camera.height / 2, factor);
    this.repaint();
  }

  private resize(): void {
    const { width, height } = this.getBoundingClientRect();
    this.camera.width = Math.max(1, width);
    this.camera.height = Math.max(1, height);
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.repaint();
  }

  private repaint(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.painter?.paint(this.camera);
      this.paintAbove();
    });
  }

  /** The lasso, the ring around what is hovered, the cross of the keyboard. */
  private paintAbove(): void {
    const pen = this.above.getContext("2d");
    if (!pen) return;
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, this.camera.width, this.camera.height);
    const style = getComputedStyle(this);
    const corners = this.drawn.length ? this.drawn : this.polygon.map(([x, y]) => this.camera.toScreen(x, y));
    if (corners.length > 1) {
      pen.beginPath();
      for (const [left, top] of corners) pen.lineTo(left, top);
      pen.closePath();
      pen.fillStyle = style.getPropertyValue("--map-lasso");
      pen.fill();
      pen.setLineDash([5, 4]);
      pen.lineWidth = 1.5;
      pen.strokeStyle = style.getPropertyValue("--text");
      pen.stroke();
      pen.setLineDash([]);
    }
    if (this.hover) this.ring(pen, this.hover.index, style.getPropertyValue("--text"));
    if (document.activeElement === this && this.matches(":focus-visible")) {
      const [left, top] = [this.camera.width / 2, this.camera.height / 2];
      pen.strokeStyle = style.getPropertyValue("--focus");
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(left - 8, top);
      pen.lineTo(left + 8, top);
      pen.moveTo(left, top - 8);
      pen.lineTo(left, top + 8);
      pen.stroke();
    }
  }

  private ring(pen: CanvasRenderingContext2D, index: number, color: string): void {
    const [left, top] = this.screenOf(index);
    pen.beginPath();
    pen.arc(left, top, (this.painter?.sizeAt(this.camera) ?? 4) / 2 + 4, 0, 2 * Math.PI);
    pen.lineWidth = 2;
    pen.strokeStyle = color;
    pen.stroke();
  }

  private screenOf(index: number): [number, number] {
    const { xy } = this.points;
    return this.camera.toScreen((xy[2 * index] as number) / SIDE, (xy[2 * index + 1] as number) / SIDE);
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.above.setPointerCapture(event.pointerId);
    this.focus({ preventScroll: true });
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.last = [event.offsetX, event.offsetY];
    this.moved = 0;
    if ((event.shiftKey || this.is_lasso) && this.fingers.size === 1) this.drawn = [this.last];
    else this.drawn = [];
  }

  private move(event: PointerEvent): void {
    const at: [number, number] = [event.offsetX, event.offsetY];
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.hoverAt(at);
      return;
    }
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, at);
    this.moved += Math.abs(at[0] - before[0]) + Math.abs(at[1] - before[1]);
    if (other) {
      const apart = (one: [number, number]) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      this.camera.zoomAt(other[0], other[1], apart(at) / Math.max(1, apart(before)));
    } else if (this.drawn.length) {
      const end = this.drawn.at(-1) ?? at;
      if (Math.hypot(at[0] - end[0], at[1] - end[1]) >= LEAST_CORNER_PX) this.drawn.push(at);
    } else {
      this.camera.pan(at[0] - before[0], at[1] - before[1]);
      this.hoverAt(null);
    }
    this.repaint();
  }

  private release(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId)) return;
    const corners = this.drawn.map(([left, top]) => this.camera.toMap(left, top));
    this.drawn = [];
    if (corners.length > 2) {
      this.hoverAt(null);
      this.say("map-lasso", corners);
    } else if (this.moved < LEAST_CORNER_PX && event.type === "pointerup") {
      const index = this.indexAt(event.offsetX, event.offsetY);
      if (index >= 0) this.say("map-pick", index);
    }
    this.repaint();
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    this.camera.zoomAt(
      event.offsetX,
      event.offsetY,
      Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)),
    );
    this.hoverAt(null);
    this.repaint();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [STEP_PX, 0],
      ArrowRight: [-STEP_PX, 0],
      ArrowUp: [0, STEP_PX],
      ArrowDown: [0, -STEP_PX],
    };
    const step = steps[event.key];
    if (step) this.camera.pan(...step);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape") this.drawn = [];
    else if (event.key === "Enter") {
      const index = this.middle();
      if (index >= 0) this.say("map-pick", index);
    } else return;
    event.preventDefault();
    this.hoverAt([this.camera.width / 2, this.camera.height / 2], this.middle());
    this.repaint();
  }

  /** The point nearest to the middle of the screen, if there is one on it. */
  private middle(): number {
    const { width, height } = this.camera;
    return this.indexAt(width / 2, height / 2, Math.min(width, height) / 2);
  }

  private indexAt(left: number, top: number, within = NEAR_PX): number {
    const [x, y] = this.camera.toMap(left, top);
    return this.grid?.nearest(x, y, within / this.camera.scale) ?? -1;
  }

  private hoverAt(at: [number, number] | null, known?: number): void {
    const index = at ? (known ?? this.indexAt(...at)) : -1;
    if (index === (this.hover?.index ?? -1)) return;
    const [left, top] = index >= 0 ? this.screenOf(index) : [0, 0];
    this.hover = index >= 0 ? { index, left, top } : null;
    this.say("map-hover", this.hover);
    this.repaint();
  }

  private say(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
