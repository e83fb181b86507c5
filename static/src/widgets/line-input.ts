/**
 * A line of filters that completes keys and values as they are typed. Arrows choose, Tab and Enter take, Esc closes;
 * Enter without a choice enters the line. Events: "line-said" (string), "line-typed".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { type Suggestion, suggestions, typingAt } from "../lib/completion";
import type { Names } from "../lib/filter-text";
import { debounced, latest } from "../lib/latest";

@customElement("sfi-line")
export class LineInput extends LitElement {
  @property({ attribute: false }) value = ""; // as it was entered last
  @property({ attribute: false }) names: Names = { classes: [], sources: [] };
  @property({ attribute: false }) filesLike: (part: string) => Promise<readonly string[]> = async () => [];
  @property({ attribute: false }) hint = "";
  @property({ attribute: false }) described_by = "";
  @state() private found: readonly Suggestion[] = [];
  @state() private chosen = -1;
  private files: readonly string[] = [];
  @query("input") private input!: HTMLInputElement;

  protected override createRenderRoot(): this {
    return this;
  }

  override focus(): void {
    this.input.focus();
    this.input.select();
  }

  /** What stands in the line, though it was not entered. */
  set draft(text: string) {
    this.input.value = text;
  }

  /** Shows a part of what is typed as the one meant. */
  select(start: number, stop: number): void {
    this.input.focus();
    this.input.setSelectionRange(start, stop);
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    // What is being typed stays until it is entered.
    if (changed.has("value") && this.input && this.input.value.trim() !== this.value)
      this.input.value = this.value;
  }

  protected override firstUpdated(): void {
    this.input.value = this.value;
  }

  protected override render() {
    const is_open = this.found.length > 0;
    return html`<input
        type="text"
        class="line-input"
        role="combobox"
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        aria-label="Filters and text"
        aria-autocomplete="list"
        aria-expanded=${is_open}
        aria-controls="line-options"
        aria-activedescendant=${this.chosen >= 0 ? `line-option-${this.chosen}` : nothing}
        aria-describedby=${this.described_by || nothing}
        aria-invalid=${this.described_by !== ""}
        placeholder=${this.hint}
        @input=${this.typed}
        @click=${this.complete}
        @keydown=${this.key}
        @blur=${this.close}
      />
      <ul class="line-options" id="line-options" role="listbox" aria-label="Completions" ?hidden=${!is_open}>
        ${this.found.map((each, index) => this.option(each, index))}
      </ul>`;
  }

  private option(each: Suggestion, index: number) {
    return html`<li
      id="line-option-${index}"
      role="option"
      aria-selected=${index === this.chosen}
      @mousedown=${(event: Event) => {
        event.preventDefault(); // the field keeps the focus
        this.take(each);
      }}
    >
      <b>${each.label}</b>${each.hint ? html`<small>${each.hint}</small>` : nothing}
    </li>`;
  }

  private readonly typed = (): void => {
    this.dispatchEvent(new CustomEvent("line-typed"));
    this.complete();
  };

  private readonly complete = (): void => {
    const { value, selectionStart } = this.input;
    const caret = selectionStart ?? value.length;
    this.found = suggestions(value, caret, this.names, this.files);
    this.chosen = -1;
    const typing = typingAt(value, caret);
    if (typing?.key === "file") this.lookSoon();
  };

  private readonly lookSoon = debounced(() => {
    const typing = typingAt(this.input.value, this.input.selectionStart ?? 0);
    if (typing?.key === "file") void this.look(typing.typed);
  }, 150);

  private readonly look = latest(async (part: string, signal) => {
    const files = await this.filesLike(part).catch(() => []);
    if (signal.aborted || document.activeElement !== this.input) return;
    this.files = files;
    const caret = this.input.selectionStart ?? 0;
    if (typingAt(this.input.value, caret)?.typed === part)
      this.found = suggestions(this.input.value, caret, this.names, files);
  });

  private readonly close = (): void => {
    this.found = [];
    this.chosen = -1;
  };

  private take(each: Suggestion): void {
    const { value } = this.input;
    const rest = value.slice(each.stop);
    const text = rest.startsWith(" ") ? each.text.trimEnd() : each.text;
    this.input.value = value.slice(0, each.start) + text + rest;
    const caret = each.start + text.length;
    this.input.setSelectionRange(caret, caret);
    this.typed();
  }

  private readonly key = (event: KeyboardEvent): void => {
    const { found, chosen } = this;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      this.chosen = chosen < 0 && step < 0 ? found.length - 1 : (chosen + step + found.length) % found.length;
    } else if (event.key === "Tab" && found.length && !event.shiftKey && this.input.value.trim()) {
      const taken = found[Math.max(0, chosen)];
      if (taken) this.take(taken);
    } else if (event.key === "Enter") {
      const taken = found[chosen];
      if (taken) this.take(taken);
      else {
        this.close();
        this.dispatchEvent(new CustomEvent("line-said", { detail: this.input.value.trim() }));
      }
    } else if (event.key === "Escape" && found.length) this.close();
    else if (event.key === "Escape") {
      this.input.value = this.value;
      this.dispatchEvent(new CustomEvent("line-typed"));
      this.input.blur();
      this.dispatchEvent(new CustomEvent("line-left", { bubbles: true }));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-line": LineInput;
  }
}
