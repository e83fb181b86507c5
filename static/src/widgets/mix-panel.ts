/** What the queue is made of: mixes to choose, a slider per preset, a limit per file. Event: "mix-set" (Mix or null). */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { MIXES, type Mix, mixText, PRESETS, type Preset, percentages, plain, withShare } from "../lib/mix";

@customElement("sfi-mix")
export class MixPanel extends LitElement {
  @property({ attribute: false }) mix: Mix | null = null; // as it was asked for
  @property({ attribute: false }) in_effect: Mix | null = null; // what the server could give
  @property({ attribute: false }) notes: readonly string[] = [];
  @property({ type: Boolean }) is_ready = false;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const shares = percentages(this.mix);
    return html`<div class="mix">
      <div class="segmented mix-choices" role="group" aria-label="Mixes to choose">
        ${MIXES.map((each) => this.choice(each))}
      </div>
      <div class="mix-bar" aria-hidden="true">
        ${PRESETS.map(({ name }) => html`<i data-preset=${name} .style=${`flex-grow: ${shares[name]}`}></i>`)}
      </div>
      ${PRESETS.map((preset) => this.slider(preset, shares))}
      <label class="facet-field mix-limit"
        ><span>At most per file</span>
        <input
          type="number"
          min="1"
          max="500"
          step="1"
          placeholder="any"
          .value=${this.mix?.per_file ? String(this.mix.per_file) : ""}
          @change=${this.limit}
        />
      </label>
      ${this.is_ready ? nothing : html`<p class="panel-note">It applies once there is an example to rank by.</p>`}
      ${this.notes.map((note) => html`<p class="panel-note">${note}</p>`)}
    </div>`;
  }

  private choice(each: (typeof MIXES)[number]) {
    const wanted = each.mix ? { ...each.mix, ...this.kept() } : this.keptAlone();
    const is_current = text(plain(this.mix)) === text(wanted);
    return html`<button type="button" title=${each.does} aria-pressed=${is_current} @click=${() => this.tell(wanted)}>
      ${each.name}
    </button>`;
  }

  private slider({ name, title, glyph, does }: (typeof PRESETS)[number], shares: Record<Preset, number>) {
    const given = this.in_effect && shares[name] > 0 && !this.in_effect[name];
    return html`<label class="mix-row" data-preset=${name} title=${does}>
      <span class="mix-glyph" aria-hidden="true">${glyph}</span>
      <span class="mix-name">${title}</span>
      <output class="mix-share">${shares[name]} %${given ? " (none)" : ""}</output>
      <input
        type="range"
        min="0"
        max="100"
        step="5"
        .value=${String(shares[name])}
        @keydown=${keepSteps}
        aria-label="${title}: share of the queue in percent, ${does}"
        @change=${(event: Event) =>
          this.tell(withShare(this.mix, name, Number((event.target as HTMLInputElement).value)))}
      />
    </label>`;
  }

  private kept(): Mix {
    return this.mix?.per_file ? { per_file: this.mix.per_file } : {};
  }

  private keptAlone(): Mix | null {
    return this.mix?.per_file ? { harvest: 1, per_file: this.mix.per_file } : null;
  }

  private readonly limit = (event: Event): void => {
    const number = Math.min(500, Math.floor(Number((event.target as HTMLInputElement).value)));
    const { per_file: _, ...shares } = this.mix ?? { harvest: 1 };
    this.tell(number >= 1 ? { ...shares, per_file: number } : shares);
  };

  private tell(mix: Mix | null): void {
    this.dispatchEvent(new CustomEvent("mix-set", { detail: plain(mix) }));
  }
}

/** Keys that move a slider move nothing in the grid. */
function keepSteps(event: KeyboardEvent): void {
  if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation();
}

function text(mix: Mix | null): string {
  return mix ? mixText(mix) : "";
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-mix": MixPanel;
  }
}
