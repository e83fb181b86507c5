/** The line at the bottom: pace, counts, what is not saved yet, the time of the last round; says what was recorded. */

import { html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { countText } from "../lib/format";
import type { Session } from "../lib/session";
import type { Counts } from "../lib/wire";

const MODEL_FROM = 5; // accepted: fewer are too few to hold any of them out

@customElement("sfi-status")
export class StatusBar extends LitElement {
  @property({ attribute: false }) session!: Session;
  @property({ attribute: false }) num_problems = 0; // refused, or somebody else was first
  @property({ attribute: false }) revision = 0; // the session is changed in place

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const { session } = this;
    return html`<div class="status-bar">
      ${this.pace()}
      <span class="status-figure" data-state="accept"><i aria-hidden="true">✓</i> <b>${this.figure("accepted")}</b> accepted</span>
      <span class="status-figure" data-state="reject"><i aria-hidden="true">✕</i> <b>${this.figure("rejected")}</b> rejected</span>
      ${this.found()}
      <span class="status-said" role="status" aria-live="polite">${session.said}</span>
      ${this.encoder()} ${this.saving()}
    </div>`;
  }

  /** The person's time apart from the system's. */
  private pace() {
    const { pace } = this.session;
    const { thinking_ms, system_ms, round_ms } = pace;
    return html`<span class="status-figure" title="Tiles answered in the last minute"><b>${pace.rate.perMinute(Date.now())}</b> / min</span>
      ${
        thinking_ms === null
          ? nothing
          : html`<span class="status-figure" title="You, from one answer to the next: median of the last 50"
              >you <b>${(thinking_ms / 1000).toFixed(1)}</b> s</span
            >`
      }
      ${
        round_ms === null
          ? nothing
          : html`<span class="status-figure" title="The system, from a question to its ranking: newest, and median ${Math.round(system_ms ?? 0)} ms"
              >round <b>${Math.round(round_ms)}</b> ms</span
            >`
      }`;
  }

  /** How long the list is: it says whether a filter is too narrow. */
  private found() {
    const { ranking } = this.session;
    if (ranking.state !== "idle" && !ranking.tiles.length) return nothing;
    return html`<span class="status-figure" title="Stacks and single items that the query finds, decided ones left out unless asked for"
      ><b>${countText(ranking.total)}</b> found</span
    >`;
  }

  private figure(name: keyof Counts): string {
    const { counts } = this.session;
    return counts ? countText(counts[name]) : "–";
  }

  private encoder() {
    const { ranking, config } = this.session;
    const encoder = ranking.encoder || (config.encoder ?? "");
    const learned = this.learned();
    if (!encoder) return nothing;
    return html`<span class="status-figure status-encoder" title="Encoder in use, and what the order rests on"
      >${encoder}${learned ? ` · ${learned}` : ""}</span
    >`;
  }

  /** Before there is a model the order is by the mean of the examples: nothing was learned yet. */
  private learned(): string {
    const { ranking, counts } = this.session;
    if (ranking.mode !== "learned") return "";
    const num_accepts = counts?.accepted ?? 0;
    const num_answers = num_accepts + (counts?.rejected ?? 0);
    const is_model = ranking.is_model ?? num_accepts >= MODEL_FROM;
    if (is_model && ranking.blend !== null)
      return `${Math.round(ranking.blend * 100)} % learned from ${countText(num_answers)} answers`;
    return `from ${countText(num_accepts)} ${num_accepts === 1 ? "example" : "examples"}`;
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
      >${unsaved ? `${countText(unsaved)} unsaved${why}` : this.num_problems ? `${countText(this.num_problems)} not recorded` : "all saved"}</span
    >`;
  }
}
