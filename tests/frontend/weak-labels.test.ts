import { expect, test } from "vitest";
import { roundOf } from "../../static/src/lib/weak-labels";
import { tileOf } from "./tiles";

const older = [0, 1, 2, 4].map((rank) =>
  tileOf(rank + 1, { rank, round: 7, answer: rank === 1 ? "accept" : "" }),
);
const newer = [0, 1].map((rank) => tileOf(rank + 10, { rank, round: 8 }));

test("what is taken from one ranking is of that one", () => {
  expect(roundOf({ tiles: older, round: 7 }, { first_n: 400 })).toBe(7);
  expect(roundOf({ tiles: older, round: 7 }, { min_similarity: 0.5 })).toBe(7);
  expect(roundOf({ tiles: [], round: 7 }, { first_n: 1 })).toBe(7);
});

test("with a better ranking below the fold the first ones are those that stand at the top of the page", () => {
  const page = { tiles: [...older, ...newer], round: 8 };
  expect(roundOf(page, { first_n: 1 })).toBe(7);
  expect(roundOf(page, { first_n: 3 })).toBe(7); // what is decided is not taken
});

test("nothing is taken from two rankings at once", () => {
  const page = { tiles: [...older, ...newer], round: 8 };
  expect(roundOf(page, { first_n: 4 })).toBeNull();
  expect(roundOf(page, { min_similarity: 0.5 })).toBeNull(); // their similarities are of two kinds
});
