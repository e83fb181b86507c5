/** What classifiers are called in a line: the class of a classifier by NAME, or by NAME/CLASS where it has several. */

import { numberText, scoreOf } from "./grammar";
import type { ScoreRange, Term } from "./wire";

/** One class of a classifier that has a live version. */
export interface Scorer {
  classifier: number;
  class: number;
  name: string; // as it stands in a line
}

/** A classifier as the REST API lists it. */
export interface ClassifierRow {
  id: number;
  name: string;
  versions: readonly { is_live: boolean; classes: readonly { id: number; name: string }[] }[];
}

const NUM_NAMED = 8;

/** Those of live versions. */
export function scorersOf(rows: readonly ClassifierRow[]): Scorer[] {
  return rows.flatMap(({ id, name, versions }) => {
    const classes = versions.find((version) => version.is_live)?.classes ?? [];
    return classes.map((each) => ({
      classifier: id,
      class: each.id,
      name: classes.length === 1 ? name : `${name}/${each.name}`,
    }));
  });
}

/** The scorer called `name`, or `#ID`; an Error lists those there are. */
export function scorerNamed(name: string, scorers: readonly Scorer[]): Scorer {
  const lower = name.toLowerCase();
  const found = scorers.find((each) => each.name.toLowerCase() === lower || lower === `#${each.classifier}`);
  if (found) return found;
  const known = scorers.slice(0, NUM_NAMED).map((each) => each.name);
  const more = scorers.length > NUM_NAMED ? ` and ${scorers.length - NUM_NAMED} more` : "";
  throw new Error(
    `classifier: there is no live classifier “${name}” here. There are: ${known.join(", ") || "none yet"}${more}.`,
  );
}

/** By its number where it is gone. */
export function nameOfScorer(classifier: number, label_class: number, scorers: readonly Scorer[]): string {
  const found = scorers.find((each) => each.classifier === classifier && each.class === label_class);
  return found?.name ?? `#${classifier}`;
}

/** What `NAME>=0.7` or `NAME<0.7` asks for. */
export function rangeOfScore(text: string, scorers: readonly Scorer[]): ScoreRange {
  const { name, is_least, number } = scoreOf(text);
  const scorer = scorerNamed(name, scorers);
  const of = { classifier: scorer.classifier, class: scorer.class };
  return is_least ? { ...of, at_least: number } : { ...of, below: number };
}

/** The conditions of a range, as they stand in a line. */
export function textsOfRange(range: ScoreRange, scorers: readonly Scorer[]): string[] {
  const name = nameOfScorer(range.classifier, range.class, scorers);
  return [
    ...(range.at_least == null ? [] : [`${name}>=${numberText(range.at_least) || "0"}`]),
    ...(range.below == null ? [] : [`${name}<${numberText(range.below) || "0"}`]),
  ];
}

/** A term that ranks by this classifier. */
export function termOfClassifier(name: string, is_negative: boolean, scorers: readonly Scorer[]): Term {
  const { classifier, class: label_class } = scorerNamed(name, scorers);
  return { kind: "classifier", classifier, class: label_class, box: null, weight: is_negative ? -1 : 1 };
}
