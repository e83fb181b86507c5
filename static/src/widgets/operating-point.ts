/**
 * `<sfi-operating-point points='[...]' for="threshold">`: a slider along the precision-recall curve, beside the form field
 * `for`, which it follows and fills. The field is what is sent: the form works without this.
 */

import { css, html, LitElement, svg } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Point, percentText, placeOf, pointText, thresholdAtMost } from "../lib/operating-points";
import { sliderStyle } from "../lib/slider-style";

const [WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN, TOP] = [520, 250, 40, 34, 10, 24];
const TICKS = [0, 0.25, 0.5, 0.75, 1];

@customElement("sfi-operating-point")
export class OperatingPoint extends LitElement {
  @property({ type: Array }) points: readonly Point[] = [];
  @property() for = "";
  @property({ attribute: "class-name" }) class_name = "";
  @state() private place = 0;
  private readonly life = new AbortController();

  static override styles = [
    sliderStyle,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr);
        gap: 20px;
        align-items: center;
      }
      @media (width <= 860px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      svg {
        display: block;
        width: 100%;
        max-width: ${WIDTH}px;
        height: auto;
        overflow: visible;
        touch-action: none;
      }
      svg text {
        fill: var(--text-muted);
        font: 11px system-ui, sans-serif;
      }
      .grid {
        stroke: var(--border);
      }
      .curve {
        fill: none;
        stroke: var(--info);
        stroke-width: 2;
      }
      .band {
        fill: var(--info);
        opacity: 0.16;
      }
      .interval {
        stroke: var(--accept);
        stroke-width: 2;
      }
      .point {
        fill: var(--accept);
        stroke: var(--surface);
        stroke-width: 2;
      }
      label {
        display: block;
        color: var(--text-muted);
        font-size: var(--text-sm);
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 6px 16px;
        margin: 0 0 14px;
        font-variant-numeric: tabular-nums;
      }
      dt {
        color: var(--text-faint);
      }
      dd {
        margin: 0;
      }
      b {
        font-size: var(--text-lg);
      }
      .ends {
        display: flex;
        justify-content: space-between;
        color: var(--text-faint);
        font-size: var(--text-sm);
      }
      .muted {
        color: var(--text-muted);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    const { field } = this;
    this.place = placeOf(this.points, Number(field?.value ?? 0.5));
    field?.addEventListener(
      "input",
      () => {
        this.place = placeOf(this.points, Number(field.value));
      },
      { signal: this.life.signal },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  private get field(): HTMLInputElement | null {
    return document.getElementById(this.for) as HTMLInputElement | null;
  }

  protected override render() {
    const point = this.points[this.place];
    if (!point) return html`<p>Not measured.</p>`;
    return html`${this.curve(point)}
      <div>
        <dl>
          <dt>precision</dt>
          <dd>
            <b>${percentText(point.precision)}</b>
            <span class="muted">${percentText(point.precision_low)} to ${percentText(point.precision_high)}</span>
          </dd>
          <dt>recall</dt>
          <dd>
            <b>${percentText(point.recall)}</b>
            <span class="muted">${percentText(point.recall_low)} to ${percentText(point.recall_high)}</span>
          </dd>
          <dt>F1</dt>
          <dd>${percentText(point.f1)}</dd>
          <dt>of ${point.num_items} items</dt>
          <dd>
            ${point.num_predicted} said yes, ${point.num_found} of them right; ${point.num_positives} are of the class
          </dd>
        </dl>
        <label for="slider">Score from which ${this.class_name} counts as found: <b>${point.threshold.toFixed(3)}</b></label>
        <input
          id="slider"
          type="range"
          min="0"
          max=${this.points.length - 1}
          step="1"
          .value=${String(this.place)}
          aria-valuetext=${pointText(point)}
          ?disabled=${this.field?.readOnly ?? false}
          @input=${(event: Event) => this.choose(Number((event.target as HTMLInputElement).value))}
        />
        <div class="ends"><span>sure ones only</span><span>everything</span></div>
      </div>`;
  }

  private choose(place: number): void {
    this.place = place;
    const { field } = this;
    const point = this.points[place];
    if (field && point) field.value = String(thresholdAtMost(point.threshold));
  }

  private curve(point: Point) {
    const known = this.points.filter((each) => each.recall !== null && each.precision !== null);
    const line = known.map((each) => at(each.recall ?? 0, each.precision ?? 0).join()).join(" ");
    const upper = known.map((each) => at(each.recall ?? 0, each.precision_high).join());
    const lower = known.map((each) => at(each.recall ?? 0, each.precision_low).join());
    const [x, y] = at(point.recall ?? 0, point.precision ?? 0);
    const [left, right] = [at(point.recall_low, 0)[0], at(point.recall_high, 0)[0]];
    const [top, bottom] = [at(0, point.precision_high)[1], at(0, point.precision_low)[1]];
    return html`<svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      role="img"
      aria-label="Precision over recall of ${this.class_name}; now at ${pointText(point)}"
      @pointerdown=${this.drag}
      @pointermove=${this.drag}
    >
      ${ticks()}
      <polygon class="band" points="${[...upper, ...lower.reverse()].join(" ")}"></polygon>
      <polyline class="curve" points=${line}></polyline>
      <line class="interval" x1=${left} x2=${right} y1=${y} y2=${y}></line>
      <line class="interval" x1=${x} x2=${x} y1=${top} y2=${bottom}></line>
      <circle class="point" cx=${x} cy=${y} r="6"></circle>
    </svg>`;
  }

  /** The point nearest to the pointer. */
  private readonly drag = (event: PointerEvent): void => {
    if (!(event.buttons & 1) || this.field?.readOnly) return;
    const box = (event.currentTarget as SVGSVGElement).getBoundingClientRect();
    const [px, py] = [
      ((event.clientX - box.left) / box.width) * WIDTH,
      ((event.clientY - box.top) / box.height) * HEIGHT,
    ];
    let [nearest, best] = [this.place, Number.POSITIVE_INFINITY];
    this.points.forEach((each, place) => {
      if (each.recall === null || each.precision === null) return;
      const [x, y] = at(each.recall, each.precision);
      const away = (x - px) ** 2 + (y - py) ** 2;
      if (away < best) [nearest, best] = [place, away];
    });
    this.choose(nearest);
  };
}

/** Where a recall and a precision lie in the picture. */
function at(recall: number, precision: number): [number, number] {
  return [LEFT + recall * (WIDTH - LEFT - MARGIN), HEIGHT - BOTTOM - precision * (HEIGHT - BOTTOM - TOP)];
}

function ticks() {
  const [x0, y0] = at(0, 0);
  const [x1, y1] = at(1, 1);
  return TICKS.map((share) => {
    const [x, y] = at(share, share);
    return svg`<line class="grid" x1=${x0} x2=${x1} y1=${y} y2=${y}></line>
      <line class="grid" x1=${x} x2=${x} y1=${y0} y2=${y1}></line>
      <text x=${x0 - 6} y=${y + 4} text-anchor="end">${share}</text>
      <text x=${x} y=${y0 + 14} text-anchor="middle">${share}</text>`;
  }).concat(svg`<text x=${(x0 + x1) / 2} y=${HEIGHT - 4} text-anchor="middle">recall</text>
    <text x="4" y="12">precision</text>`);
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-operating-point": OperatingPoint;
  }
}
