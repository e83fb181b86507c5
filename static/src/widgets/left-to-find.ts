/**
 * The card "Left to find": not measured, an audit in work, or what it says; and minutes to the next positives.
 * Event: "audit-drawn": its looks are among the tiles now.
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError } from "../lib/api";
import {
  type Audit,
  aboutText,
  type Forecast,
  type Line,
  linesOf,
  modelLine,
  originText,
  percent,
  restsText,
  targetText,
  togetherText,
} from "../lib/audits";
import { agoText, countText } from "../lib/format";
import { debounced, latest } from "../lib/latest";
import type { Session } from "../lib/session";
import "../css/left-to-find.css";
import type { Start } from "./audit-plan";
import "./audit-plan";

const SETTLED_MS = 900; // after the last answer was saved: lines are counted once, not at every key

@customElement("sfi-left-to-find")
export class LeftToFind extends LitElement {
  @property({ attribute: false }) session!: Session;
  @state() private audits: readonly Audit[] = [];
  @state() private forecast: Forecast | null = null;
  @state() private is_planning = false;
  @state() private is_busy = false;
  private readonly older_lines = new Map<number, Audit>(); // as they were counted last
  private shown_class: number | null = null;
  private readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    const { session } = this;
    const { signal } = this.life;
    const soon = debounced(() => void this.load(), SETTLED_MS);
    session.addEventListener("query", () => this.classChanged(), { signal });
    session.addEventListener("ranked", () => this.requestUpdate(), { signal });
    session.outbox.addEventListener("saved", soon, { signal });
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  private classChanged(): void {
    if (this.session.query.class === this.shown_class) return;
    this.audits = [];
    this.forecast = null;
    this.is_planning = false;
    void this.load();
  }

  private readonly read = latest(async (label_class: number, signal) => {
    const { api } = this.session;
    const of_class = { class: label_class };
    const of_recall = { class: label_class, kind: "recall" };
    const [audits, forecast] = await Promise.all([
      api.get<{ results: Audit[] }>(api.url("audits", undefined, of_recall), signal),
      api.get<Forecast>(api.url("forecast", undefined, of_class), signal),
    ]);
    return { audits: audits.results, forecast };
  });

  private async load(): Promise<void> {
    const { query } = this.session;
    if (query.class === null) return;
    this.shown_class = query.class;
    const said = await this.read(query.class).catch(() => undefined); // of no help, and no harm, when it fails
    if (!said) return;
    const was_running = this.running !== undefined;
    this.audits = said.audits;
    this.older_lines.clear();
    this.forecast = said.forecast;
    if (was_running && !this.running && this.audits[0]?.state === "done")
      this.session.say("The audit is done: see what is left to find");
  }

  private get running(): Audit | undefined {
    return this.audits.find((each) => each.state === "running");
  }

  private get done(): Audit | undefined {
    return this.audits.find((each) => each.state === "done");
  }

  protected override render() {
    const { running, done } = this;
    return html`
      ${running ? this.progress(running) : nothing}
      ${done ? this.lines(done, running !== undefined) : running ? this.list([modelLine(running.model)]) : this.unmeasured()}
      ${this.is_planning ? this.planner() : running ? nothing : this.planButton(done !== undefined)}
      ${this.minutes()} ${this.older(done)}
    `;
  }

  private unmeasured() {
    return html`<p class="left-says">Not measured</p>
      <p class="panel-note">
        An audit draws stacks of this ranking before anyone sees them, mixes them blindly into your work, and bounds
        what was missed.
      </p>`;
  }

  private planButton(is_again: boolean) {
    const { session } = this;
    const is_ready = session.canAnswer && !session.isBrowsing && session.ranking.round !== null;
    return html`<button
        type="button"
        class="btn btn-small"
        ?disabled=${!is_ready}
        @click=${() => {
          this.is_planning = true;
        }}
      >
        ${is_again ? "Audit the present ranking…" : "Plan an audit…"}
      </button>
      ${is_ready ? nothing : html`<p class="panel-note">Needs a class and a ranking.</p>`}`;
  }

  private planner() {
    return html`<sfi-audit-plan
      .session=${this.session}
      ?is_busy=${this.is_busy}
      @plan-start=${(event: CustomEvent<Start>) => this.start(event.detail)}
      @plan-close=${() => this.close()}
    ></sfi-audit-plan>`;
  }

  private progress(audit: Audit) {
    return html`<div class="left-progress">
      <p class="left-says"><b>${countText(audit.looked_at)}</b> of <b>${countText(audit.looks)}</b> looked at</p>
      <progress
        class="progress"
        max=${audit.looks}
        .value=${audit.looked_at}
        aria-label="Audit: stacks looked at"
      ></progress>
      <p class="panel-note">
        Answer the ranking as usual: about one tile in ${audit.one_in} is of the audit, and none says so. It says
        nothing before all were looked at.
      </p>
      ${this.heading(audit)}
      ${
        this.session.isViewer
          ? nothing
          : html`<button type="button" class="btn btn-small btn-ghost" ?disabled=${this.is_busy} @click=${() => this.stop(audit)}>
              Stop the audit
            </button>`
      }
    </div>`;
  }

  private heading(audit: Audit) {
    const bound = this.forecast?.audit;
    if (bound?.audit !== audit.id) return nothing;
    return html`<p class="panel-note left-target">${targetText(bound)}</p>`;
  }

  private lines(audit: Audit, is_earlier: boolean) {
    return html`${is_earlier ? html`<p class="panel-note">The audit before:</p>` : nothing}
      ${this.list(linesOf(audit))}
      <p class="panel-note">
        Audited ${agoText(Date.parse(audit.at), Date.now())} by ${audit.by}: ${originText(audit)}. What came in since
        is in none of these lines. A new ranking needs a new audit.
      </p>
      ${audit.num_audits > 1 ? html`<p class="panel-note left-together">${togetherText(audit)}</p>` : nothing}`;
  }

  private list(lines: readonly Line[]) {
    return html`<dl class="left-lines">
      ${lines.map(
        (line) => html`<div data-line=${line.kind}>
          <dt>${line.name}</dt>
          <dd>${line.says}</dd>
          ${line.rests ? html`<dd class="left-rests">${line.rests}</dd>` : nothing}
        </div>`,
      )}
    </dl>`;
  }

  private minutes() {
    const { forecast } = this;
    if (!forecast?.to_wanted) return nothing;
    return html`<p class="panel-note left-forecast">
      Next ${forecast.wanted} positives: <b>${aboutText(forecast.to_wanted)}</b>${restsText(forecast)}
    </p>`;
  }

  private older(newest: Audit | undefined) {
    const others = this.audits.filter((each) => each !== newest && each !== this.running);
    if (!others.length) return nothing;
    return html`<details
      class="left-older"
      @toggle=${(event: Event) => (event.target as HTMLDetailsElement).open && void this.loadOlder(others)}
    >
      <summary>${others.length === 1 ? "1 earlier audit" : `${others.length} earlier audits`}</summary>
      <ol>
        ${others.map((each) => {
          const [recall, tail] = linesOf(this.older_lines.get(each.id) ?? each);
          const says =
            each.state === "stopped"
              ? `stopped after ${countText(each.looked_at)} of ${countText(each.looks)}: says nothing`
              : recall?.kind !== "recall"
                ? "counting…"
                : `${recall.name}: ${recall.says}; beyond: ${tail?.says} (${percent(each.confidence)} sure)`;
          return html`<li>${agoText(Date.parse(each.at), Date.now())} · ${says}</li>`;
        })}
      </ol>
    </details>`;
  }

  /** The lines of old audits are counted when somebody looks at them. */
  private async loadOlder(audits: readonly Audit[]): Promise<void> {
    const { api } = this.session;
    for (const { id, has_lines } of audits) {
      if (has_lines || this.older_lines.has(id)) continue;
      const told = await api.get<Audit>(api.url("audit", id), this.life.signal).catch(() => null);
      if (!told) return;
      this.older_lines.set(id, told);
      this.requestUpdate();
    }
  }

  private close(): void {
    this.is_planning = false;
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(".btn")?.focus());
  }

  private async start(plan: Start): Promise<void> {
    const { session } = this;
    await this.attempt(async () => {
      await session.api.post(session.api.url("audits"), plan);
      this.is_planning = false;
      session.say(`Audit drawn: ${countText(plan.looks + plan.tail_looks)} stacks, mixed into your ranking`);
      await Promise.all([this.load(), session.search()]);
      this.dispatchEvent(new CustomEvent("audit-drawn"));
    });
  }

  private async stop(audit: Audit): Promise<void> {
    const { session } = this;
    await this.attempt(async () => {
      await session.api.post(session.api.url("audit_stop", audit.id), {});
      session.say("Audit stopped");
      await this.load();
    });
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.is_busy = true;
    try {
      await work();
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) this.session.say(error.detail);
      this.session.fail(error);
    } finally {
      this.is_busy = false;
    }
  }
}
