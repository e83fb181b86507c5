import { describe, expect, it } from "vitest";
import {
  type Audit,
  aboutText,
  atLeast,
  linesOf,
  ordinal,
  percent,
  priceText,
  purityText,
  restsText,
  targetText,
  togetherText,
} from "../../static/src/lib/audits";

const sample = { looks: 200, looked_at: 200, found: 2, unsure: 0, looked_twice: 0, disputed: 0 };
const measured = {
  sample,
  horizon: 5000,
  accepted: 800,
  undecided: 4200,
  doubtful: 0,
  missed_at_most: 120,
  before: 0.8696,
  after: 0.8717,
  now: 0.888,
};
const tail_of = { sample: { ...sample, looks: 100, looked_at: 100, found: 0 }, stacks: 9000, at_most: 265 };
const audit: Audit = {
  id: 1,
  kind: "recall",
  state: "done",
  number: 1,
  confidence: 0.95,
  num_audits: 1,
  confidence_together: 0.95,
  by: "ann",
  at: "2026-11-21T10:00:00Z",
  round: 4,
  mode: "similar",
  build: "3f2a9c1b-0000",
  encoder: "builtin@1",
  looks: 300,
  looked_at: 300,
  one_in: 4,
  has_lines: true,
  recall: measured,
  tail: tail_of,
  model: { missed: 40.4, low: 22, high: 61, num_answers: 1200 },
};

describe("what an audit says", () => {
  it("is three lines, each with what it rests on", () => {
    const [recall, tail, model] = linesOf(audit);
    expect(recall?.says).toBe("recall at least 0.88");
    expect(recall?.rests).toContain("200 stacks looked at, 2 found");
    expect(recall?.rests).toContain("when drawn: 0.86 without the audit's finds");
    expect(tail?.says).toBe("at most 265 more");
    expect(tail?.name).toBe("Beyond them, when drawn"); // what was found there since is not taken off
    expect(tail?.rests).toBe("of 9,000 stacks · 100 stacks looked at, 0 found · 95 % sure");
    expect(model?.name).toBe("Model estimate, not a bound");
    expect(model?.says).toBe("about 40 more");
  });

  it("says how many looks were doubled, and what a line picked among several audits is worth", () => {
    const recall = { ...measured, sample: { ...sample, looked_twice: 20, disputed: 1 } };
    const [line] = linesOf({ ...audit, recall });
    expect(line?.rests).toContain("20 looked at twice, 1 differ");
    expect(togetherText(audit)).toBe("");
    const third = { ...audit, number: 3, num_audits: 3, confidence: 0.9917, confidence_together: 0.925 };
    expect(togetherText(third)).toContain("3 audits of this class were drawn. As the 3rd ranking audited");
    expect(togetherText(third)).toContain("none of their lines is wrong is 92.5 % sure");
    expect([1, 2, 3, 4, 11, 12, 22, 113].map(ordinal).join(" ")).toBe("1st 2nd 3rd 4th 11th 12th 22nd 113th");
  });

  it("certainty costs no more looks than there are stacks", () => {
    const price = { prevalence: 0.001, looks: 29_956, minutes: 400 };
    expect(priceText(price, 1_000_000)).toEqual(["29,956", "6 h 40 min"]);
    expect(priceText(price, 2_996)).toEqual(["all 2,996", "40 min"]);
  });

  it("a running one forecasts whether it will say enough, and when", () => {
    const to_done = { minutes: 12, low: 9, high: 15 };
    const bound = { audit: 1, target: 0.9, share: 0.8, to_done, to_target: to_done };
    expect(targetText(bound)).toContain("Recall 0.9 is in sight, about 12 min (9 min to 15 min)");
    expect(targetText(bound)).toContain("chance of 80 %");
    expect(targetText({ ...bound, share: 0.001 })).toContain(": it has hardly a chance to say so.");
    expect(targetText({ ...bound, share: 0.1, to_target: null })).toContain("not in sight with this audit");
    expect(targetText({ ...bound, share: null, to_target: null })).toBe(
      "Done in about 12 min (9 min to 15 min).",
    );
  });

  it("never rounds a bound up", () => {
    expect(atLeast(0.8999)).toBe("0.89");
    expect(atLeast(0.29)).toBe("0.29");
    expect(atLeast(1)).toBe("1.00");
  });

  it("is not measured without a sample", () => {
    const recall = { ...measured, before: null, after: null, now: null, missed_at_most: null };
    const lines = linesOf({ ...audit, recall, tail: { ...tail_of, at_most: null }, model: null });
    expect(lines.map((line) => line.says)).toEqual(["not measured", "not measured", "too few answers"]);
  });

  it("counts unsure draws as missed, and says so", () => {
    const recall = { ...measured, sample: { ...sample, unsure: 3 } };
    expect(linesOf({ ...audit, recall })[0]?.rests).toContain("3 unsure counted as missed");
  });
});

describe("numbers of audits", () => {
  it("says minutes with their interval, and never as never", () => {
    expect(aboutText({ minutes: 6, low: 4, high: 9.4 })).toBe("about 6 min (4 min to 9 min)");
    expect(aboutText({ minutes: 6, low: 4, high: null })).toBe("about 6 min (4 min to open)");
    expect(aboutText({ minutes: null, low: null, high: null })).toBe("not in sight");
    const forecast = { class: 1, wanted: 50, decisions: 60, per_minute: 61.2, to_wanted: null, audit: null };
    expect(restsText(forecast)).toBe(", at your 61 a minute, from 60 decisions at the keyboard");
    expect(restsText({ ...forecast, per_minute: null })).toBe("");
  });

  it("writes shares as people do", () => {
    expect([0.001, 0.01, 0.05, 0.95].map(percent)).toEqual(["0.1 %", "1 %", "5 %", "95 %"]);
    expect(percent(0.975)).toBe("97.5 %");
  });

  it("says of a weak batch what was measured", () => {
    const purity = { state: "done", looks: 100, looked_at: 100, confidence: 0.95 } as const;
    expect(purityText(null)).toBe("precision not measured");
    expect(purityText({ ...purity, share: 0.95, low: 0.8872, high: 0.9836 })).toBe(
      "precision 0.95 (0.88 to 0.99, 100 stacks)",
    );
    expect(purityText({ ...purity, looked_at: 37, share: null, low: null, high: null })).toBe(
      "precision: 37 of 100 looked at",
    );
  });
});
