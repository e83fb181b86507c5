/** The points of a map as a picture, one byte per pixel: what the processor draws where no graphics card can. No DOM. */

import type { Camera } from "./map-camera";
import { covers, leastOf, type Mark, numMarked } from "./map-marks";
import { type PointGrid, SIDE } from "./map-points";

const LARGER = 1.35; // times: points that have a color beside those that have none; as in map-gl.ts

export interface Raster {
  width: number;
  height: number;
  shades: Uint8Array; // (height, width): 1 + the largest code whose point covers the pixel; 0 without a point
}

/** Larger when few, larger when near; CSS pixels. */
export function sizeOf(count: number, camera: Camera): number {
  const least = count > 200_000 ? 1.4 : count > 20_000 ? 2.2 : 4;
  return Math.min(14, least * camera.zoom ** 0.35);
}

/**
 * Draws a million points in tens of milliseconds: first the pixel of each one's center, then a disc for each such
 * pixel, so that points which lie upon each other cost one disc. Only cells of `grid` on the screen are looked at.
 */
export class PointRaster {
  private centers = new Uint8Array(0); // with a margin, so that no disc is cut at the edge
  private covered = new Uint8Array(0);

  private readonly codes: Uint8Array; // in the grid's order
  private marks: readonly Mark[] = []; // per code
  private least = 0; // of a mark that is no disc, CSS pixels

  constructor(private readonly grid: PointGrid) {
    this.codes = new Uint8Array(grid.order.length);
  }

  color(codes: Uint8Array, marks: readonly Mark[] = []): void {
    this.marks = marks;
    this.least = leastOf(numMarked(codes, marks));
    this.grid.order.forEach((point, at) => {
      this.codes[at] = codes[point] as number;
    });
  }

  /** `ratio`: pixels of the picture per CSS pixel of the camera. */
  draw(camera: Camera, ratio: number): Raster {
    const [width, height] = [Math.round(camera.width * ratio), Math.round(camera.height * ratio)];
    const size = sizeOf(this.codes.length, camera) * ratio;
    const stencils = [stencilOf("disc", size)]; // by code; the last one of all codes beyond
    for (const mark of this.marks.slice(1))
      stencils.push(stencilOf(mark, Math.max(size * LARGER, mark === "disc" ? 0 : this.least * ratio)));
    stencils.push(stencilOf("disc", size * LARGER));
    const reach = Math.max(...stencils.map(({ radius }) => radius));
    const margin = 2 * reach;
    const [columns, rows] = [width + 2 * margin, height + 2 * margin];
    this.centers = cleared(this.centers, columns * rows);
    this.covered = cleared(this.covered, columns * rows);
    this.drawCenters(camera, ratio, { columns, rows, margin });
    const { centers, covered } = this;
    const offsets = stencils.map(({ places }) => places.map(([x, y]) => y * columns + x));
    for (let at = reach * columns; at < centers.length - reach * columns; at += 1) {
      const shade = centers[at] as number;
      if (!shade) continue;
      const stencil = offsets[Math.min(shade, offsets.length) - 1] as number[];
      for (let part = 0; part < stencil.length; part += 1) {
        const pixel = at + (stencil[part] as number);
        if ((covered[pixel] as number) < shade) covered[pixel] = shade;
      }
    }
    const shades = new Uint8Array(width * height);
    for (let row = 0; row < height; row += 1) {
      const start = (row + margin) * columns + margin;
      shades.set(covered.subarray(start, start + width), row * width);
    }
    return { width, height, shades };
  }

  private drawCenters(
    camera: Camera,
    ratio: number,
    { columns, rows, margin }: { columns: number; rows: number; margin: number },
  ): void {
    const { centers, codes, grid } = this;
    const { xy } = grid;
    const scale = (camera.scale * ratio) / SIDE;
    const left = (camera.width / 2 - camera.x * camera.scale) * ratio + margin;
    const top = (camera.height / 2 - camera.y * camera.scale) * ratio + margin;
    const edge = margin / 2;
    const [right, bottom] = [columns - edge, rows - edge];
    const reach = margin / ratio;
    const [x0, y0] = camera.toMap(-reach, -reach);
    const [x1, y1] = camera.toMap(camera.width + reach, camera.height + reach);
    for (const [start, stop] of grid.runs(x0, y0, x1, y1)) {
      for (let at = start; at < stop; at += 1) {
        const column = (xy[2 * at] as number) * scale + left;
        const row = (xy[2 * at + 1] as number) * scale + top;
        if (column < edge || row < edge || column >= right || row >= bottom) continue;
        const pixel = (row | 0) * columns + (column | 0);
        const shade = (codes[at] as number) + 1;
        if ((centers[pixel] as number) < shade) centers[pixel] = shade;
      }
    }
  }
}

/** The pixels of a mark around its center; below three pixels every mark is a square. */
function stencilOf(mark: Mark, size: number): { radius: number; places: [number, number][] } {
  const side = Math.max(1, Math.round(size));
  const first = -Math.floor(side / 2);
  const middle = first + (side - 1) / 2;
  const places: [number, number][] = [];
  for (let y = first; y < first + side; y += 1)
    for (let x = first; x < first + side; x += 1)
      if (side < 3 || covers(mark, (2 * (x - middle)) / side, (2 * (y - middle)) / side)) places.push([x, y]);
  return { radius: Math.ceil(side / 2) + 1, places };
}

function cleared(buffer: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  return buffer.length === length ? buffer.fill(0) : new Uint8Array(length);
}
