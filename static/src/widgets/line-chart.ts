/**
 * `<sfi-lines label="Loss" data='{"series": [...], ...}'>`: lines over one x axis. A new `data` is drawn in place, so it
 * grows while the page is polled. The numbers are also a table, for who cannot see the lines.
 */

import { css, html, LitElement, nothing, unsafeCSS } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type uPlot from "uplot";
import sheet from "uplot/dist/uPlot.min.css?inline";
import {
  type ChartData,
  columnsOf,
  decadesIn,
  logRangeOf,
  rangeOf,
  readChart,
  sampled,
  shortNumber,
} from "../lib/chart-data";
import { colorOf, onThemeChange } from "../lib/chart-theme";

const HEIGHT_PX = 220;
/** Of the first series, the second, and so on: color is not the only sign. */
const DASHES: readonly number[][] = [[], [9, 4], [2, 3], [12, 3, 2, 3]];
const COUNTED = ["step", "epoch"]; // there is no half of one
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];
const FONT = "11px system-ui, sans-serif";

@customElement("sfi-lines")
export class LineChart extends LitElement {
  @property() label = "";
  @property() data = "";
  @state() private said = "";
  private chart: uPlot | undefined;
  private shape = ""; // of what is drawn: other series need another chart
  private life = new AbortController();

  static override styles = [
    unsafeCSS(sheet),
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .place {
        min-height: ${HEIGHT_PX}px;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 14px;
        align-items: center;
        min-height: 20px;
        color: var(--text-muted);
        font-size: var(--text-sm);
      }
      .legend span {
        display: inline-flex;
        gap: 6px;
        align-items: center;
      }
      i {
        width: 16px;
        border-top: 2px solid currentcolor;
      }
      i[data-dashed],
      i[data-place="1"] {
        border-top-style: dashed;
      }
      i[data-place="2"] {
        border-top-style: dotted;
      }
      i[data-place="3"] {
        border-top-width: 3px;
        border-top-style: double;
      }
      i[data-tone="accept"] {
        color: var(--accept);
      }
      i[data-tone="info"] {
        color: var(--info);
      }
      i[data-tone="unsure"] {
        color: var(--unsure);
      }
      i[data-tone="weak"] {
        color: var(--weak);
      }
      i[data-tone="muted"] {
        color: var(--text-faint);
      }
      .said {
        margin-left: auto;
        font-variant-numeric: tabular-nums;
      }
      details {
        color: var(--text-muted);
        font-size: var(--text-sm);
      }
      summary {
        width: max-content;
        color: var(--text-faint);
        cursor: pointer;
      }
      summary:focus-visible {
        outline: 2px solid var(--focus);
        outline-offset: 2px;
      }
      .rows {
        max-height: 180px;
        overflow: auto;
      }
      table {
        border-collapse: collapse;
        font-variant-numeric: tabular-nums;
      }
      td,
      th {
        padding: 1px 12px 1px 0;
        font-weight: 500;
        text-align: right;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.life = new AbortController();
    onThemeChange(() => this.redraw(), this.life.signal);
    const sizes = new ResizeObserver(() => this.resize());
    sizes.observe(this);
    this.life.signal.addEventListener("abort", () => sizes.disconnect());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
    this.chart?.destroy();
    this.chart = undefined;
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has("data")) void this.draw();
  }

  protected override render() {
    const data = readChart(this.data);
    if (!data) return html`<p>Nothing to draw.</p>`;
    return html`<div class="place" role="img" aria-label=${`${this.label}: ${lastOf(data)}`}></div>
      <div class="legend">
        ${data.series.map(
          (each, place) =>
            html`<span><i data-tone=${each.tone} data-place=${place} ?data-dashed=${each.is_dashed}></i>${each.label}</span>`,
        )}
        <span class="said" aria-hidden="true">${this.said || nothing}</span>
      </div>
      <details>
        <summary>As a table</summary>
        <div class="rows" tabindex="0" role="region" aria-label="${this.label}, as a table">${data.series.filter((each) => !each.is_dashed).map((each) => table(data, each.label, sampled(each)))}</div>
      </details>`;
  }

  private async draw(): Promise<void> {
    const data = readChart(this.data);
    const place = this.renderRoot.querySelector<HTMLElement>(".place");
    if (!data || !place) return;
    const { default: Chart } = await import("uplot");
    if (!this.isConnected) return;
    const columns = columnsOf(data.series) as uPlot.AlignedData;
    const shape = data.series.map((each) => `${each.label} ${each.tone}`).join();
    if (this.chart && shape === this.shape) {
      this.chart.setData(columns);
      return;
    }
    this.chart?.destroy();
    this.shape = shape;
    this.chart = new Chart(this.options(data, place.clientWidth || 320), columns, place);
  }

  private redraw(): void {
    this.chart?.destroy();
    this.chart = undefined;
    void this.draw();
  }

  private resize(): void {
    const width = this.renderRoot.querySelector(".place")?.clientWidth;
    if (this.chart && width && width !== this.chart.width) this.chart.setSize({ width, height: HEIGHT_PX });
  }

  private options(data: ChartData, width: number): uPlot.Options {
    const all = (which: "x" | "y") => () => {
      const now = readChart(this.data) ?? data;
      const given = which === "x" ? now.x_range : now.y_range;
      const values = now.series.flatMap((each) => [...each[which]]);
      if (given) return [given[0], given[1]] as [number, number];
      return which === "x" && now.is_log_x ? logRangeOf(values) : rangeOf(values);
    };
    const axis = (label: string, size: number): uPlot.Axis => ({
      ...(label ? { label, labelSize: 18, labelFont: FONT } : {}),
      size,
      font: FONT,
      stroke: () => colorOf(this, "text"),
      grid: { stroke: () => colorOf(this, "grid"), width: 1 },
      ticks: { show: false },
      values: (_, splits) => splits.map((value) => (value === null ? "" : shortNumber(value))),
    });
    return {
      width,
      height: HEIGHT_PX,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: all("x"), ...(data.is_log_x ? { distr: 3 as const } : {}) },
        y: { range: all("y") },
      },
      axes: [
        {
          ...axis(data.x_label, 26),
          ...(data.is_log_x ? { splits: (_chart, _axis, low, high) => decadesIn(low, high) } : {}),
          ...(COUNTED.includes(data.x_label) ? { incrs: WHOLE } : {}),
        },
        axis(data.y_label, 44),
      ],
      series: [
        {},
        ...data.series.map((each, at) => ({
          label: each.label,
          stroke: () => colorOf(this, each.tone),
          width: each.is_scattered ? 0 : each.is_dashed ? 1 : 2,
          spanGaps: true,
          points: {
            show: each.has_points ?? false,
            size: each.is_scattered ? 9 : 5,
            fill: () => colorOf(this, each.tone),
          },
          dash: each.is_dashed ? [5, 4] : (DASHES[at % DASHES.length] ?? []),
        })),
      ],
      hooks: { setCursor: [(chart) => this.tell(chart, data)] },
    };
  }

  /** What is under the pointer, in words. */
  private tell(chart: uPlot, data: ChartData): void {
    const { idx } = chart.cursor;
    const x = idx === null || idx === undefined ? null : chart.data[0][idx];
    if (idx === null || idx === undefined || x === null || x === undefined) {
      this.said = "";
      return;
    }
    const of = data.series.flatMap((each, at) => {
      const y = chart.data[at + 1]?.[idx];
      return y === null || y === undefined ? [] : [`${each.label} ${shortNumber(y)}`];
    });
    this.said = `${data.x_label} ${shortNumber(x)}: ${of.join(", ")}`;
  }
}

function lastOf(data: ChartData): string {
  return data.series
    .filter((each) => !each.is_dashed)
    .map((each) => `${each.label} ends at ${shortNumber(each.y.at(-1) ?? 0)}`)
    .join(", ");
}

function table(data: ChartData, label: string, rows: readonly (readonly [number, number])[]) {
  return html`<table>
    <caption>
      ${label}
    </caption>
    <thead>
      <tr>
        <th scope="col">${data.x_label}</th>
        <th scope="col">${data.y_label || label}</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(([x, y]) => html`<tr><td>${shortNumber(x)}</td><td>${shortNumber(y)}</td></tr>`)}
    </tbody>
  </table>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-lines": LineChart;
  }
}
