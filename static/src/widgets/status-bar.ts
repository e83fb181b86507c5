/** The line at the bottom: pace, counts, what is not saved yet, the time of the last round; says what was recorded. */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { countText } from "../lib/format";
import type { Session } from "../lib/session";
import type { Counts } from "../lib/wire";

@customElement("sfi-status")
export class StatusBar extends LitElement {
  @property({ attribute: false }) session!: Session;
  @property({ attribute: false }) revision = 0; // the session is changed in place

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const { session } = this;
    return html`<div class="status-bar">
      <span class="status-figure"><b>${session.rate.perMinute(Date.now())}</b> / min</span>
      <span class="status-figure" data-state="accept"><i aria-hidden="true">✓</i> <b>${this.figure("accepted")}</b> accepted</span>
      <span class="status-figure" data-state="reject"><i aria-hidden="true">✕</i> <b>${this.figure("rejected")}</b> rejected</span>
      <span class="status-said" role="status" aria-live="polite">${session.said}</span>
      ${session.round_ms === null ? nothing : html`<span class="status-figure">round <b>${Math.round(session.round_ms)}</b> ms</span>`}
      ${this.encoder()} ${this.saving()}
    </div>`;
  }

  private figure(name: keyof Counts): string {
    const { counts } = this.session;
    return counts ? countText(counts[name]) : "–";
  }

  private encoder() {
    const { ranking, config, query } = this.session;
    const encoder = ranking.encoder || (config.encoder ?? "");
    const blend = query.mode === "learned" ? ranking.blend : null;
    const learned = blend === null ? "" : ` · ${Math.round(blend * 100)} % learned`;
    return encoder
      ? html`<span class="status-figure" title="Encoder in use">${encoder}${learned}</span>`
      : nothing;
  }

  private saving() {
    const { outbox, config } = this.session;
    const { unsaved, state } = outbox;
    if (state === "signed-out") {
      return html`<span class="status-unsaved is-stuck" role="alert"
        >${countText(unsaved)} unsaved, kept here.
        <a href=${config.urls.login ?? ""} target="_blank" rel="noopener">Sign in again</a></span
      >`;
    }
    const is_stuck = state === "waiting";
    const why = is_stuck ? " · server not reachable, trying again" : "";
    return html`<span class="status-unsaved ${is_stuck ? "is-stuck" : ""}" data-unsaved=${unsaved}
      >${unsaved ? `${countText(unsaved)} unsaved${why}` : "all saved"}</span
    >`;
  }
}
