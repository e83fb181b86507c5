/**
 * `<sfi-histogram counts='[...]' threshold="0.7" href="/workbench/?...{threshold}">`: how many items have which score, and a
 * threshold that is dragged, or moved by keys. What lies above it is counted and opens in the workbench.
 */

import { css, html, LitElement, svg } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { countText } from "../lib/format";
import { addressAt, countAbove, edgeOf, heightsOf } from "../lib/score-bins";
import { sliderStyle } from "../lib/slider-style";

@customElement("sfi-histogram")
export class ScoreHistogram extends LitElement {
  @property({ type: Array }) counts: readonly number[] = [];
  @property({ type: Array }) accepted: readonly number[] = [];
  @property({ type: Array }) rejected: readonly number[] = [];
  @property({ type: Number }) threshold = 0.5;
  @property() href = "";
  @property({ attribute: "class-name" }) class_name = "";
  @state() private edge = -1;

  static override styles = [
    sliderStyle,
    css`
      :host {
        display: block;
      }
      .plot {
        position: relative;
        cursor: ew-resize;
        touch-action: none;
      }
      svg {
        display: block;
        width: 100%;
        height: 140px;
        border-bottom: 1px solid var(--border-strong);
      }
      rect {
        fill: var(--text-faint);
        opacity: 0.55;
      }
      rect[data-above] {
        fill: var(--accept);
        opacity: 1;
      }
      line {
        stroke: var(--text);
        stroke-width: 2;
        vector-effect: non-scaling-stroke;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 16px;
        align-items: center;
        justify-content: space-between;
        margin-top: 8px;
        font-variant-numeric: tabular-nums;
      }
      .ends {
        display: flex;
        justify-content: space-between;
        color: var(--text-faint);
        font-size: var(--text-sm);
      }
      a {
        display: inline-flex;
        align-items: center;
        height: var(--control-height);
        padding: 0 14px;
        border-radius: var(--radius);
        background: var(--accent);
        color: var(--accent-text);
        font-weight: 550;
        text-decoration: none;
      }
      a:hover {
        background: var(--accent-hover);
      }
      a:focus-visible {
        outline: 2px solid var(--focus);
        outline-offset: 2px;
      }
      b {
        font-size: var(--text-lg);
      }
      .muted {
        color: var(--text-muted);
      }
    `,
  ];

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (this.edge < 0 || changed.has("threshold")) this.edge = edgeOf(this.counts, this.threshold);
  }

  protected override render() {
    const { length } = this.counts;
    const at = length ? this.edge / length : 0;
    const above = countAbove(this.counts, this.edge);
    const total = countAbove(this.counts, 0);
    const said = `score ${at.toFixed(3)}: ${countText(above)} of ${countText(total)} items above`;
    return html`<div class="plot" @pointerdown=${this.drag} @pointermove=${this.drag}>
        <svg viewBox="0 0 ${length} 100" preserveAspectRatio="none" role="img" aria-label="Scores of ${this.class_name}; ${said}">
          ${this.bars()}
          <line x1=${this.edge} x2=${this.edge} y1="0" y2="100"></line>
        </svg>
        <input
          type="range"
          min="0"
          max=${length}
          step="1"
          .value=${String(this.edge)}
          aria-label="Threshold of ${this.class_name}"
          aria-valuetext=${said}
          @input=${(event: Event) => {
            this.edge = Number((event.target as HTMLInputElement).value);
          }}
        />
        <div class="ends"><span>0, surely not</span><span class="muted">height: root of the number</span><span>1, surely</span></div>
      </div>
      <div class="row">
        <span><b>${countText(above)}</b> <span class="muted">items score ${at.toFixed(3)} or more${this.answered()}</span></span>
        ${
          this.href
            ? html`<a href=${addressAt(this.href, at)}>Propose them in the workbench</a>`
            : html`<span class="muted">The live version proposes: make this one live first</span>`
        }
      </div>`;
  }

  /** What was said by now of those above. */
  private answered(): string {
    const [accepted, rejected] = [countAbove(this.accepted, this.edge), countAbove(this.rejected, this.edge)];
    if (!accepted && !rejected) return "; none of them is answered";
    return `; of those answered ${countText(accepted)} accepted, ${countText(rejected)} rejected`;
  }

  private bars() {
    return heightsOf(this.counts).map((height, place) => bar(place, height * 100, place >= this.edge));
  }

  private readonly drag = (event: PointerEvent): void => {
    if (!(event.buttons & 1) || event.target instanceof HTMLInputElement) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    this.edge = Math.max(0, Math.min(this.counts.length, Math.round(share * this.counts.length)));
  };
}

function bar(place: number, height: number, is_above: boolean) {
  return svg`<rect x=${place} y=${100 - height} width="0.86" height=${height} ?data-above=${is_above}></rect>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-histogram": ScoreHistogram;
  }
}
