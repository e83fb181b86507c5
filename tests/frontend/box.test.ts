import { expect, test } from "vitest";
import { addressed, moved, placeOf, sized, spanned, viewOf } from "../../static/src/lib/box";

test.each([
  [[0, 0, 0.5, 0.5], "upper left"],
  [[0.5, 0.5, 1, 1], "lower right"],
  [[1 / 3, 1 / 3, 2 / 3, 2 / 3], "middle"],
  [[1 / 3, 0, 2 / 3, 1 / 3], "upper"],
  [[2 / 3, 1 / 3, 1, 2 / 3], "right"],
  [[0, 2 / 3, 1 / 3, 1], "lower left"],
] as const)("%s lies in its %s part", (box, place) => {
  expect(placeOf([...box])).toBe(place);
});

test("a drawn box is what its address says", () => {
  expect(addressed([1 / 3, 0.12345678, 2 / 3, 1])).toEqual([0.3333, 0.1235, 0.6667, 1]);
});

test("a part of a picture is shown by cutting off what lies around it", () => {
  expect(viewOf([0.25, 0.5, 0.75, 0.9])).toBe("object-view-box: inset(50% 25% 10% 25%)"); // top right bottom left
});

test("a box stays within its frame and is never turned inside out", () => {
  expect(spanned({ x: 0.8, y: 0.1 }, { x: 0.2, y: 0.6 })).toEqual([0.2, 0.1, 0.8, 0.6]);
  expect(moved([0.7, 0.7, 0.9, 0.9], 0.5, 0).map((side) => +side.toFixed(6))).toEqual([0.8, 0.7, 1, 0.9]);
  const [x0, y0, x1, y1] = sized([0.4, 0.4, 0.5, 0.5], -0.5, 2);
  expect(x1).toBeGreaterThan(x0);
  expect(y1).toBe(1);
  expect(y0).toBe(0.4);
});
