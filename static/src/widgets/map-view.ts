/**
 * The points of a map, to look at: drag moves, the wheel zooms, shift + drag (or the lasso tool) draws a lasso.
 * Keys: arrows move, + - 0 zoom, enter takes the point in the middle, l all that is in view, escape drops the lasso.
 * Events: "map-hover" ({index, left, top} or null), "map-pick" (index), "map-lasso" (corners (x, y) of [0, 1]),
 * "map-view" (the same, of what is in view).
 */

import { LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { Camera } from "../lib/map-camera";
import type { Mark } from "../lib/map-marks";
import { paintOverlay } from "../lib/map-overlay";
import { type Painter, painterOf, type Rgb } from "../lib/map-paint";
import { PointGrid, type Points, SIDE } from "../lib/map-points";
import { MapPointer } from "./map-pointer";

const NEAR_PX = 9;
const STEP_PX = 90;

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
  @property({ attribute: false }) marks: readonly Mark[] = []; // per code
  @property({ type: Boolean }) is_lasso = false;
  @property({ attribute: false }) polygon: readonly (readonly [number, number])[] = [];
  readonly camera = new Camera();
  private readonly below = document.createElement("canvas");
  private readonly above = document.createElement("canvas");
  private painter: Painter | null = null;
  private grid: PointGrid | null = null;
  private readonly pointer = new MapPointer(this.above, this.camera, {
    is_lasso: () => this.is_lasso,
    moved: (is_map) => this.repaint(is_map),
    hovered: (at) => this.hoverAt(at),
    picked: (at) => this.pick(this.indexAt(...at)),
    lassoed: (corners) => {
      this.hoverAt(null);
      this.say(
        "map-lasso",
        corners.map((corner) => this.camera.toMap(...corner)),
      );
    },
  });
  private hover: Hover | null = null;
  private frame = 0;
  private are_points_due = false; // else only what lies over them is painted
  private is_measured = false; // before that the camera's scale says nothing, and a point could cover all there is
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
    this.above.addEventListener("pointerdown", () => this.focus({ preventScroll: true }));
    this.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", this.whileNothingHasFocus);
    this.watch.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.whileNothingHasFocus);
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has("points")) {
      this.grid = new PointGrid(this.points);
      this.painter = painterOf(this.below, this.points, this.grid);
    }
    const is_recolored = changed.has("points") || changed.has("codes") || changed.has("palette");
    if (is_recolored) this.painter?.color(this.codes, this.palette, this.marks);
    this.classList.toggle("is-lasso", this.is_lasso);
    this.repaint(is_recolored);
  }

  fit(): void {
    this.camera.fit();
    this.repaint();
  }

  zoom(factor: number): void {
    this.camera.zoomAt(this.camera.width / 2, this.camera.height / 2, factor);
    this.repaint();
  }

  /** A lasso around what is on the screen: the way without a mouse. */
  enclose(): void {
    const { width, height } = this.camera;
    const [left, top] = this.camera.toMap(0, 0);
    const [right, bottom] = this.camera.toMap(width, height);
    this.say("map-view", [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ]);
  }

  private resize(): void {
    const { width, height } = this.getBoundingClientRect();
    this.camera.width = Math.max(1, width);
    this.camera.height = Math.max(1, height);
    this.is_measured = width > 0 && height > 0;
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.repaint();
  }

  /** With the next frame: the points where they or the camera changed, and what lies over them. */
  private repaint(are_points_due = true): void {
    this.are_points_due ||= are_points_due;
    cancelAnimationFrame(this.frame);
    if (!this.is_measured) return;
    this.frame = requestAnimationFrame(() => {
      if (this.are_points_due) this.painter?.paint(this.camera);
      this.are_points_due = false;
      this.paintAbove();
    });
  }

  /** The lasso, the ring around what is hovered, the cross of the keyboard. */
  private paintAbove(): void {
    const pen = this.above.getContext("2d");
    if (!pen) return;
    const corners = this.pointer.lasso.length
      ? this.pointer.lasso
      : this.polygon.map(([x, y]) => this.camera.toScreen(x, y));
    paintOverlay(pen, this.camera, getComputedStyle(this), {
      corners,
      ring: this.hover
        ? { at: this.screenOf(this.hover.index), radius: (this.painter?.sizeAt(this.camera) ?? 4) / 2 + 4 }
        : null,
      has_cross: document.activeElement === this && this.matches(":focus-visible"),
    });
  }

  private screenOf(index: number): [number, number] {
    const { xy } = this.points;
    return this.camera.toScreen((xy[2 * index] as number) / SIDE, (xy[2 * index + 1] as number) / SIDE);
  }

  /** The keys are the map's from the moment the page is open; the first one brings the focus here. */
  private readonly whileNothingHasFocus = (event: KeyboardEvent): void => {
    if (event.target !== document.body) return;
    this.key(event);
    if (event.defaultPrevented) this.focus({ preventScroll: true });
  };

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
    else if (event.key === "Escape") this.pointer.lasso = [];
    else if (event.key === "l") this.enclose();
    else if (event.key === "Enter") this.pick(this.middle());
    else return;
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
    this.repaint(false);
  }

  private pick(index: number): void {
    if (index >= 0) this.say("map-pick", index);
  }

  private say(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
