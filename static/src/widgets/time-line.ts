/**
 * The time line below a player: lanes of items, verdicts, scores. A click goes there, a drag selects a span of whole
 * frames, the wheel zooms, with shift it moves. All of it also by the keys of the page.
 * Events: "line-seek" (place), "line-span" ([place, place], both in it), "line-item" (LineItem).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { colorOf, onThemeChange } from "../lib/chart-theme";
import type { FrameTable } from "../lib/frame-table";
import { debounced } from "../lib/latest";
import { type Curve, itemAt, type LineItem, valueAt } from "../lib/line-items";
import { GUTTER_PX, heightOf, itemsAtHeight, lanesOf, paint, type Scene } from "../lib/line-paint";
import { panned, revealing, secondsOfX, type View, xOf, zoomed } from "../lib/time-axis";
import { codeText } from "../lib/time-code";

const DRAG_PX = 4; // less is a click with an unsteady hand
const REACH_PX = 5; // so near to an item a click is about it
const HOVER_MS = 120;
const FEWEST = 4; // frames that the nearest zoom shows
const STEP = 0.7; // of a zoom by key

@customElement("sfi-time-line")
export class TimeLine extends LitElement {
  @property({ attribute: false }) table: FrameTable | null = null;
  @property({ attribute: false }) items: readonly LineItem[] = [];
  @property({ attribute: false }) scores: Curve | null = null;
  @property({ attribute: false }) similarities: Curve | null = null;
  @property({ attribute: false }) chosen: number | null = null;
  @property({ attribute: false }) span: { start: number; stop: number } | null = null; // places
  @property({ type: Number }) place = 0;
  @property({ type: Number }) revision = 0; // counts up where an item has changed
  @property({ attribute: false }) pictureOf: (place: number) => string = () => "";
  @state() private hovered: number | null = null; // seconds
  @state() private pictured: number | null = null; // the place whose picture is shown
  @query("canvas") private canvas!: HTMLCanvasElement;
  @query(".line-tip") private tip!: HTMLElement | null;
  private view: View | null = null;
  private began: { x: number; place: number; pointer: number } | null = null;
  private is_drag = false;
  private life = new AbortController();
  private readonly picture = debounced(() => {
    const { table, hovered } = this;
    this.pictured = table && hovered !== null ? table.placeAtSeconds(hovered) : null;
  }, HOVER_MS);

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.life = new AbortController();
    onThemeChange(() => this.repaint(), this.life.signal);
    const sizes = new ResizeObserver(() => this.repaint());
    sizes.observe(this);
    this.life.signal.addEventListener("abort", () => sizes.disconnect());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  private get whole(): View {
    return { start: this.table?.start_seconds ?? 0, stop: this.table?.stop_seconds ?? 1 };
  }

  private get shown(): View {
    return this.view ?? this.whole;
  }

  private get scene(): Scene {
    const { table, span } = this;
    return {
      items: this.items,
      scores: this.scores,
      similarities: this.similarities,
      chosen: this.chosen,
      span:
        table && span
          ? { start: table.secondsAt(span.start), stop: table.secondsOf(table.stopAt(span.stop - 1)) }
          : null,
      head: table?.secondsAt(this.place) ?? 0,
      hover: this.hovered,
    };
  }

  /** Nearer (below 1) or farther, about the frame that is shown. */
  zoom(factor: number, at = this.table?.secondsAt(this.place) ?? 0): void {
    const { table } = this;
    if (!table) return;
    const least = ((table.stop_seconds - table.start_seconds) / table.length) * FEWEST;
    this.view = zoomed(this.shown, factor, at, this.whole, least);
    this.requestUpdate();
  }

  zoomIn(): void {
    this.zoom(STEP);
  }

  zoomOut(): void {
    this.zoom(1 / STEP);
  }

  /** All of the video. */
  fit(): void {
    this.view = null;
    this.requestUpdate();
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("place") && this.view && this.table)
      this.view = revealing(this.view, this.table.secondsAt(this.place), this.whole);
  }

  protected override updated(): void {
    this.repaint();
    this.placeTip();
  }

  protected override render() {
    const { table } = this;
    const seconds = table?.secondsAt(this.place) ?? 0;
    return html`<div
        class="line-canvas"
        role="slider"
        tabindex="0"
        aria-label="Time line"
        aria-orientation="horizontal"
        aria-valuemin="0"
        aria-valuemax=${Math.max(0, (table?.length ?? 1) - 1)}
        aria-valuenow=${this.place}
        aria-valuetext=${table ? this.spoken(seconds) : ""}
        @pointerdown=${this.down}
        @pointermove=${this.move}
        @pointerup=${this.up}
        @pointercancel=${this.cancel}
        @pointerleave=${this.leave}
        @wheel=${this.wheel}
      >
        <canvas aria-hidden="true"></canvas>
      </div>
      ${this.hovered !== null && table ? this.tooltip(table, this.hovered) : nothing}`;
  }

  /** What lies at a time, in words. */
  private spoken(seconds: number): string {
    const { table } = this;
    const item = itemAt(this.items, seconds, 0);
    const said = item ? item.answer || (item.is_weak ? "weak label" : "undecided") : "";
    return [
      codeText(seconds),
      table ? `frame ${table.numberAt(this.place)}` : "",
      item ? `in a ${item.kind}, ${said}` : "",
      this.scores ? `score ${valueAt(this.scores, seconds)?.toFixed(2) ?? "none"}` : "",
    ]
      .filter(Boolean)
      .join(", ");
  }

  private tooltip(table: FrameTable, hovered: number) {
    const place = table.placeAtSeconds(hovered);
    const score = this.scores && valueAt(this.scores, hovered);
    const similarity = this.similarities && valueAt(this.similarities, hovered);
    const item = itemAt(this.items, hovered, this.reach);
    const said = item ? item.answer || (item.is_weak ? "weak" : "") : "";
    return html`<div class="line-tip" aria-hidden="true">
      ${this.pictured === null ? html`<span class="line-tip-blank"></span>` : html`<img src=${this.pictureOf(this.pictured)} alt="" />`}
      <span class="number">${codeText(table.secondsAt(place))} · #${table.numberAt(place)}</span>
      ${item ? html`<span>${item.kind}${said ? html` · <b data-tone=${said}>${said}</b>` : nothing}</span>` : nothing}
      ${score === null ? nothing : html`<span class="number">score ${score.toFixed(3)}</span>`}
      ${similarity === null ? nothing : html`<span class="number">similarity ${similarity.toFixed(3)}</span>`}
    </div>`;
  }

  /** Placed by script: the page's rules refuse style attributes. */
  private placeTip(): void {
    const { tip, hovered } = this;
    if (!tip || hovered === null) return;
    const at = GUTTER_PX + xOf(hovered, this.shown, this.plot_px);
    const left = Math.max(0, Math.min(this.clientWidth - tip.offsetWidth, at - tip.offsetWidth / 2));
    tip.style.transform = `translate(${left}px, -100%)`;
  }

  private get plot_px(): number {
    return Math.max(1, this.clientWidth - GUTTER_PX);
  }

  private get reach(): number {
    return ((this.shown.stop - this.shown.start) / this.plot_px) * REACH_PX;
  }

  private repaint(): void {
    const { canvas } = this;
    const width = this.clientWidth;
    if (!canvas || !this.table || !width) return;
    const { scene } = this;
    const height = heightOf(lanesOf(scene));
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
      [canvas.width, canvas.height] = [wide, high];
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const tones = new Map<string, string>();
    paint(context, scene, this.shown, width, (name) => {
      const known = tones.get(name) ?? colorOf(this, name);
      tones.set(name, known);
      return known;
    });
  }

  private secondsOf(event: MouseEvent): number {
    const x = event.clientX - this.getBoundingClientRect().left - GUTTER_PX;
    const { start, stop } = this.whole;
    return Math.max(start, Math.min(stop, secondsOfX(x, this.shown, this.plot_px)));
  }

  private placeOf(event: MouseEvent): number {
    return this.table?.placeAtSeconds(this.secondsOf(event)) ?? 0;
  }

  private readonly down = (event: PointerEvent): void => {
    if (event.button !== 0 || !this.table) return;
    const place = this.placeOf(event);
    if (event.shiftKey) {
      this.tell("line-span", [this.span?.start ?? this.place, place]);
      return;
    }
    this.began = { x: event.clientX, place, pointer: event.pointerId };
    this.is_drag = false;
  };

  private readonly move = (event: PointerEvent): void => {
    this.hovered = this.secondsOf(event);
    this.picture();
    const { began } = this;
    if (!began) return;
    if (!this.is_drag && Math.abs(event.clientX - began.x) < DRAG_PX) return;
    if (!this.is_drag) this.canvas.parentElement?.setPointerCapture(began.pointer);
    this.is_drag = true;
    this.tell("line-span", [began.place, this.placeOf(event)]);
  };

  private readonly up = (event: PointerEvent): void => {
    const { began, is_drag } = this;
    this.cancel();
    if (!began || is_drag) return;
    const seconds = this.secondsOf(event);
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    const item = itemAt(itemsAtHeight(this.scene, y), seconds, this.reach);
    this.tell("line-item", item);
    const is_on_mark = item !== null && item.kind !== "clip";
    this.tell("line-seek", is_on_mark && this.table ? this.table.placeAtPts(item.start_pts) : began.place);
  };

  private readonly cancel = (): void => {
    this.began = null;
    this.is_drag = false;
  };

  private readonly leave = (): void => {
    if (this.began) return;
    this.hovered = this.pictured = null;
  };

  private readonly wheel = (event: WheelEvent): void => {
    if (event.ctrlKey) return; // the browser's own zoom
    event.preventDefault();
    const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.deltaY;
    if (event.shiftKey || by === event.deltaX) {
      this.view = panned(this.shown, by / 1000, this.whole);
      this.requestUpdate();
    } else this.zoom(Math.exp(by / 500), this.secondsOf(event));
  };

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-time-line": TimeLine;
  }
}
