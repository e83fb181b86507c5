// @vitest-environment node

import { expect, test } from "vitest";
import { Camera } from "../../static/src/lib/map-camera";
import { bySource, byState, rgbOf } from "../../static/src/lib/map-colors";
import { PointGrid, type Points, readPoints, readStates, SIDE } from "../../static/src/lib/map-points";

function bodyOf(places: readonly (readonly [number, number])[], map = 7): ArrayBuffer {
  const text = JSON.stringify({ map, count: places.length, sources: [{ id: 3, path: "a" }] });
  const head = new TextEncoder().encode(text.padEnd(text.length + ((8 - ((text.length + 4) % 8)) % 8)));
  const start = 4 + head.length;
  const body = new ArrayBuffer(start + 14 * places.length);
  new DataView(body).setUint32(0, head.length, true);
  new Uint8Array(body, 4).set(head);
  places.forEach(([x, y], at) => {
    new Float64Array(body, start, places.length)[at] = 100 + at;
    new Uint16Array(body, start + 8 * places.length).set([x * SIDE, y * SIDE], 2 * at);
  });
  return body;
}

const random = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) % 2 ** 32;
  return seed / 2 ** 32;
};

test("points come back as they were sent, and a cut body is refused", () => {
  const points = readPoints(
    bodyOf([
      [0.25, 0.5],
      [1, 0],
    ]),
  );
  expect([...points.items]).toEqual([100, 101]);
  expect([...points.xy]).toEqual([Math.trunc(SIDE / 4), Math.trunc(SIDE / 2), SIDE, 0]);
  expect(points.sources).toEqual([{ id: 3, path: "a" }]);
  expect(() => readPoints(bodyOf([[0, 0]]).slice(0, -2))).toThrow("incomplete");
});

test("states of another map are not taken for this one's", () => {
  const points = readPoints(bodyOf([[0, 0]]));
  const states = new Uint8Array([7, 0, 0, 0, 1, 0, 0, 0, 2]);
  expect([...(readStates(states.buffer, points) ?? [])]).toEqual([2]);
  states[0] = 8;
  expect(readStates(states.buffer, points)).toBeNull();
});

test("the nearest point is the one that looking at all of them finds", () => {
  const next = random(5);
  const places = Array.from({ length: 3000 }, () => [next(), next() ** 3] as const);
  const points: Points = readPoints(bodyOf(places));
  const grid = new PointGrid(points);
  for (let trial = 0; trial < 300; trial += 1) {
    const [x, y, radius] = [next() * 1.2 - 0.1, next() * 1.2 - 0.1, next() * 0.1];
    let best = -1;
    let least = radius ** 2;
    for (let at = 0; at < points.count; at += 1) {
      const far = ((points.xy[2 * at] ?? 0) / SIDE - x) ** 2 + ((points.xy[2 * at + 1] ?? 0) / SIDE - y) ** 2;
      if (far < least) [best, least] = [at, far];
    }
    expect(grid.nearest(x, y, radius)).toBe(best);
  }
});

test("what is under the pointer stays there while zooming, and panning follows the hand", () => {
  const camera = new Camera();
  [camera.width, camera.height] = [900, 600];
  const before = camera.toMap(500, 280);
  camera.zoomAt(500, 280, 3);
  expect(camera.toMap(500, 280)[0]).toBeCloseTo(before[0], 9);
  expect(camera.toScreen(...before)[1]).toBeCloseTo(280, 6);
  camera.pan(10, -20);
  expect(camera.toScreen(...before)).toEqual([expect.closeTo(510, 6), expect.closeTo(260, 6)]);
  camera.zoomAt(0, 0, 0.0001);
  expect(camera.zoom).toBe(1);
  camera.fit();
  expect(camera.toMap(450, 300)).toEqual([0.5, 0.5]);
});

const css = { getPropertyValue: () => " #4cc38a" } as unknown as CSSStyleDeclaration;

test("the legend counts what is drawn", () => {
  const { legend } = byState(new Uint8Array([0, 1, 1, 2, 4]), css);
  expect(legend.map(({ count }) => count)).toEqual([1, 2, 1, 0, 1]);
  const points = { ...readPoints(bodyOf([[0, 0]])), count: 30 };
  points.sources = Array.from({ length: 15 }, (_, at) => ({ id: at, path: `s${at}` }));
  points.source_of = Uint16Array.from({ length: 30 }, (_, at) => at % 15);
  const sources = bySource(points, css);
  expect(sources.legend.at(-1)).toMatchObject({ name: "other sources", count: 6 });
  expect(sources.legend.reduce((sum, { count }) => sum + count, 0)).toBe(30);
  expect(rgbOf("#fff")).toEqual([255, 255, 255]);
});
