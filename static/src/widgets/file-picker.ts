/** One media file, found by typing a part of its name. Event: "file-picked" (id, or null for any file). */

import { html, LitElement } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Api } from "../lib/api";
import { debounced, latest } from "../lib/latest";

export interface Named {
  id: number;
  name: string;
}

const SUGGESTED = 20;

@customElement("sfi-file-picker")
export class FilePicker extends LitElement {
  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) value: number | undefined;
  @state() private found: readonly Named[] = [];
  @state() private chosen: Named | null = null;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override updated(): void {
    if (this.value === undefined || this.value === this.chosen?.id) return;
    void this.name(this.value).catch(() => undefined); // deleted: the field stays empty, the filter can be reset
  }

  protected override render() {
    return html`<label class="facet-field"
      ><span>File</span>
      <input
        type="search"
        list="file-names"
        autocomplete="off"
        spellcheck="false"
        placeholder="any"
        title=${this.chosen?.name ?? "Type a part of a file's name"}
        .value=${this.value === undefined ? "" : (this.chosen?.name ?? "")}
        @focus=${() => this.suggest()}
        @input=${this.typed}
        @change=${this.changed}
      />
      <datalist id="file-names">
        ${this.found.map((each) => html`<option value=${each.name}></option>`)}
      </datalist>
    </label>`;
  }

  private get input(): HTMLInputElement | null {
    return this.querySelector("input");
  }

  private readonly typed = (): void => {
    // A suggestion that is taken comes as an input event as well.
    if (!this.pick()) this.suggest();
  };

  private readonly changed = async (): Promise<void> => {
    if (this.pick()) return;
    await this.look(this.input?.value.trim() ?? "");
    if (!this.pick() && this.found[0] && this.input?.value.trim()) this.take(this.found[0]);
  };

  /** Takes what is typed, if that is all of a suggested name, or nothing at all. */
  private pick(): boolean {
    const typed = this.input?.value.trim() ?? "";
    if (!typed) {
      this.take(null);
      return true;
    }
    const named = this.found.find((each) => each.name === typed);
    if (named) this.take(named);
    return named !== undefined;
  }

  private take(file: Named | null): void {
    if ((file?.id ?? undefined) === this.value) return;
    this.chosen = file;
    this.dispatchEvent(new CustomEvent("file-picked", { detail: file?.id ?? null }));
  }

  private readonly suggest = debounced(() => void this.look(this.input?.value.trim() ?? ""), 150);

  private readonly look = latest(async (search: string, signal) => {
    const url = this.api.url("media_files", undefined, { search, page_size: SUGGESTED });
    const answer = await this.api.get<{ results: Named[] }>(url, signal).catch(() => ({ results: [] }));
    if (!signal.aborted) this.found = answer.results;
  });

  private async name(id: number): Promise<void> {
    const file = await this.api.get<Named>(this.api.url("media_file", id));
    if (file.id === this.value) this.chosen = file;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-file-picker": FilePicker;
  }
}
