/** What the audits of a class say, in the words of the page. Names and units as the API has them. */

import { countText } from "./format";
import { wait } from "./words";

export interface Sample {
  looks: number;
  looked_at: number;
  found: number;
  unsure: number;
  looked_twice: number;
  disputed: number;
}

export interface Recall {
  sample: Sample;
  horizon: number;
  accepted: number;
  undecided: number;
  doubtful: number;
  missed_at_most: number | null;
  before: number | null;
  after: number | null;
  now: number | null;
}

export interface Tail {
  sample: Sample;
  stacks: number;
  at_most: number | null;
}

export interface Model {
  missed: number;
  low: number;
  high: number;
  num_answers: number;
}

export interface Audit {
  id: number;
  kind: "recall" | "purity";
  state: "running" | "done" | "stopped";
  number: number; // which audited ranking of the class
  confidence: number;
  num_audits: number;
  confidence_together: number;
  by: string;
  at: string;
  round: number | null;
  mode: string;
  build: string;
  encoder: string;
  looks: number;
  looked_at: number;
  one_in: number;
  has_lines: boolean; // false: older, its lines are asked for one by one
  recall: Recall | null;
  tail: Tail | null;
  model: Model | null;
}

export interface Minutes {
  minutes: number | null;
  low: number | null;
  high: number | null;
}

export interface Option {
  looks: number;
  minutes: number;
  recall: number | null;
}

export interface Horizon {
  stacks: number;
  accepted: number;
  undecided: number;
  options: Option[];
  to_target: Minutes | null;
}

export interface Plan {
  round: number;
  num_ranked: number;
  number: number; // which audited ranking of the class it would be
  confidence: number;
  target: number;
  missed_share: number;
  per_minute: number;
  is_pace_measured: boolean;
  horizons: Horizon[];
  price: { prevalence: number; looks: number; minutes: number }[];
}

export interface Forecast {
  class: number;
  wanted: number;
  decisions: number;
  per_minute: number | null;
  to_wanted: Minutes | null;
  audit: ToBound | null;
}

/** What a running audit is heading for: a forecast, not a bound. */
export interface ToBound {
  audit: number;
  target: number;
  share: number | null;
  to_done: Minutes | null;
  to_target: Minutes | null;
}

export interface Purity {
  state: "running" | "done";
  looks: number;
  looked_at: number;
  share: number | null;
  low: number | null;
  high: number | null;
  confidence: number;
}

/** One line of the card: what is known, and what it rests on. */
export interface Line {
  kind: "recall" | "tail" | "model";
  name: string;
  says: string;
  rests: string;
}

/** 0.8461 is "0.84": a lower bound is rounded down. */
export function atLeast(share: number): string {
  return (Math.floor(share * 100 + 1e-9) / 100).toFixed(2);
}

/** 0.05 is "5 %"; 0.001 is "0.1 %"; 0.975 is "97.5 %". */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

export function minutesText(minutes: number): string {
  return wait(minutes * 60);
}

/** "about 6 min (4 min to 9 min)", "not in sight". */
export function aboutText(found: Minutes): string {
  if (found.minutes === null) return "not in sight";
  const low = minutesText(found.low ?? 0);
  const high = found.high === null ? "open" : minutesText(found.high);
  return `about ${minutesText(found.minutes)} (${low} to ${high})`;
}

/** ", at your 61 a minute, from 60 decisions"; "" before there is a pace. */
export function restsText({ per_minute, decisions }: Forecast): string {
  if (per_minute === null) return "";
  return `, at your ${countText(Math.round(per_minute))} a minute, from ${countText(decisions)} decisions at the keyboard`;
}

export function sampleText({ looked_at, found, unsure, looked_twice, disputed }: Sample): string {
  const twice = looked_twice
    ? `, ${countText(looked_twice)} looked at twice, ${countText(disputed)} differ`
    : "";
  const doubt = unsure ? `, ${countText(unsure)} unsure counted as missed` : "";
  return `${stacks(looked_at)} looked at, ${countText(found)} found${doubt}${twice}`;
}

/** The three lines of an audit that is done, never merged. A line without a sample says "not measured". */
export function linesOf(audit: Audit): Line[] {
  const lines: Line[] = [];
  const sure = `${percent(audit.confidence)} sure`;
  const { recall, tail, model } = audit;
  if (recall)
    lines.push({
      kind: "recall",
      name: `First ${countText(recall.horizon)} stacks`,
      ...recallLine(recall, sure),
    });
  if (tail)
    lines.push({
      kind: "tail",
      name: "Beyond them, when drawn",
      ...tailLine(tail, sure),
    });
  lines.push(modelLine(model));
  return lines;
}

function tailLine(tail: Tail, sure: string): { says: string; rests: string } {
  if (tail.stacks === 0) return { says: "nothing: this was the whole ranking", rests: "" };
  if (tail.at_most === null) return { says: "not measured", rests: `${stacks(tail.stacks)} lie there` };
  return {
    says: `at most ${countText(tail.at_most)} more`,
    rests: `of ${stacks(tail.stacks)} · ${sampleText(tail.sample)} · ${sure}`,
  };
}

function recallLine(recall: Recall, sure: string): { says: string; rests: string } {
  if (recall.after === null || recall.before === null)
    return { says: "not measured", rests: sampleText(recall.sample) };
  const best = Math.max(recall.after, recall.now ?? 0);
  const parts = [
    `when drawn: ${atLeast(recall.before)} without the audit's finds`,
    `at most ${countText(recall.missed_at_most ?? 0)} among the ${countText(recall.undecided)} then undecided`,
    sampleText(recall.sample),
    ...(recall.doubtful ? [`${countText(recall.doubtful)} reopened since, counted as missed`] : []),
    sure,
  ];
  return { says: `recall at least ${atLeast(best)}`, rests: parts.join(" · ") };
}

export function modelLine(model: Model | null): Line {
  const [kind, name] = ["model", "Model estimate, not a bound"] as const;
  if (!model) return { kind, name, says: "too few answers", rests: "" };
  const span = `${countText(Math.floor(model.low))} to ${countText(Math.ceil(model.high))}`;
  return {
    kind,
    name,
    says: `about ${countText(Math.round(model.missed))} more`,
    rests: `${span} · calibrated on ${countText(model.num_answers)} answers in the ranking`,
  };
}

/** What a line is worth when it was picked among several audits; "" of the only one. */
export function togetherText(audit: Audit): string {
  const { num_audits, number, confidence, confidence_together } = audit;
  if (num_audits < 2) return "";
  const spent =
    number > 1
      ? ` As the ${ordinal(number)} ranking audited it spends less: ${percent(confidence)} sure.`
      : "";
  return `${countText(num_audits)} audits of this class were drawn.${spent} That none of their lines is wrong is ${percent(confidence_together)} sure.`;
}

/** "Recall 0.9 is in sight, about 12 min (9 min to 15 min)", or how likely it is. */
export function targetText({ target, share, to_done, to_target }: ToBound): string {
  const done = to_done ? `Done in ${aboutText(to_done)}.` : "";
  if (share === null) return done;
  const chance =
    share >= 0.995
      ? "it is all but sure to say so"
      : share <= 0.005
        ? "it has hardly a chance to say so"
        : `it will say so with a chance of ${percent(share)}`;
  const then = to_target
    ? `Recall ${target} is in sight, ${aboutText(to_target)}: ${chance}`
    : `Recall ${target} is not in sight with this audit: ${chance}`;
  return `${to_target ? "" : `${done} `}${then}. A forecast, not a bound.`;
}

export function ordinal(number: number): string {
  const ends = { 1: "st", 2: "nd", 3: "rd" } as Readonly<Record<number, string>>;
  const is_teen = number % 100 > 10 && number % 100 < 14;
  return `${number}${(is_teen ? undefined : ends[number % 10]) ?? "th"}`;
}

/** "learned ranking, builtin@1, build 3f2a9c1b" */
export function originText(audit: Audit): string {
  const build = audit.build ? `build ${audit.build.slice(0, 8)}` : "every vector compared";
  return `${audit.mode} ranking · ${audit.encoder} · ${build}`;
}

/** Of a whole corpus: how many looks, and minutes of them; never more than there are stacks. */
export function priceText({ looks, minutes }: Plan["price"][number], num_ranked: number): [string, string] {
  const share = Math.min(1, num_ranked / looks);
  const text = share < 1 ? `all ${countText(num_ranked)}` : countText(looks);
  return [text, minutesText(minutes * share)];
}

/** What stands beside a weak batch. */
export function purityText(purity: Purity | null): string {
  if (!purity) return "precision not measured";
  if (purity.share === null || purity.low === null || purity.high === null)
    return `precision: ${countText(purity.looked_at)} of ${countText(purity.looks)} looked at`;
  const span = `${atLeast(purity.low)} to ${(Math.ceil(purity.high * 100 - 1e-9) / 100).toFixed(2)}`;
  return `precision ${purity.share.toFixed(2)} (${span}, ${stacks(purity.looks)})`;
}

function stacks(count: number): string {
  return count === 1 ? "1 stack" : `${countText(count)} stacks`;
}
