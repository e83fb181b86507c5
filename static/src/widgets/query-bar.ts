/**
 * The examples a ranking starts from, as chips with sign and weight; takes uploads, pasted and dropped images.
 * Events: "query-terms" (Term[]), "query-image" (Blob), "query-box" (Term to draw a box on).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Term } from "../lib/wire";

@customElement("sfi-query-bar")
export class QueryBar extends LitElement {
  @property({ attribute: false }) terms: readonly Term[] = [];
  @property({ attribute: false }) pictureOf: (term: Term) => string = () => "";
  @property({ type: Boolean }) busy = false;
  @state() private is_target = false;

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("paste", this.paste);
    this.addEventListener("dragover", this.dragOver);
    this.addEventListener("dragleave", this.dragLeave);
    this.addEventListener("drop", this.drop);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("paste", this.paste);
  }

  override focus(): void {
    this.querySelector<HTMLElement>(".term button, .query-upload")?.focus();
  }

  /** A tile is being carried over the bar, or no longer is. */
  set target(is_target: boolean) {
    this.is_target = is_target;
  }

  protected override render() {
    return html`<div class="query-bar ${this.is_target ? "is-target" : ""}" role="group" aria-label="Query">
      ${
        this.terms.length
          ? this.terms.map((term, index) => this.chip(term, index))
          : html`<span class="query-hint"
              >Search by example: click a tile, drop or paste an image${this.busy ? " …" : ""}</span
            >`
      }
      <label class="query-upload btn btn-small" tabindex="0" @keydown=${this.pressUpload}>
        <span aria-hidden="true">↥</span> Image
        <input type="file" class="visually-hidden" accept="image/*" tabindex="-1" aria-label="Search with an image file" @change=${this.upload} />
      </label>
      ${
        this.terms.length
          ? html`<button type="button" class="btn btn-small btn-ghost" @click=${() => this.tell([])}>Clear</button>`
          : nothing
      }
    </div>`;
  }

  private chip(term: Term, index: number) {
    const is_negative = term.weight < 0;
    const name = `${is_negative ? "minus" : "plus"} example ${index + 1}${term.box ? ", a box of it" : ""}`;
    return html`<span class="term" data-sign=${is_negative ? "minus" : "plus"}>
      <button
        type="button"
        class="term-sign"
        title="Change the sign"
        aria-label="${name}: change the sign"
        @click=${() => this.change(index, { weight: -term.weight })}
      >
        ${is_negative ? "−" : "+"}
      </button>
      <button type="button" class="term-picture" title="Draw a box on it" aria-label="${name}: draw a box" @click=${() => this.dispatchEvent(new CustomEvent("query-box", { detail: term }))}>
        <img src=${this.pictureOf(term)} alt="" />${term.box ? html`<span class="term-crop">▣</span>` : nothing}
      </button>
      <input
        type="number"
        class="term-weight"
        min="0.1"
        max="5"
        step="0.1"
        aria-label="${name}: weight"
        .value=${String(Math.abs(term.weight))}
        @change=${(event: Event) => this.weigh(index, event)}
      />
      <button type="button" class="term-remove" aria-label="Remove ${name}" title="Remove" @click=${() => this.tell(this.terms.filter((_, other) => other !== index))}>
        ✕
      </button>
    </span>`;
  }

  private weigh(index: number, event: Event): void {
    const size = Math.abs(Number((event.target as HTMLInputElement).value)) || 1;
    const sign = (this.terms[index]?.weight ?? 1) < 0 ? -1 : 1;
    this.change(index, { weight: sign * size });
  }

  private change(index: number, part: Partial<Term>): void {
    this.tell(this.terms.map((term, other) => (other === index ? { ...term, ...part } : term)));
  }

  private tell(terms: Term[]): void {
    this.dispatchEvent(new CustomEvent("query-terms", { detail: terms }));
  }

  private readonly pressUpload = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    this.querySelector<HTMLInputElement>(".query-upload input")?.click();
  };

  private readonly upload = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    this.take(input.files);
    input.value = "";
  };

  private readonly paste = (event: ClipboardEvent): void => this.take(event.clipboardData?.files ?? null);

  private readonly dragOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.is_target = true;
  };

  private readonly dragLeave = (): void => {
    this.is_target = false;
  };

  private readonly drop = (event: DragEvent): void => {
    event.preventDefault();
    this.is_target = false;
    this.take(event.dataTransfer?.files ?? null);
  };

  private take(files: FileList | null): void {
    for (const file of files ?? []) {
      if (file.type.startsWith("image/"))
        this.dispatchEvent(new CustomEvent("query-image", { detail: file }));
    }
  }
}
