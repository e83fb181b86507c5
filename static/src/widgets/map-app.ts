/** The map page: every item of the corpus as a point, colored; a lasso leads to the grid. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { type Api, ApiError, sentenceOf } from "../lib/api";
import { byScore, bySource, byState, type Coloring } from "../lib/map-colors";
import { type Points, readPoints, readStates } from "../lib/map-points";
import type { Config, LabelClass } from "../lib/wire";
import type { Hover, MapView } from "./map-view";
import "./map-view";

const POLL_MS = 1500;

const COLORS = ["state", "score", "source"] as const;
type ColorBy = (typeof COLORS)[number];

interface Status {
  map: { id: number; num_missing: number; is_outgrown: boolean } | null;
  job: number | null;
}

interface Region {
  id: number;
  polygon: [number, number][];
  num_items: number;
  examples: number[];
}

@customElement("sfi-map")
export class MapApp extends LitElement {
  @property({ attribute: false }) config!: Config;
  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) label_class: number | null = null;
  @state() private classes: LabelClass[] = [];
  @state() private status: Status | null = null;
  @state() private points: Points | null = null;
  @state() private coloring: Coloring | null = null;
  @state() private color_by: ColorBy = "state";
  @state() private hover: Hover | null = null;
  @state() private region: Region | null = null;
  @state() private is_lasso = false;
  @state() private error = "";
  @state() private said = "";
  @query("sfi-map-view") private view?: MapView;
  private timer: ReturnType<typeof setTimeout> | undefined;

  protected override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  protected override firstUpdated(): void {
    void this.attempt(this.begin());
  }

  protected override render() {
    return html`
      <aside class="map-side" aria-label="The map">${this.side()}</aside>
      <section class="map-middle" aria-label="Points">
        ${this.error ? html`<p class="alert alert-danger" role="alert">${this.error}</p>` : nothing}
        ${this.middle()}
      </section>
      <p class="visually-hidden" aria-live="polite">${this.said}</p>
    `;
  }

  private side() {
    return html`
      <section class="panel">
        <h2 class="panel-title">Color</h2>
        <div class="row-tight" role="group" aria-label="Color by">
          ${COLORS.map(
            (name) => html`<button type="button" class="btn btn-small" aria-pressed=${this.color_by === name}
              @click=${() => this.colorBy(name)}>by ${name}</button>`,
          )}
        </div>
        ${
          this.color_by !== "source"
            ? html`<label class="field"><span class="field-label">Class</span>
                <select class="select" @change=${(event: Event) => this.choose(event)}>
                  ${this.classes.map(
                    (each) =>
                      html`<option value=${each.id} ?selected=${each.id === this.label_class}>${each.name}</option>`,
                  )}
                </select></label>`
            : nothing
        }
        ${this.legend()}
      </section>
      ${this.region ? this.regionPanel(this.region) : this.howTo()}
      <section class="panel">${this.upkeep()}</section>
    `;
  }

  private legend() {
    if (!this.coloring) return nothing;
    return html`<ul class="map-legend">
      ${this.coloring.legend.map(
        ({ name, glyph, color, count }) => html`<li>
          <span class="map-swatch" aria-hidden="true" .style=${`color: rgb(${color.join(" ")})`}>${glyph === "·" ? "●" : glyph}</span>
          <span class="clip" title=${name}>${name}</span><span class="number">${count.toLocaleString("en-US")}</span>
        </li>`,
      )}
    </ul>`;
  }

  private howTo() {
    if (!this.points) return nothing;
    return html`<section class="panel">
      <h2 class="panel-title">Lasso</h2>
      <p class="hint">Press <kbd>shift</kbd> and drag around some points, or take the lasso. What is inside opens in the grid.</p>
    </section>`;
  }

  private regionPanel(region: Region) {
    const workbench = this.config.urls.workbench_page ?? "";
    const of_class = this.label_class ? `&class=${this.label_class}` : "";
    const terms = region.examples.map((item) => `&term=i${item}`).join("");
    return html`<section class="panel" aria-label="Lasso">
      <h2 class="panel-title">${itemsText(region.num_items)} inside</h2>
      <div class="map-examples">
        ${region.examples.map(
          (item) => html`<img src=${this.api.url("item_thumbnail", item)} alt="" loading="lazy">`,
        )}
      </div>
      <div class="column-tight">
        <a class="btn btn-primary" href=${`${workbench}?q=${encodeURIComponent(`map:#${region.id}`)}${of_class}`}>Show them in the grid</a>
        <a class="btn" href=${`${workbench}?${`${terms}${of_class}`.slice(1)}`}>Find more like these</a>
        <button type="button" class="btn btn-ghost" @click=${() => this.drop()}>Drop the lasso</button>
      </div>
    </section>`;
  }

  private upkeep() {
    const { status } = this;
    if (!status?.map || this.config.role === "viewer") return nothing;
    if (status.job !== null) return html`<p class="hint">The map is being drawn … (job ${status.job})</p>`;
    const { num_missing, is_outgrown } = status.map;
    return html`
      ${
        num_missing
          ? html`<p class="hint">${itemsText(num_missing, "new item")} not on it yet.</p>
              <button type="button" class="btn btn-small" @click=${() => this.draw(false)}>Add them</button>`
          : nothing
      }
      ${is_outgrown ? html`<p class="hint">The corpus has grown a lot since the map was drawn.</p>` : nothing}
      <button type="button" class="btn btn-small btn-ghost" @click=${() => this.draw(true)}>Draw it anew</button>
    `;
  }

  private middle() {
    const { status, points, coloring } = this;
    if (!status || (status.map && !points && !this.error))
      return html`<p class="map-wait">Loading the map …</p>`;
    if (!status.map) return this.noMap(status);
    if (!points || !coloring) return nothing;
    return html`
      <sfi-map-view
        aria-label=${`Map of ${itemsText(points.count)}. Arrows move, plus and minus zoom, Enter searches with the point in the middle.`}
        .points=${points} .codes=${coloring.codes} .palette=${coloring.palette}
        .is_lasso=${this.is_lasso} .polygon=${this.region?.polygon ?? []}
        @map-hover=${(event: CustomEvent<Hover | null>) => {
          this.hover = event.detail;
        }}
        @map-pick=${(event: CustomEvent<number>) => this.pick(event.detail)}
        @map-lasso=${(event: CustomEvent<[number, number][]>) => this.attempt(this.lasso(event.detail))}
      ></sfi-map-view>
      <div class="map-tools" role="group" aria-label="Tools">
        <button type="button" class="btn btn-small" aria-pressed=${this.is_lasso} title="Draw a lasso (shift + drag)"
          @click=${() => {
            this.is_lasso = !this.is_lasso;
          }}>Lasso</button>
        <button type="button" class="btn btn-small btn-icon" title="Closer (+)" aria-label="Closer" @click=${() => this.view?.zoom(1.5)}>+</button>
        <button type="button" class="btn btn-small btn-icon" title="Farther (-)" aria-label="Farther" @click=${() => this.view?.zoom(1 / 1.5)}>−</button>
        <button type="button" class="btn btn-small" title="All of it (0)" @click=${() => this.view?.fit()}>Fit</button>
      </div>
      ${this.peek()}
    `;
  }

  private noMap(status: Status) {
    const can_draw = this.config.role !== "viewer";
    return html`<div class="empty">
      <h2>${status.job === null ? "No map yet" : "The map is being drawn …"}</h2>
      <p>A map shows every item of the corpus as a point, look-alikes together: see what there is, and lasso a region into the grid.</p>
      ${
        status.job === null && can_draw
          ? html`<button type="button" class="btn btn-primary" @click=${() => this.draw(false)}>Draw the map</button>`
          : nothing
      }
      ${status.job === null ? nothing : html`<div class="progress" role="progressbar" aria-label="Drawing"><span class="is-busy"></span></div>`}
    </div>`;
  }

  private peek() {
    const { hover, points } = this;
    if (!hover || !points) return nothing;
    const item = points.items[hover.index] ?? 0;
    const source = points.sources[points.source_of[hover.index] ?? 0]?.path ?? "";
    return html`<figure class="map-peek" .style=${`left: ${hover.left}px; top: ${hover.top}px`}>
      <img src=${this.api.url("item_thumbnail", item)} alt="">
      <figcaption>${source || "uploaded"} · item ${item}</figcaption>
    </figure>`;
  }

  private async begin(): Promise<void> {
    const { api } = this;
    const answer = await api.get<LabelClass[] | { results: LabelClass[] }>(
      api.url("classes", undefined, { page_size: 500 }),
    );
    this.classes = Array.isArray(answer) ? answer : answer.results;
    this.label_class ??= this.classes[0]?.id ?? null;
    await this.look();
  }

  /** What the map is now; asked again while it is being drawn. */
  private async look(): Promise<void> {
    clearTimeout(this.timer);
    const { api } = this;
    const before = this.status;
    this.status = await api.get<Status>(api.url("map_status")).catch((error: unknown) => {
      if (before?.job != null) this.lookAgain(); // one answer that did not come does not end the waiting
      throw error;
    });
    const { map, job } = this.status;
    const is_newer = map && (this.points?.map !== map.id || (before?.job != null && job === null));
    if (is_newer) {
      this.points = readPoints(await api.bytes(api.url("map_points")));
      await this.recolor();
      this.said = `Map of ${itemsText(this.points.count)}`;
    }
    if (job !== null) this.lookAgain();
  }

  private lookAgain(): void {
    clearTimeout(this.timer);
    if (this.isConnected) this.timer = setTimeout(() => void this.attempt(this.look()), POLL_MS);
  }

  private async recolor(): Promise<void> {
    const { points, api } = this;
    if (!points) return;
    const css = getComputedStyle(this);
    if (this.color_by === "source") {
      this.coloring = bySource(points, css);
      return;
    }
    const { color_by, label_class } = this;
    const name = color_by === "score" ? "map_scores" : "map_states";
    const codes =
      label_class === null
        ? new Uint8Array(points.count)
        : readStates(await api.bytes(api.url(name, undefined, { class: label_class })), points);
    if (color_by !== this.color_by || label_class !== this.label_class || points !== this.points) return; // old
    if (!codes) {
      this.points = null; // items came or went meanwhile
      await this.look();
      return;
    }
    const is_dark = css.colorScheme !== "light";
    this.coloring = color_by === "score" ? byScore(codes, css, is_dark) : byState(codes, css);
  }

  private colorBy(name: ColorBy): void {
    const before = this.color_by;
    this.color_by = name;
    void this.attempt(
      this.recolor().catch((error: unknown) => {
        this.color_by = before; // nothing accepted yet, say
        throw error;
      }),
    );
  }

  private choose(event: Event): void {
    this.label_class = Number((event.target as HTMLSelectElement).value);
    const address = new URLSearchParams({ class: String(this.label_class) });
    history.replaceState(null, "", `?${address}`);
    void this.attempt(this.recolor());
  }

  private async lasso(polygon: [number, number][]): Promise<void> {
    const step = Math.ceil(polygon.length / 1000);
    const corners = polygon.filter((_, at) => at % step === 0);
    const { api } = this;
    const clamped = corners.map(([x, y]) => [Math.max(-1, Math.min(2, x)), Math.max(-1, Math.min(2, y))]);
    try {
      this.region = await api.post<Region>(api.url("map_regions"), { polygon: clamped });
      this.said = `${itemsText(this.region.num_items)} inside the lasso`;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "nothing-inside") throw error;
      this.said = error.detail;
      this.region = null;
    }
    this.is_lasso = false;
  }

  private drop(): void {
    this.region = null;
    this.said = "Lasso dropped";
  }

  /** A click on a point searches with it. */
  private pick(index: number): void {
    const workbench = this.config.urls.workbench_page ?? "";
    const of_class = this.label_class ? `&class=${this.label_class}` : "";
    location.assign(`${workbench}?term=i${this.points?.items[index]}${of_class}`);
  }

  private draw(redraw: boolean): void {
    const { api } = this;
    void this.attempt(api.post(api.url("map_status"), { redraw }).then(() => this.look()));
  }

  private async attempt(work: Promise<unknown>): Promise<void> {
    this.error = "";
    await work.catch((error: unknown) => {
      this.error = sentenceOf(error);
    });
  }
}

function itemsText(count: number, noun = "item"): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
