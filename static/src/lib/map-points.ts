/** The points of the map as the server sends them, and which of them is near a place. No DOM. */

export interface MapSource {
  id: number;
  path: string;
}

export interface Points {
  map: number;
  count: number;
  sources: MapSource[];
  items: Float64Array;
  xy: Uint16Array; // x, y of [0, 65535], interleaved
  source_of: Uint16Array; // place in `sources`
}

export const SIDE = 65535;

/** The body of map/points/; an error for one that is cut short. */
export function readPoints(body: ArrayBuffer): Points {
  const length = new DataView(body).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length))) as {
    map: number;
    count: number;
    sources: MapSource[];
  };
  const start = 4 + length;
  if (body.byteLength !== start + 14 * head.count)
    throw new Error("The map came incomplete. Reload the page.");
  return {
    ...head,
    items: new Float64Array(body, start, head.count),
    xy: new Uint16Array(body, start + 8 * head.count, 2 * head.count),
    source_of: new Uint16Array(body, start + 12 * head.count, head.count),
  };
}

/** One state per point, from map/states/; null when it is of another map than `points`. */
export function readStates(body: ArrayBuffer, points: Points): Uint8Array | null {
  const head = new DataView(body);
  if (head.getUint32(0, true) !== points.map || head.getUint32(4, true) !== points.count) return null;
  return new Uint8Array(body, 8);
}

const CELLS = 256; // a side

/** Finds the point nearest to a place among up to a million, in a fraction of a millisecond. */
export class PointGrid {
  private readonly first = new Uint32Array(CELLS * CELLS + 1);
  readonly order: Uint32Array; // the points, cell after cell
  readonly xy: Uint16Array; // theirs, in that order: read one after another, ten times as fast as here and there

  constructor({ xy, count }: Points) {
    const cellOf = (at: number): number =>
      cell((xy[2 * at + 1] as number) / SIDE) * CELLS + cell((xy[2 * at] as number) / SIDE);
    for (let at = 0; at < count; at += 1) {
      const after = cellOf(at) + 1;
      this.first[after] = (this.first[after] as number) + 1;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell += 1)
      this.first[cell + 1] = (this.first[cell + 1] as number) + (this.first[cell] as number);
    const next = this.first.slice();
    this.order = new Uint32Array(count);
    this.xy = new Uint16Array(2 * count);
    for (let at = 0; at < count; at += 1) {
      const cell = cellOf(at);
      const place = next[cell] as number;
      next[cell] = place + 1;
      this.order[place] = at;
      this.xy[2 * place] = xy[2 * at] as number;
      this.xy[2 * place + 1] = xy[2 * at + 1] as number;
    }
  }

  /** The index of the point nearest to (x, y) of [0, 1], within `radius`; -1 for none. */
  nearest(x: number, y: number, radius: number): number {
    const { xy, order } = this;
    let best = -1;
    let least = radius * radius;
    for (const [start, stop] of this.runs(x - radius, y - radius, x + radius, y + radius)) {
      for (let at = start; at < stop; at += 1) {
        const far = ((xy[2 * at] as number) / SIDE - x) ** 2 + ((xy[2 * at + 1] as number) / SIDE - y) ** 2;
        if (far < least) {
          least = far;
          best = order[at] as number;
        }
      }
    }
    return best;
  }

  /** Ranges [start, stop) of `order` that hold every point of the rectangle, and others of the cells at its edge. */
  runs(x0: number, y0: number, x1: number, y1: number): [number, number][] {
    const [left, right] = [cell(x0), cell(x1)];
    const runs: [number, number][] = [];
    for (let row = cell(y0); row <= cell(y1); row += 1) {
      const start = this.first[row * CELLS + left] as number;
      const stop = this.first[row * CELLS + right + 1] as number;
      if (start < stop) runs.push([start, stop]);
    }
    return runs;
  }
}

const cell = (value: number): number => Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
