/** The line at the bottom: pace, counts, what is not saved yet, the time of the last round; says what was recorded. */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { countText } from "../lib/format";
import type { OutboxState } from "../lib/outbox";
import type { Counts } from "../lib/wire";

@customElement("sfi-status")
export class StatusBar extends LitElement {
  @property({ type: Number }) per_minute = 0;
  @property({ attribute: false }) counts: Counts | null = null;
  @property({ type: Number }) unsaved = 0;
  @property({ attribute: false }) state: OutboxState = "idle";
  @property({ attribute: false }) round_ms: number | null = null;
  @property({ type: String }) encoder = "";
  @property({ attribute: false }) blend: number | null = null; // share of what was learned; null: similarity alone
  @property({ type: String }) said = "";
  @property({ type: String }) login_url = "";

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    return html`<div class="status-bar">
      <span class="status-figure"><b>${this.per_minute}</b> / min</span>
      <span class="status-figure" data-state="accept"><i aria-hidden="true">✓</i> <b>${this.figure("accepted")}</b> accepted</span>
      <span class="status-figure" data-state="reject"><i aria-hidden="true">✕</i> <b>${this.figure("rejected")}</b> rejected</span>
      <span class="status-said" role="status" aria-live="polite">${this.said}</span>
      ${this.round_ms === null ? nothing : html`<span class="status-figure">round <b>${Math.round(this.round_ms)}</b> ms</span>`}
      ${
        this.encoder
          ? html`<span class="status-figure" title="Encoder in use"
              >${this.encoder}${this.blend === null ? nothing : ` · ${Math.round(this.blend * 100)} % learned`}</span
            >`
          : nothing
      }
      ${this.saving()}
    </div>`;
  }

  private figure(name: keyof Counts): string {
    return this.counts ? countText(this.counts[name]) : "–";
  }

  private saving() {
    if (this.state === "signed-out") {
      return html`<span class="status-unsaved is-stuck" role="alert"
        >${countText(this.unsaved)} unsaved, kept here.
        <a href=${this.login_url} target="_blank" rel="noopener">Sign in again</a></span
      >`;
    }
    const is_stuck = this.state === "waiting";
    const why = is_stuck ? " · server not reachable, trying again" : "";
    return html`<span class="status-unsaved ${is_stuck ? "is-stuck" : ""}" data-unsaved=${this.unsaved}
      >${this.unsaved ? `${countText(this.unsaved)} unsaved${why}` : "all saved"}</span
    >`;
  }
}
