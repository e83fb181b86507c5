/** The last batches of answers, each undoable and redoable at any age. Events: "history-undo", "history-redo" (Batch). */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { GLYPH_OF, PARTICIPLE_OF } from "../lib/answers";
import type { Batch } from "../lib/batches";
import { agoText, countText } from "../lib/format";

const SHOWN = 50;

@customElement("sfi-history")
export class HistoryList extends LitElement {
  @property({ attribute: false }) batches: readonly Batch[] = [];
  @property({ attribute: false }) revision = 0; // batches are changed in place
  @property({ attribute: false }) pictureOf: (item: number) => string = () => "";

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    return this.batches.length
      ? html`<ol class="history">
          ${repeat(
            this.batches.slice(0, SHOWN),
            (batch) => batch.id,
            (batch) => this.row(batch),
          )}
        </ol>`
      : html`<p class="panel-note">Every batch of answers appears here and can be undone, whatever its age.</p>`;
  }

  private row(batch: Batch) {
    const is_undone = batch.state === "undone";
    return html`<li class="batch ${is_undone ? "is-undone" : ""}" data-state=${batch.answer}>
      <span class="batch-glyph" aria-hidden="true">${GLYPH_OF[batch.answer]}</span>
      ${batch.item === null ? nothing : html`<img class="batch-picture" src=${this.pictureOf(batch.item)} alt="" loading="lazy" />`}
      <span class="batch-what"
        ><b>${countText(batch.count)}</b> ${is_undone ? "undone" : PARTICIPLE_OF[batch.answer]}
        <small>${batch.is_saved ? "" : "unsaved · "}${agoText(batch.at, Date.now())} · ${batch.class_name}</small></span
      >
      <button
        type="button"
        class="btn btn-small"
        aria-label="${is_undone ? "Redo" : "Undo"}: ${countText(batch.count)} ${PARTICIPLE_OF[batch.answer]}, ${batch.class_name}"
        @click=${() => this.tell(is_undone ? "history-redo" : "history-undo", batch)}
      >
        ${is_undone ? "Redo" : "Undo"}
      </button>
    </li>`;
  }

  private tell(name: string, batch: Batch): void {
    this.dispatchEvent(new CustomEvent(name, { detail: batch }));
  }
}
