/** Every frame of a video by place, number and pts, as the server's decoder has them. No DOM. */

/** A page of it, as the REST API sends it. */
export interface FramesPage {
  num_frames: number;
  time_base: readonly [number, number];
  start_pts: number;
  stop_pts: number; // where the last frame ends
  is_decoded: boolean;
  offset: number;
  pts: readonly number[];
  numbers: readonly number[] | null; // null: as the places
  codec_keyframes: readonly number[]; // places
  next: number | null;
}

/** A place is a position in the table, from 0; a number counts damaged frames as well. */
export class FrameTable {
  readonly time_base: readonly [number, number];
  readonly start_pts: number;
  readonly stop_pts: number;
  readonly is_decoded: boolean;
  private readonly pts: readonly number[];
  private readonly numbers: readonly number[];
  private readonly keys: ReadonlySet<number>;

  /** All its pages, in order; there is at least one frame. */
  constructor(pages: readonly FramesPage[]) {
    const [first] = pages;
    if (!first) throw new Error("A frame table has at least one page");
    this.time_base = first.time_base;
    this.start_pts = first.start_pts;
    this.stop_pts = first.stop_pts;
    this.is_decoded = first.is_decoded;
    this.pts = pages.flatMap((page) => page.pts);
    this.numbers = pages.flatMap((page) => page.numbers ?? page.pts.map((_, at) => page.offset + at));
    this.keys = new Set(pages.flatMap((page) => page.codec_keyframes));
  }

  get length(): number {
    return this.pts.length;
  }

  /** From the first frame to the end of the last. */
  get start_seconds(): number {
    return this.secondsAt(0);
  }

  get stop_seconds(): number {
    return this.secondsOf(this.stop_pts);
  }

  ptsAt(place: number): number {
    return this.pts[this.clamp(place)] ?? this.start_pts;
  }

  numberAt(place: number): number {
    return this.numbers[this.clamp(place)] ?? 0;
  }

  isCodecKeyframe(place: number): boolean {
    return this.keys.has(place);
  }

  secondsAt(place: number): number {
    return this.secondsOf(this.ptsAt(place));
  }

  /** pts_seconds: the same number that the server has for a frame at `pts`. */
  secondsOf(pts: number): number {
    return ((pts - this.start_pts) * this.time_base[0]) / this.time_base[1];
  }

  /** Where the frame at `place` ends, in pts. */
  stopAt(place: number): number {
    return place + 1 < this.length ? this.ptsAt(place + 1) : this.stop_pts;
  }

  clamp(place: number): number {
    return Math.max(0, Math.min(this.length - 1, place));
  }

  /** The place of the frame with exactly this pts; null for none. */
  placeOf(pts: number): number | null {
    const place = this.placeAtPts(pts);
    return this.pts[place] === pts ? place : null;
  }

  /** The place of the frame that is shown at `pts`: the last that begins at or before it, else the first. */
  placeAtPts(pts: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.pts[middle] ?? 0) <= pts) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The place of the frame that is shown at a time. */
  placeAtSeconds(seconds: number): number {
    const ticks = (seconds * this.time_base[1]) / this.time_base[0];
    const nearest = Math.round(ticks); // a time that was made of a pts gives its frame, rounding or not
    return this.placeAtPts(this.start_pts + (Math.abs(ticks - nearest) < 0.01 ? nearest : ticks));
  }

  /** The place of the frame with this number; of the last one before it where it is damaged. */
  placeOfNumber(number: number): number {
    if (this.numbers[number] === number) return number;
    let place = Math.min(number, this.length - 1);
    while (place > 0 && (this.numbers[place] ?? 0) > number) place -= 1;
    return Math.max(0, place);
  }
}

/** All pages of a table; `read` gives the page that a query string asks for. */
export async function readFrameTable(read: (query: string) => Promise<FramesPage>): Promise<FrameTable> {
  const pages: FramesPage[] = [];
  for (let offset: number | null = 0; offset !== null; ) {
    const page: FramesPage = await read(offset ? `?offset=${offset}` : "");
    pages.push(page);
    offset = page.next;
  }
  return new FrameTable(pages);
}
