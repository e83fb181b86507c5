/** Every key as a button, for mouse and touch, with the count it is about. Event: "action" (its name). */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { afterPaint } from "../lib/after-paint";
import { countText } from "../lib/format";
import { keymap } from "../lib/own-keys";
import type { Session } from "../lib/session";
import { tileSize } from "../lib/tile-size";
import "./more-actions";

@customElement("sfi-actions")
export class ActionBar extends LitElement {
  @property({ attribute: false }) session!: Session;
  @property({ type: Boolean }) is_review = false;

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.session.addEventListener("change", this.refresh);
    keymap.addEventListener("change", this.refresh);
    tileSize.addEventListener("change", this.refresh);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.session.removeEventListener("change", this.refresh);
    keymap.removeEventListener("change", this.refresh);
    tileSize.removeEventListener("change", this.refresh);
  }

  private readonly refresh = afterPaint(() => this.requestUpdate());

  protected override render() {
    const { session } = this;
    return html`<div class="actions" role="toolbar" aria-label="Answers">
      ${session.isViewer ? html`<span class="actions-note">You may look, not answer: your role here is viewer</span>` : this.answers()}
      <sfi-more
        .session=${session}
        .is_review=${this.is_review}
        @more-action=${(event: CustomEvent<string>) => this.tell(event.detail)}
      ></sfi-more>
      <span class="actions-gap"></span>
      ${this.is_review ? nothing : this.ranking()} ${this.zoom()}
      <button type="button" class="btn btn-small btn-ghost" title="Keys" aria-label="Keys" @click=${() => this.tell("help")}>
        <b>?</b>
      </button>
    </div>
    <div class="deck-float">${this.armed() ?? this.chosen()} ${this.pill()}</div>`;
  }

  private answers() {
    const { session } = this;
    const is_off = !session.canAnswer;
    return html`${this.button("accept", "✓", "Accept", is_off)} ${this.button("reject", "✕", "Reject", is_off)}
      ${this.button("unsure", "?", "Unsure", is_off)}
      ${this.is_review ? nothing : this.button("later", "…", "Later", false)}
      ${this.button("undo", "↶", "Undo", !session.decisions.batches.some((batch) => batch.state === "said"))}`;
  }

  private chosen() {
    const { size } = this.session.selection.chosen;
    return size
      ? html`<span class="selected"
          ><b>${countText(size)}</b> selected
          <button type="button" class="btn btn-small btn-ghost" @click=${() => this.tell("drop")}>Drop <kbd>Esc</kbd></button></span
        >`
      : nothing;
  }

  private pill() {
    const { session } = this;
    if (this.is_review || session.better.num === 0) return nothing;
    return html`<button type="button" class="pill" title="Below the screen they are in already; this brings them to the top" @click=${() => this.tell("apply-ranking")}>
      ${countText(session.better.num)} better ${session.better.num === 1 ? "candidate" : "candidates"} <kbd>${keymap.shown("apply-ranking")}</kbd>
    </button>`;
  }

  private button(action: string, glyph: string, name: string, is_off: boolean) {
    const key = keymap.shown(action);
    return html`<button
      type="button"
      class="btn btn-small action"
      data-action=${action}
      title=${key ? `${name} (${key})` : name}
      ?disabled=${is_off}
      @click=${() => this.tell(action)}
    >
      <span aria-hidden="true" class="action-glyph">${glyph}</span><span class="action-name">${name}</span>${key ? html`<kbd>${key}</kbd>` : nothing}
    </button>`;
  }

  private armed() {
    const { armed } = this.session;
    if (!armed) return null;
    return html`<span class="armed" data-state=${armed.answer}>
      <b>${countText(armed.indexes.size)}</b> to ${armed.answer}
      <button type="button" class="btn btn-small btn-primary" @click=${() => this.tell("apply")}>Apply <kbd>Enter</kbd></button>
      <button type="button" class="btn btn-small" @click=${() => this.tell("drop")}>Drop <kbd>Esc</kbd></button>
    </span>`;
  }

  private ranking() {
    const { session } = this;
    const { ranking } = session;
    if (session.isBrowsing && !session.counts?.accepted) return nothing;
    const blend = ranking.blend === null ? "" : ` · blend ${Math.round(ranking.blend * 100)} %`;
    return html`<span class="segmented" role="group" aria-label="Ranking">
        <button
          type="button"
          aria-pressed=${session.query.mode === "similar"}
          title="By similarity to the examples"
          @click=${() => session.setMode("similar")}
        >
          Similar
        </button>
        <button
          type="button"
          aria-pressed=${session.query.mode === "learned"}
          ?disabled=${!session.counts?.accepted}
          title="More like the accepted, less like the rejected${blend}"
          @click=${() => session.better.apply()}
        >
          Like the accepted
        </button>
      </span>`;
  }

  private zoom() {
    const keys = `${keymap.shown("zoom-out")} and ${keymap.shown("zoom-in")}`;
    return html`<label class="zoom" title="Size of the tiles (${keys})"
      ><span aria-hidden="true">▫</span>
      <input
        type="range"
        min="0"
        max=${tileSize.last}
        aria-label="Size of the tiles"
        .value=${String(tileSize.step)}
        @input=${(event: Event) => tileSize.set(Number((event.target as HTMLInputElement).value))}
      />
      <span aria-hidden="true">▢</span></label
    >`;
  }

  private tell(action: string): void {
    this.dispatchEvent(new CustomEvent("action", { detail: action }));
  }
}
