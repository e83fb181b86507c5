// @vitest-environment node

import { expect, test } from "vitest";
import { Camera } from "../../static/src/lib/map-camera";
import { bySource, byState, rgbOf } from "../../static/src/lib/map-colors";
import { covers, leastOf, MARKS, type Mark, numMarked } from "../../static/src/lib/map-marks";
import { PointGrid, type Points, readPoints, readStates, SIDE } from "../../static/src/lib/map-points";
import { PointRaster, sizeOf } from "../../static/src/lib/map-raster";

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

test("every state has a mark of its own, of the size and the shape that the legend shows", () => {
  const { marks, legend } = byState(new Uint8Array([0, 1, 2, 3, 4]), css);
  expect(new Set(marks).size).toBe(marks.length);
  expect(new Set(legend.map(({ glyph }) => glyph)).size).toBe(legend.length);
  const shapes = MARKS.map((mark) => {
    const places: string[] = [];
    for (let y = -4; y <= 4; y += 1)
      for (let x = -4; x <= 4; x += 1) if (covers(mark, x / 4.5, y / 4.5)) places.push(`${x},${y}`);
    return places.join(" ");
  });
  expect(new Set(shapes).size).toBe(MARKS.length);
  expect(covers("ring", 0, 0)).toBe(false);
  expect([covers("triangle", 0, -0.9), covers("triangle", 0.8, -0.8)]).toEqual([true, false]);
});

test("a mark is drawn large enough to be told, and as the shape it is, while it is one of few", () => {
  const points = readPoints(bodyOf([[0.5, 0.5]]));
  const raster = new PointRaster(new PointGrid(points));
  const camera = new Camera();
  [camera.width, camera.height] = [41, 41];
  camera.fit();
  const drawn = (mark: Mark) => {
    raster.color(new Uint8Array([1]), ["disc", mark]);
    const { shades } = raster.draw(camera, 1);
    return [...shades].filter((shade) => shade === 2).length;
  };
  const [ring, diamond, triangle, disc] = (["ring", "diamond", "triangle", "disc"] as const).map(drawn);
  expect(new Set([ring, diamond, triangle, disc]).size).toBe(4);
  expect([leastOf(10), leastOf(10_000), leastOf(50_000), leastOf(1_000_000)]).toEqual([9, 7, 5, 0]);
  expect(numMarked(new Uint8Array([0, 1, 1, 2]), ["disc", "ring", "disc"])).toBe(2);
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

test("the raster has every point where the camera puts it, the larger code on top, at any zoom", () => {
  const next = random(11);
  const places = Array.from({ length: 2000 }, () => [next() ** 2, next()] as const);
  const points = readPoints(bodyOf(places));
  const codes = Uint8Array.from(places, () => Math.floor(next() * 4));
  const raster = new PointRaster(new PointGrid(points));
  raster.color(codes);
  const camera = new Camera();
  [camera.width, camera.height] = [301, 200];
  for (const [zoom, ratio] of [
    [1, 1],
    [3, 2],
    [40, 1.5],
  ] as const) {
    camera.fit();
    camera.zoomAt(120, 90, zoom);
    const { width, height, shades } = raster.draw(camera, ratio);
    const reach = 1 + (1.35 * ratio * sizeOf(points.count, camera)) / 2;
    const most = new Uint8Array(width * height); // what could be there: whatever lies within reach
    places.forEach((_, at) => {
      const [x, y] = [(points.xy[2 * at] ?? 0) / SIDE, (points.xy[2 * at + 1] ?? 0) / SIDE];
      const [column, row] = camera.toScreen(x, y).map((value) => Math.floor(value * ratio)) as [
        number,
        number,
      ];
      const shade = (codes[at] ?? 0) + 1;
      if (column >= 0 && row >= 0 && column < width && row < height)
        expect(shades[row * width + column]).toBeGreaterThanOrEqual(shade);
      for (let y = Math.max(0, Math.ceil(row - reach)); y <= Math.min(height - 1, row + reach); y += 1)
        for (let x = Math.max(0, Math.ceil(column - reach)); x <= Math.min(width - 1, column + reach); x += 1)
          most[y * width + x] = Math.max(most[y * width + x] ?? 0, shade);
    });
    expect(shades.every((shade, at) => shade <= (most[at] ?? 0))).toBe(true);
    expect(shades.some((shade) => shade === 4)).toBe(true);
    expect(shades.some((shade) => shade === 0)).toBe(true);
  }
});
