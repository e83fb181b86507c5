/**
 * What is looked for and where: classes, states with live counts, media kind, media file, source, time, similarity.
 * Events: "facet-class" (id), "facet-create" (name), "facet-filters" (Filters), "facet-term" (Term).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Api } from "../lib/api";
import type { Named } from "../lib/filter-text";
import { countText, numberOf } from "../lib/format";
import type { Counts, Filters, LabelClass, MediaKind } from "../lib/wire";
import "./file-picker";

const STATES: readonly (readonly [state: string, count: keyof Counts, name: string, glyph: string])[] = [
  ["untouched", "untouched", "untouched", "·"],
  ["accept", "accepted", "accepted", "✓"],
  ["reject", "rejected", "rejected", "✕"],
  ["weak", "weak", "weak", "~"],
  ["unsure", "unsure", "unsure", "?"],
  ["disputed", "disputed", "disputed", "⚑"],
  ["later", "later", "later", "…"],
];
const UNDECIDED = ["untouched", "weak"];

@customElement("sfi-facets")
export class FacetPanel extends LitElement {
  @property({ attribute: false }) classes: readonly LabelClass[] = [];
  @property({ attribute: false }) label_class: number | null = null;
  @property({ attribute: false }) counts: Counts | null = null;
  @property({ attribute: false }) filters: Filters = {};
  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) sources: readonly Named[] = [];
  @property({ type: Boolean }) can_create = false;
  @property({ type: Boolean }) is_browsing = false;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    return html`
      <section class="panel" aria-label="Classes">
        <h2 class="panel-title">Class</h2>
        ${
          this.classes.length
            ? html`<ul class="class-list">
                ${this.classes.map((each, index) => this.classRow(each, index))}
              </ul>`
            : html`<p class="panel-note">${this.can_create ? "No class yet. Name what you look for." : "No class yet. A manager names them."}</p>`
        }
        ${this.can_create ? this.creator() : nothing} ${this.trainer()}
      </section>
      ${this.label_class === null ? nothing : this.statesPanel()} ${this.mediaPanel()}
    `;
  }

  private classRow(each: LabelClass, index: number) {
    const is_current = each.id === this.label_class;
    return html`<li>
      <button
        type="button"
        class="class-pick"
        aria-pressed=${is_current}
        @click=${() => this.tell("facet-class", each.id)}
      >
        <kbd class="key">${index < 9 ? index + 1 : ""}</kbd><span class="clip">${each.name}</span>
      </button>
      <button
        type="button"
        class="class-term"
        title="Search with what was accepted of ${each.name}"
        aria-label="Search with what was accepted of ${each.name}"
        @click=${() => this.tell("facet-term", { kind: "class", class: each.id, box: null, weight: 1 })}
      >
        +
      </button>
    </li>`;
  }

  private creator() {
    return html`<form class="class-form" @submit=${this.create}>
      <input name="name" required maxlength="80" autocomplete="off" placeholder="New class" aria-label="Name of a new class" />
      <button class="btn btn-small" type="submit">Add</button>
    </form>`;
  }

  /** To the page that trains a classifier of this class, once there is something to learn. */
  private trainer() {
    const { label_class, counts } = this;
    if (label_class === null || !counts?.accepted) return nothing;
    return html`<a class="btn btn-small wide" href=${this.api.url("training", undefined, { class: label_class })}
      >Train a classifier of it…</a
    >`;
  }

  private statesPanel() {
    const chosen = this.filters.states ?? UNDECIDED;
    return html`<fieldset class="panel">
      <legend class="panel-title">State</legend>
      ${STATES.map(
        ([state, count, name, glyph]) => html`<label class="facet" data-state=${state}>
          <input
            type="checkbox"
            .checked=${chosen.includes(state)}
            @change=${(event: Event) => this.toggleState(state, (event.target as HTMLInputElement).checked)}
          />
          <span class="facet-glyph" aria-hidden="true">${glyph}</span><span>${name}</span>
          <span class="facet-count">${this.counts ? countText(this.counts[count]) : "–"}</span>
        </label>`,
      )}
    </fieldset>`;
  }

  private mediaPanel() {
    const { filters } = this;
    return html`<fieldset class="panel">
      <legend class="panel-title">Media</legend>
      <div class="segmented" role="group" aria-label="Media kind">
        ${(["all", "image", "video"] as const).map((kind) => this.kindButton(kind))}
      </div>
      <sfi-file-picker
        .api=${this.api}
        .value=${filters.media_files?.[0]}
        @file-picked=${(event: CustomEvent<number | null>) =>
          this.set("media_files", event.detail === null ? undefined : [event.detail])}
      ></sfi-file-picker>
      ${this.sources.length > 1 ? this.sourceSelect() : nothing}
      <div class="facet-pair">
        ${this.number("From s", filters.start_seconds, "0.1", (value) => this.set("start_seconds", value))}
        ${this.number("To s", filters.stop_seconds, "0.1", (value) => this.set("stop_seconds", value))}
      </div>
      ${
        this.is_browsing && filters.min_similarity === undefined
          ? nothing
          : this.number("Similarity ≥", filters.min_similarity, "0.01", (value) =>
              this.set("min_similarity", value),
            )
      }
      ${this.splitSelect()}
      ${
        Object.keys(filters).length
          ? html`<button type="button" class="btn btn-small wide" @click=${() => this.tell("facet-filters", {})}>Reset filters</button>`
          : nothing
      }
    </fieldset>`;
  }

  private kindButton(kind: MediaKind | "all") {
    const current = this.filters.kinds?.[0] ?? "all";
    const name = { all: "All", image: "Photos", video: "Videos" }[kind];
    return html`<button
      type="button"
      aria-pressed=${current === kind}
      @click=${() => this.set("kinds", kind === "all" ? undefined : [kind])}
    >
      ${name}
    </button>`;
  }

  private sourceSelect() {
    const current = this.filters.sources?.[0];
    return html`<label class="facet-field"
      ><span>Source</span>
      <select
        @change=${(event: Event) => {
          const id = numberOf((event.target as HTMLSelectElement).value);
          this.set("sources", id === undefined ? undefined : [id]);
        }}
      >
        <option value="" ?selected=${current === undefined}>any</option>
        ${this.sources.map((each) => html`<option value=${each.id} ?selected=${each.id === current}>${each.name}</option>`)}
      </select>
    </label>`;
  }

  /** The side a file has in the dataset versions. */
  private splitSelect() {
    const chosen = this.filters.splits;
    const current = !chosen ? "" : chosen.length === 1 ? (chosen[0] ?? "") : "several";
    return html`<label class="facet-field"
      ><span>Split</span>
      <select
        @change=${(event: Event) => {
          const { value } = event.target as HTMLSelectElement;
          this.set("splits", value ? [value] : undefined);
        }}
      >
        <option value="" ?selected=${current === ""}>any</option>
        ${current === "several" ? html`<option value="several" selected disabled>${chosen?.join(", ")}</option>` : nothing}
        ${["none", "train", "val", "test"].map((each) => html`<option value=${each} ?selected=${each === current}>${each === "none" ? "in no version" : each}</option>`)}
      </select>
    </label>`;
  }

  private number(label: string, value: number | undefined, step: string, set: (value?: number) => void) {
    return html`<label class="facet-field"
      ><span>${label}</span>
      <input
        type="number"
        step=${step}
        .value=${value === undefined ? "" : String(value)}
        @change=${(event: Event) => set(numberOf((event.target as HTMLInputElement).value))}
      />
    </label>`;
  }

  private toggleState(state: string, is_on: boolean): void {
    const chosen = new Set(this.filters.states ?? UNDECIDED);
    if (is_on) chosen.add(state);
    else chosen.delete(state);
    this.set("states", chosen.size ? [...chosen] : undefined);
  }

  private set<K extends keyof Filters>(name: K, value: Filters[K] | undefined): void {
    const { [name]: _, ...rest } = this.filters;
    this.tell("facet-filters", value === undefined ? rest : { ...rest, [name]: value });
  }

  private readonly create = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const name = String(new FormData(form).get("name") ?? "").trim();
    if (!name) return;
    this.tell("facet-create", name);
    form.reset();
  };

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
