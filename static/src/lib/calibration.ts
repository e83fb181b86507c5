/** What a similarity is worth: how many of some tiles are expected to be right. The same as labeling/compute/cut.py. */

import type { Calibration } from "./wire";

export const NEEDED = 5; // of each kind, before the server says anything
const Z = 1.645; // 90 %

export interface Expected {
  share: number;
  low: number;
  high: number;
  is_guess: boolean; // some lie where nobody has answered anything
}

/** The share that is right of tiles with these similarities, with an interval of the model and of chance. */
export function expected(calibration: Calibration, similarities: readonly number[]): Expected {
  const { center, scale, level, slope, covariance, low, high } = calibration;
  const size = similarities.length;
  let sum = 0;
  let of_level = 0;
  let of_slope = 0;
  for (const similarity of similarities) {
    const x = (similarity - center) / scale;
    const p = sigmoid(level + slope * x);
    sum += p;
    of_level += (p * (1 - p)) / size;
    of_slope += (p * (1 - p) * x) / size;
  }
  const share = Math.min(1 - 1e-6, Math.max(1e-6, sum / size));
  const [a, b, c] = covariance;
  const variance = of_level ** 2 * a + 2 * of_level * of_slope * b + of_slope ** 2 * c + of_level / size;
  const logit = Math.log(share / (1 - share));
  const spread = (Z * Math.sqrt(variance)) / (share * (1 - share));
  const is_guess = similarities.some((each) => each < low || each > high);
  return { share, low: sigmoid(logit - spread), high: sigmoid(logit + spread), is_guess };
}

/** "above: 84 % right (71 to 92 %) of 120 · just below: 40 % (30 to 51 %) · estimated from 57 answers" */
export function cutText(
  calibration: Calibration | null,
  above: readonly number[],
  below: readonly number[],
): string {
  if (!calibration)
    return `expected precision not measured: it takes ${NEEDED} accepted and ${NEEDED} rejected, and a query not made of them`;
  const parts: string[] = [];
  if (above.length)
    parts.push(
      `above: ${shareText(expected(calibration, above))} of ${above.length.toLocaleString("en-US")}`,
    );
  if (below.length) parts.push(`just below: ${shareText(expected(calibration, below))}`);
  const num_answers = calibration.num_accepted + calibration.num_rejected;
  const is_guess = [above, below].some((each) => each.length > 0 && expected(calibration, each).is_guess);
  const rests = `estimated from ${num_answers.toLocaleString("en-US")} answers, not audited`;
  return [...parts, is_guess ? `${rests}, partly beyond all of them` : rests].join(" · ");
}

function shareText({ share, low, high }: Expected): string {
  const [middle, from, to] = [share, low, high].map((each) => Math.round(each * 100));
  return `${middle} % right (${from} to ${to} %)`;
}

function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}
