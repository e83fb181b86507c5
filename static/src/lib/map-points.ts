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
  private readonly order: Uint32Array;

  constructor(private readonly points: Points) {
    const { xy, count } = points;
    for (let at = 0; at < count; at += 1)
      this.first[this.cellOf(at) + 1] = (this.first[this.cellOf(at) + 1] as number) + 1;
    for (let cell = 0; cell < CELLS * CELLS; cell += 1)
      this.first[cell + 1] = (this.first[cell + 1] as number) + (this.first[cell] as number);
    const next = this.first.slice();
    this.order = new Uint32Array(count);
    for (let at = 0; at < xy.length / 2; at += 1) {
      const cell = this.cellOf(at);
      this.order[next[cell] as number] = at;
      next[cell] = (next[cell] as number) + 1;
    }
  }

  /** The index of the point nearest to (x, y) of [0, 1], within `radius`; -1 for none. */
  nearest(x: number, y: number, radius: number): number {
    const { xy } = this.points;
    let best = -1;
    let least = radius * radius;
    const [left, right] = [cell(x - radius), cell(x + radius)];
    const [top, bottom] = [cell(y - radius), cell(y + radius)];
    for (let row = top; row <= bottom; row += 1) {
      const stop = this.first[row * CELLS + right + 1] as number;
      for (let at = this.first[row * CELLS + left] as number; at < stop; at += 1) {
        const point = this.order[at] as number;
        const far =
          ((xy[2 * point] as number) / SIDE - x) ** 2 + ((xy[2 * point + 1] as number) / SIDE - y) ** 2;
        if (far < least) {
          least = far;
          best = point;
        }
      }
    }
    return best;
  }

  private cellOf(at: number): number {
    const { xy } = this.points;
    return cell((xy[2 * at + 1] as number) / SIDE) * CELLS + cell((xy[2 * at] as number) / SIDE);
  }
}

const cell = (value: number): number => Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
