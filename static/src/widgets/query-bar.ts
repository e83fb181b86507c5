/**
 * The query: examples, texts and classes as chips with sign and weight, and one line of filters with completion.
 * Takes uploads, pasted and dropped images. Events: "query-terms" (Term[]), "query-image" (Blob), "query-box" (Term to
 * draw a box on), "query-line" ({filters, terms}), "query-history" (nothing).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { type Names, textOf, understand } from "../lib/filter-text";
import { termOfPhrase } from "../lib/query-url";
import type { Filters, Term } from "../lib/wire";
import type { LineInput } from "./line-input";
import "./line-input";
import { type ChipParts, termChip } from "./term-chip";

@customElement("sfi-query-bar")
export class QueryBar extends LitElement {
  @property({ attribute: false }) terms: readonly Term[] = [];
  @property({ attribute: false }) gone: ReadonlySet<number> = new Set(); // places of terms that are not there any more
  @property({ attribute: false }) filters: Filters = {};
  @property({ attribute: false }) misread: { line: string; detail: string } | null = null; // of the address
  @property({ attribute: false }) names: Names = { classes: [], sources: [] };
  @property({ attribute: false }) filesLike: (part: string) => Promise<readonly string[]> = async () => [];
  @property({ attribute: false }) pictureOf: (term: Term) => string = () => "";
  @property({ attribute: false }) encoder: string | null = null;
  @property({ type: Boolean }) reads_text = false;
  @property({ type: Boolean }) has_history = false;
  @property({ type: Boolean }) busy = false;
  @state() private is_target = false;
  @state() private problem = "";
  @query("sfi-line") private line!: LineInput;
  private next_focus: number | null = null;

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
    this.line.focus();
  }

  /** A tile is being carried over the bar, or no longer is. */
  set target(is_target: boolean) {
    this.is_target = is_target;
  }

  protected override render() {
    const parts: ChipParts = {
      pictureOf: this.pictureOf,
      classes: this.names.classes,
      scorers: this.names.scorers ?? [],
      gone: this.gone,
      change: (index, part) => this.change(index, part),
      remove: (index) => this.without(index),
      draw: (term) => this.dispatchEvent(new CustomEvent("query-box", { detail: term })),
    };
    return html`<div class="query-bar ${this.is_target ? "is-target" : ""}" role="group" aria-label="Query">
      ${this.terms.map((term, index) => termChip(term, index, parts))}
      <sfi-line
        .value=${textOf(this.filters, this.names)}
        .names=${this.names}
        .filesLike=${this.filesLike}
        .hint=${this.hint()}
        .described_by=${this.problem ? "query-problem" : ""}
        @line-said=${(event: CustomEvent<string>) => this.say(event.detail)}
        @line-typed=${() => {
          this.problem = "";
        }}
      ></sfi-line>
      <label class="query-upload btn btn-small" tabindex="0" title="Search with an image file; paste and drop work as well" @keydown=${this.pressUpload}>
        <span aria-hidden="true">↥</span> Image
        <input type="file" class="visually-hidden" accept="image/*" tabindex="-1" aria-label="Search with an image file" @change=${this.upload} />
      </label>
      ${
        this.has_history
          ? html`<button type="button" class="btn btn-small" title="Queries asked before (p)" @click=${() => this.dispatchEvent(new CustomEvent("query-history"))}><span aria-hidden="true">↺</span> Queries</button>`
          : nothing
      }
      ${
        this.terms.length || Object.keys(this.filters).length
          ? html`<button type="button" class="btn btn-small btn-ghost" title="No terms, no filters" @click=${this.clear}>Clear</button>`
          : nothing
      }
      ${this.problem ? html`<p class="query-problem" id="query-problem" role="alert">${this.problem}</p>` : nothing}
    </div>`;
  }

  private hint(): string {
    if (this.terms.length)
      return this.reads_text ? "text or filters, as class:… -state:…" : "filters, as class:… -state:…";
    const text = this.reads_text ? "type what to look for, or filters" : "or type filters";
    return `Click a tile, drop or paste an image; ${text}: -class:… time:10-20`;
  }

  /** The line was entered: filters take the place of the filters, texts become chips. */
  private say(text: string): void {
    try {
      const { filters, phrases, terms } = understand(text, this.names);
      if (phrases.length && !this.reads_text) throw new Error(this.noText(phrases[0]?.text ?? ""));
      this.problem = "";
      const added = [...phrases.map(termOfPhrase), ...terms];
      const isSaidAgain = (term: Term) =>
        added.some((each) =>
          term.kind === "text"
            ? each.text === term.text
            : term.kind === "classifier" && each.classifier === term.classifier && each.class === term.class,
        );
      const kept = this.terms.filter((term) => !isSaidAgain(term));
      this.line.draft = textOf(filters, this.names); // what became a chip is said there
      this.dispatchEvent(new CustomEvent("query-line", { detail: { filters, terms: [...kept, ...added] } }));
    } catch (error) {
      this.problem = (error as Error).message;
      const { start, stop } = error as { start?: number; stop?: number };
      if (start !== undefined && stop !== undefined) this.line.select(start, stop);
    }
  }

  private noText(text: string): string {
    return this.encoder
      ? `“${text}”: ${this.encoder} cannot search by text. A manager can choose an encoder that reads text (openclip:…) on the page of the corpus.`
      : `“${text}”: nothing has been encoded yet, so there is nothing to compare a text with.`;
  }

  private change(index: number, part: Partial<Term>): void {
    this.tell(this.terms.map((term, other) => (other === index ? { ...term, ...part } : term)));
  }

  private without(index: number): void {
    this.next_focus = index;
    this.tell(this.terms.filter((_, other) => other !== index));
  }

  /** After a chip was removed the one in its place has the focus, or the line where there is none. */
  protected override updated(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("misread") && this.misread) void this.show(this.misread);
    if (this.next_focus === null || !changed.has("terms")) return;
    const chips = this.querySelectorAll<HTMLElement>(".term-sign");
    (chips[Math.min(this.next_focus, chips.length - 1)] ?? this.line).focus();
    this.next_focus = null;
  }

  /** A line as it was given, and what is wrong with it: to be mended, not typed again. */
  private async show({ line, detail }: { line: string; detail: string }): Promise<void> {
    await this.line.updateComplete;
    this.line.draft = line;
    this.problem = detail;
  }

  private readonly clear = (): void => {
    this.problem = this.line.draft = "";
    this.dispatchEvent(new CustomEvent("query-line", { detail: { filters: {}, terms: [] } }));
  };

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
