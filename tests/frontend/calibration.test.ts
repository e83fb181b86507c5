import { describe, expect, it } from "vitest";
import { cutText, expected } from "../../static/src/lib/calibration";
import type { Calibration } from "../../static/src/lib/wire";
import cases from "../labeling/compute/calibration_cases.json";

interface Case {
  calibration: Calibration;
  similarities: number[];
  expected: [number, number, number];
}

const CASES = cases as unknown as Case[];
const [{ calibration }] = CASES as [Case];

describe("expected precision", () => {
  it.each(CASES)("is what the server computes", (each) => {
    const found = expected(each.calibration, each.similarities);
    expect(found.share).toBeCloseTo(each.expected[0], 6);
    expect(found.low).toBeCloseTo(each.expected[1], 6);
    expect(found.high).toBeCloseTo(each.expected[2], 6);
  });

  it("is said with its interval and what it rests on", () => {
    const inside = [calibration.low, calibration.high];
    expect(cutText(calibration, inside, [calibration.low])).toMatch(
      /^above: \d+ % right \(\d+ to \d+ %\) of 2 · just below: \d+ % right \(\d+ to \d+ %\) · estimated from 30 answers, not audited$/,
    );
  });

  it("says where it is a guess, and where nobody can tell", () => {
    expect(cutText(calibration, [calibration.low - 0.2], [])).toContain("partly beyond all of them");
    expect(cutText(null, [0.5], [0.4])).toContain("not measured: it takes 5 accepted and 5 rejected");
  });
});
