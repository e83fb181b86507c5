/**
 * Before an audit: how deep, how many looks, what that costs and the most it can say.
 * Events: "plan-start" (Start), "plan-close".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import {
  aboutText,
  atLeast,
  type Horizon,
  minutesText,
  type Option,
  ordinal,
  type Plan,
  percent,
  priceText,
} from "../lib/audits";
import { countText } from "../lib/format";
import { latest } from "../lib/latest";
import type { Session } from "../lib/session";

export interface Start {
  round: number;
  horizon: number;
  looks: number;
  tail_looks: number;
  is_only_look: boolean;
}

const GOOD = 0.9; // the first plan that could say so much is proposed
const LITTLE = 0.7; // a plan that can say no more is told to be of little use
const CHEAP = 500; // looks: what is proposed unasked
const USUAL = 200;
const TAILS = [0, 100, 300, 1000];

@customElement("sfi-audit-plan")
export class AuditPlan extends LitElement {
  @property({ attribute: false }) session!: Session;
  @property({ type: Boolean }) is_busy = false;
  @state() private plan: Plan | null = null;
  @state() private stacks = 0; // the horizon chosen
  @state() private looks = 0;
  @state() private tail_looks = 0;
  @state() private is_only_look = true;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    void this.load();
  }

  private readonly read = latest((round: number, signal) => {
    const { api } = this.session;
    return api.get<Plan>(api.url("audit_plan", undefined, { round }), signal);
  });

  private async load(): Promise<void> {
    const { round } = this.session.ranking;
    if (round === null) return;
    try {
      const plan = await this.read(round);
      if (!plan) return;
      this.plan = plan;
      this.propose(plan);
      await this.updateComplete;
      this.querySelector<HTMLElement>("select")?.focus();
    } catch (error) {
      this.session.fail(error);
      this.dispatchEvent(new CustomEvent("plan-close"));
    }
  }

  /** The deepest horizon where a cheap plan can still say 0.9; else the first with a choice. */
  private propose(plan: Plan): void {
    const usable = plan.horizons.filter((each) => each.options.length);
    const good = usable.filter((each) => each.options.some(isGood));
    this.choose(good.at(-1) ?? usable[0]);
    this.tail_looks = plan.num_ranked > this.stacks ? 100 : 0;
  }

  private choose(horizon: Horizon | undefined): void {
    if (!horizon) return;
    this.stacks = horizon.stacks;
    const cheap = horizon.options.filter((each) => each.looks <= USUAL);
    this.looks = (horizon.options.find(isGood) ?? cheap.at(-1) ?? horizon.options[0])?.looks ?? 0;
    if (this.plan && this.plan.num_ranked <= horizon.stacks) this.tail_looks = 0;
  }

  protected override render() {
    const { plan } = this;
    if (!plan)
      return html`<p class="panel-note" aria-busy="true">Counting what is decided in this ranking…</p>`;
    const horizon = plan.horizons.find((each) => each.stacks === this.stacks);
    if (!horizon)
      return html`<p class="panel-note">Nothing is undecided in this ranking: there is nothing to draw.</p>`;
    const option = horizon.options.find((each) => each.looks === this.looks);
    const tail = plan.num_ranked - horizon.stacks;
    return html`<form class="left-plan" @submit=${this.submit}>
      <label>Horizon, first stacks
        <select class="select select-small" @change=${(event: Event) => this.choose(plan.horizons[indexOf(event)])}>
          ${plan.horizons.map(
            (each) => html`<option ?selected=${each === horizon} ?disabled=${!each.options.length}>
              ${countText(each.stacks)}: ${countText(each.accepted)} accepted, ${countText(each.undecided)} open
            </option>`,
          )}
        </select>
      </label>
      <label>Looks
        <select class="select select-small" @change=${(event: Event) => {
          this.looks = horizon.options[indexOf(event)]?.looks ?? this.looks;
        }}>
          ${horizon.options.map((each) => html`<option ?selected=${each === option}>${optionText(each, horizon)}</option>`)}
        </select>
      </label>
      ${tail > 0 ? this.tailField(tail) : nothing}
      <label class="left-check"
        ><input type="checkbox" .checked=${!this.is_only_look} @change=${(event: Event) => {
          this.is_only_look = !(event.target as HTMLInputElement).checked;
        }} />
        I may want to look again (this look spends half)</label
      >
      ${option ? this.promise(plan, horizon, option) : nothing}
      <div class="left-buttons">
        <button class="btn btn-small btn-primary" type="submit" ?disabled=${this.is_busy || !option}>Draw it</button>
        <button class="btn btn-small btn-ghost" type="button" @click=${this.cancel}>Cancel</button>
      </div>
      ${this.price(plan)}
    </form>`;
  }

  private tailField(tail: number) {
    const choices = TAILS.filter((each) => each <= tail);
    return html`<label>Beyond, of ${countText(tail)}
      <select class="select select-small" @change=${(event: Event) => {
        this.tail_looks = choices[indexOf(event)] ?? 0;
      }}>
        ${choices.map(
          (each) =>
            html`<option ?selected=${each === this.tail_looks}>${each ? `${countText(each)} looks` : "no looks: not measured"}</option>`,
        )}
      </select>
    </label>`;
  }

  private promise(plan: Plan, horizon: Horizon, option: Option) {
    const minutes = option.minutes * (1 + this.tail_looks / option.looks);
    const pace = `${Math.round(plan.per_minute)} a minute${plan.is_pace_measured ? ", your pace" : ""}`;
    const wanted = horizon.to_target;
    return html`<p class="panel-note">
      <b>${countText(option.looks + this.tail_looks)} looks, about ${minutesText(minutes)}</b> at ${pace}, spread over
      your work.
      ${
        (option.recall ?? 0) < LITTLE
          ? `With ${countText(horizon.accepted)} accepted it can say little: find more first, or look at more.`
          : nothing
      }
      ${
        plan.number > 1
          ? html`It would be the <b>${ordinal(plan.number)}</b> ranking audited of this class: it may spend less, so that
            auditing until it pleases is of no use (${percent(plan.confidence)} sure).`
          : nothing
      }
      ${wanted ? html`Recall ${plan.target} takes ${aboutText(wanted)} of looks.` : nothing}
    </p>`;
  }

  private price(plan: Plan) {
    return html`<details class="left-price" open>
      <summary>Price of certainty</summary>
      <p class="panel-note">
        Looks that rule out missing ${percent(plan.missed_share)} of a class in the whole corpus, trusting no ranking:
      </p>
      <table>
        <thead><tr><th scope="col">share</th><th scope="col">looks</th><th scope="col">time</th></tr></thead>
        <tbody>
          ${plan.price.map(
            (each) => html`<tr>
              <td>${percent(each.prevalence)}</td>
              ${priceText(each, plan.num_ranked).map((text) => html`<td>${text}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </details>`;
  }

  private readonly submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!this.plan) return;
    const { stacks: horizon, looks, tail_looks, is_only_look } = this;
    const detail: Start = { round: this.plan.round, horizon, looks, tail_looks, is_only_look };
    this.dispatchEvent(new CustomEvent("plan-start", { detail }));
  };

  private readonly cancel = (): void => {
    this.dispatchEvent(new CustomEvent("plan-close"));
  };
}

function isGood(option: Option): boolean {
  return option.recall !== null && option.recall >= GOOD && option.looks <= CHEAP;
}

function optionText(option: Option, horizon: Horizon): string {
  const all = option.looks === horizon.undecided ? " (all)" : "";
  const says = option.recall === null ? "" : `: at best recall ${atLeast(option.recall)}`;
  return `${countText(option.looks)}${all}${says}`;
}

function indexOf(event: Event): number {
  return (event.target as HTMLSelectElement).selectedIndex;
}
