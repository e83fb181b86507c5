/** The map page: every item of the corpus as a point, colored; a lasso leads to the grid. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Api } from "../lib/api";
import { itemsText } from "../lib/format";
import { COLORS, MapSession, type Region, type Status } from "../lib/map-session";
import type { Config } from "../lib/wire";
import type { Hover, MapView } from "./map-view";
import "./map-view";

@customElement("sfi-map")
export class MapApp extends LitElement {
  @property({ attribute: false }) config!: Config;
  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) label_class: number | null = null;
  @state() private hover: Hover | null = null;
  @state() private is_lasso = false;
  @query("sfi-map-view") private view?: MapView;
  private session!: MapSession;

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.session = new MapSession(this.api, () => getComputedStyle(this), this.label_class);
    this.session.addEventListener("change", () => this.requestUpdate());
    void this.session.open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.session.close();
  }

  protected override render() {
    const { session } = this;
    return html`
      <aside class="map-side" aria-label="The map">${this.side()}</aside>
      <section class="map-middle" aria-label="Points">
        ${session.error ? html`<p class="alert alert-danger" role="alert">${session.error}</p>` : nothing}
        ${this.middle()}
      </section>
      <p class="visually-hidden" aria-live="polite">${session.said}</p>
    `;
  }

  private side() {
    const { session } = this;
    return html`
      <section class="panel">
        <h2 class="panel-title">Color and shape</h2>
        <div class="row-tight" role="group" aria-label="Color by">
          ${COLORS.map(
            (
              name,
            ) => html`<button type="button" class="btn btn-small" aria-pressed=${session.color_by === name}
              @click=${() => session.colorBy(name)}>by ${name}</button>`,
          )}
        </div>
        ${
          session.color_by !== "source"
            ? html`<label class="field"><span class="field-label">Class</span>
                <select class="select" @change=${(event: Event) => this.choose(event)}>
                  ${session.classes.map(
                    (each) =>
                      html`<option value=${each.id} ?selected=${each.id === session.label_class}>${each.name}</option>`,
                  )}
                </select></label>`
            : nothing
        }
        ${this.legend()}
      </section>
      ${session.region ? this.regionPanel(session.region) : this.howTo()}
      <section class="panel">${this.upkeep()}</section>
    `;
  }

  private legend() {
    const { coloring } = this.session;
    if (!coloring) return nothing;
    return html`<ul class="map-legend">
      ${coloring.legend.map(
        ({ name, glyph, color, count }) => html`<li>
          <span class="map-swatch" aria-hidden="true" .style=${`color: rgb(${color.join(" ")})`}>${glyph === "·" ? "●" : glyph}</span>
          <span class="clip" title=${name}>${name}</span><span class="number">${count.toLocaleString("en-US")}</span>
        </li>`,
      )}
    </ul>`;
  }

  private howTo() {
    if (!this.session.points) return nothing;
    return html`<section class="panel">
      <h2 class="panel-title">Lasso</h2>
      <p class="hint">Press <kbd>shift</kbd> and drag around some points, or take the lasso; <kbd>l</kbd> takes all that is in view. What is inside opens in the grid.</p>
      <p class="hint"><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> move the map, <kbd>+</kbd> <kbd>-</kbd> zoom, <kbd>0</kbd>
        shows all of it, <kbd>Enter</kbd> searches with the point in the middle.</p>
    </section>`;
  }

  private regionPanel(region: Region) {
    const workbench = this.config.urls.workbench_page ?? "";
    const of_class = this.of_class;
    const terms = region.examples.map((item) => `&term=i${item}`).join("");
    return html`<section class="panel" aria-label="Lasso">
      <h2 class="panel-title">${itemsText(region.num_items)} inside</h2>
      <div class="map-examples">
        ${region.examples.map(
          (item) => html`<img src=${this.api.url("item_thumbnail", item)} alt="" loading="lazy">`,
        )}
      </div>
      <div class="column column-tight">
        <a class="btn btn-primary" href=${`${workbench}?q=${encodeURIComponent(`map:#${region.id}`)}${of_class}`}>Show them in the grid</a>
        <a class="btn" href=${`${workbench}?${`${terms}${of_class}`.slice(1)}`}>Find more like these</a>
        <button type="button" class="btn btn-ghost" @click=${() => this.session.drop()}>Drop the lasso</button>
      </div>
    </section>`;
  }

  private upkeep() {
    const { status } = this.session;
    if (!status?.map || this.config.role === "viewer") return nothing;
    if (status.job !== null) return html`<p class="hint">The map is being drawn … (job ${status.job})</p>`;
    const { num_missing, is_outgrown } = status.map;
    return html`
      ${
        num_missing
          ? html`<p class="hint">${itemsText(num_missing, "new item")} not on it yet.</p>
              <button type="button" class="btn btn-small" @click=${() => this.session.draw(false)}>Add them</button>`
          : nothing
      }
      ${is_outgrown ? html`<p class="hint">The corpus has grown a lot since the map was drawn.</p>` : nothing}
      <button type="button" class="btn btn-small btn-ghost" @click=${() => this.session.draw(true)}>Draw it anew</button>
    `;
  }

  private middle() {
    const { status, points, coloring, error, region } = this.session;
    if (!status || (status.map && !points && !error)) return html`<p class="map-wait">Loading the map …</p>`;
    if (!status.map) return this.noMap(status);
    if (!points || !coloring) return nothing;
    return html`
      <sfi-map-view
        aria-label=${`Map of ${itemsText(points.count)}. Arrows move, plus and minus zoom, Enter searches with the point in the middle, l takes all that is in view.`}
        .points=${points} .codes=${coloring.codes} .palette=${coloring.palette} .marks=${coloring.marks}
        .is_lasso=${this.is_lasso} .polygon=${region?.polygon ?? []}
        @map-hover=${(event: CustomEvent<Hover | null>) => {
          this.hover = event.detail;
        }}
        @map-pick=${(event: CustomEvent<number>) => this.pick(event.detail)}
        @map-lasso=${(event: CustomEvent<[number, number][]>) => this.lasso(event.detail)}
        @map-view=${(event: CustomEvent<[number, number][]>) => this.inView(event.detail)}
      ></sfi-map-view>
      <div class="map-tools" role="group" aria-label="Tools">
        <button type="button" class="btn btn-small" aria-pressed=${this.is_lasso} title="Draw a lasso (shift + drag)"
          @click=${() => {
            this.is_lasso = !this.is_lasso;
          }}>Lasso</button>
        <button type="button" class="btn btn-small" title="Take all that is in view (l)" @click=${() => this.view?.enclose()}>In view</button>
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
          ? html`<button type="button" class="btn btn-primary" @click=${() => this.session.draw(false)}>Draw the map</button>`
          : nothing
      }
      ${status.job === null ? nothing : html`<div class="progress" role="progressbar" aria-label="Drawing"><span class="is-busy"></span></div>`}
    </div>`;
  }

  private peek() {
    const { hover } = this;
    const { points } = this.session;
    if (!hover || !points) return nothing;
    const item = points.items[hover.index] ?? 0;
    const source = points.sources[points.source_of[hover.index] ?? 0]?.path ?? "";
    return html`<figure class="map-peek" .style=${`left: ${hover.left}px; top: ${hover.top}px`}>
      <img src=${this.api.url("item_thumbnail", item)} alt="">
      <figcaption>${source || "uploaded"} · item ${item}${this.stateOf(hover)}</figcaption>
    </figure>`;
  }

  /** What the mark of a point says, in words. */
  private stateOf({ index }: Hover): string {
    const { coloring, color_by } = this.session;
    const state = color_by === "state" ? coloring?.legend[coloring.codes[index] ?? 0]?.name : undefined;
    return state ? ` · ${state}` : "";
  }

  private choose(event: Event): void {
    const label_class = Number((event.target as HTMLSelectElement).value);
    history.replaceState(null, "", `?${new URLSearchParams({ class: String(label_class) })}`);
    this.session.choose(label_class);
  }

  private async lasso(polygon: [number, number][]): Promise<void> {
    await this.session.lasso(polygon);
    this.is_lasso = false;
  }

  /** From the keyboard: the next Enter shows them in the grid. */
  private async inView(polygon: [number, number][]): Promise<void> {
    await this.lasso(polygon);
    await this.updateComplete;
    this.querySelector<HTMLElement>(".map-side .btn-primary")?.focus();
  }

  private get of_class(): string {
    const { label_class } = this.session;
    return label_class ? `&class=${label_class}` : "";
  }

  /** A click on a point searches with it. */
  private pick(index: number): void {
    const workbench = this.config.urls.workbench_page ?? "";
    const of_class = this.of_class;
    location.assign(`${workbench}?term=i${this.session.points?.items[index]}${of_class}`);
  }
}
