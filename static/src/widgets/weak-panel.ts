/**
 * "Take the first N / all above similarity s" as weak labels, with the count before anything is recorded.
 * Events: "weak-take" ({first_n} | {min_similarity}), "weak-cut" (similarity | null).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { countText, numberOf } from "../lib/format";
import type { Take } from "../lib/weak-labels";

@customElement("sfi-weak")
export class WeakPanel extends LitElement {
  @property({ attribute: false }) similarity: number | null = null; // of the cut line
  @property({ attribute: false }) total = 0;
  @property({ attribute: false }) countAbove: (similarity: number) => Promise<number> = async () => 0;
  @property({ type: Boolean }) is_ready = false;
  @property({ type: Boolean }) is_busy = false;
  @state() private by: "first_n" | "min_similarity" = "first_n";
  @state() private first_n = 100;
  @state() private typed: number | undefined;
  @state() private above: number | null = null;
  private asked = "";

  protected override createRenderRoot(): this {
    return this;
  }

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("similarity") && this.similarity !== null) {
      this.by = "min_similarity";
      this.typed = undefined;
    }
    if (this.by === "min_similarity") void this.preview();
  }

  /** All that match, still to be confirmed: the button that takes them has the focus. */
  propose(): void {
    this.by = "first_n";
    this.first_n = this.total;
    const card = this.closest("details");
    if (card) card.open = true;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(".weak-form .btn")?.focus());
  }

  private get threshold(): number | null {
    return this.typed ?? this.similarity;
  }

  protected override render() {
    const is_first = this.by === "first_n";
    return html`<div class="segmented" role="group" aria-label="Take by">
        <button type="button" aria-pressed=${is_first} @click=${() => this.choose("first_n")}>First N</button>
        <button type="button" aria-pressed=${!is_first} @click=${() => this.choose("min_similarity")}>Similarity ≥</button>
      </div>
      <form class="weak-form" @submit=${this.take}>
        ${
          is_first
            ? html`<input type="number" min="1" step="1" aria-label="How many" .value=${String(this.first_n)} @input=${this.typeCount} />`
            : html`<input type="number" step="0.001" aria-label="Least similarity" .value=${this.threshold === null ? "" : this.threshold.toFixed(3)} @change=${this.typeSimilarity} />`
        }
        <button class="btn btn-small" type="submit" ?disabled=${!this.is_ready || this.is_busy || !this.count}>
          Take ${this.count === null ? "…" : countText(this.count)}
        </button>
      </form>
      <p class="panel-note">
        ${
          this.is_ready
            ? "Accepted in bulk, not looked at one by one; kept apart from verdicts, cleaned in review. Expected precision: not measured."
            : "Needs a class and a ranking."
        }
        ${this.similarity === null ? nothing : html` Cut line at <b>${this.similarity.toFixed(3)}</b>.`}
      </p>`;
  }

  private get count(): number | null {
    if (!this.is_ready) return 0;
    return this.by === "first_n" ? Math.min(this.first_n, this.total) : this.above;
  }

  private choose(by: "first_n" | "min_similarity"): void {
    this.by = by;
  }

  private async preview(): Promise<void> {
    const { threshold } = this;
    const key = `${threshold}/${this.total}/${this.is_ready}`;
    if (this.asked === key || threshold === null || !this.is_ready) return;
    this.asked = key;
    this.above = null;
    const above = await this.countAbove(threshold).catch(() => 0);
    if (this.asked === key) this.above = above;
  }

  private readonly typeCount = (event: Event): void => {
    this.first_n = Math.max(0, Math.floor(numberOf((event.target as HTMLInputElement).value) ?? 0));
  };

  private readonly typeSimilarity = (event: Event): void => {
    this.typed = numberOf((event.target as HTMLInputElement).value);
    this.dispatchEvent(new CustomEvent("weak-cut", { detail: this.typed ?? null }));
  };

  private readonly take = (event: SubmitEvent): void => {
    event.preventDefault();
    const { threshold } = this;
    const detail: Take | null =
      this.by === "first_n"
        ? { first_n: this.first_n }
        : threshold === null
          ? null
          : { min_similarity: threshold };
    if (detail && this.count) this.dispatchEvent(new CustomEvent("weak-take", { detail }));
  };
}
