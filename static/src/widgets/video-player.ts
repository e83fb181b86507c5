/**
 * A video, frame by frame. Standing, it shows exactly the server's frame, with its number, pts and time. Playing forward
 * it is the browser's own player, where that reads the file; else, and backward, the server's frames one after the other.
 * Event: "player-place" (the place of the frame that is drawn).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { FrameStore } from "../lib/frame-store";
import type { FrameTable } from "../lib/frame-table";
import { started } from "../lib/native-playback";
import { following, shuttled } from "../lib/shuttle";
import { parsePlace } from "../lib/time-code";
import { playerBar } from "./player-bar";

const IN_RUN = 12; // neighbors that come together: stepping through them takes no further request
const IN_SMALL_RUN = 24;
const KEPT_BYTES = 96e6;
const SETTLE_MS = 140; // a place that stays this long has its neighbors fetched
const SMALL_SIDE_PX = 960; // of frames that pass by

/** Files that a browser may play; whether it does is seen when it is asked to. */
const PLAYED = { containers: ["mp4", "matroska"], codecs: ["h264", "hevc", "vp8", "vp9", "av1"] };

export interface PlayerSource {
  table: FrameTable;
  container: string;
  codec: string;
  video_url: string;
  run(pts: readonly number[], max_side_px: number | null): Promise<ArrayBuffer>;
}

@customElement("sfi-player")
export class VideoPlayer extends LitElement {
  @property({ attribute: false }) source: PlayerSource | null = null;
  @state() private drawn = 0; // the place of the frame that is drawn
  @state() rate = 0; // frames per frame of the video; 0: it stands, below: backward
  @state() private problem = "";
  @state() entry_problem = ""; // why what was entered leads nowhere
  @state() private is_native = false; // the browser's player is in front
  @state() private is_waiting = false;
  @query("canvas") private canvas!: HTMLCanvasElement;
  @query("video") private video!: HTMLVideoElement;
  @query("input") private entry!: HTMLInputElement;
  private whole: FrameStore | null = null;
  private small: FrameStore | null = null;
  private target = 0;
  private standing = -1; // the place whose whole frame is on the canvas; -1: what is there passed by while playing
  private direction: -1 | 0 | 1 = 0;
  private is_drawing = false;
  private turn = 0; // the newest play; older ones stop
  private can_play: boolean | null = null; // by the browser; null: not tried
  private settled: ReturnType<typeof setTimeout> | undefined;

  protected override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.turn += 1;
    clearTimeout(this.settled);
  }

  get place(): number {
    return this.drawn;
  }

  get isPlaying(): boolean {
    return this.rate !== 0;
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    const { source } = this;
    if (!changed.has("source") || !source) return;
    const store = (num_in_run: number, side: number | null) =>
      new FrameStore(source.table, {
        fetch: (pts) => source.run(pts, side),
        num_in_run,
        capacity_bytes: KEPT_BYTES,
      });
    this.whole = store(IN_RUN, null);
    this.small = store(IN_SMALL_RUN, SMALL_SIDE_PX);
    const { containers, codecs } = PLAYED;
    this.can_play = containers.includes(source.container) && codecs.includes(source.codec) ? null : false;
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has("source") && this.source) this.seek(this.target);
  }

  /** Stops, and shows the frame at a place; the newest call counts. */
  seek(place: number): void {
    const { source } = this;
    this.stop();
    const before = this.target;
    this.target = source ? source.table.clamp(place) : place;
    if (!source) return;
    const by = this.target - before;
    this.direction = Math.abs(by) === 1 ? (by as -1 | 1) : 0;
    if (!this.is_drawing) void this.follow();
  }

  step(by: number): void {
    this.seek((this.isPlaying ? this.drawn : this.target) + by);
  }

  /** The frame that is shown `seconds` later, or earlier. */
  skip(seconds: number): void {
    const { source } = this;
    if (!source) return;
    const from = this.isPlaying ? this.drawn : this.target;
    const at = source.table.placeAtSeconds(source.table.secondsAt(from) + seconds);
    this.seek(at === from ? from + Math.sign(seconds) : at);
  }

  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play(1);
  }

  /** K: stands on exactly the frame that was seen last. */
  pause(): void {
    this.seek(this.drawn);
  }

  /** J and L. */
  shuttle(direction: -1 | 1): void {
    this.play(shuttled(this.rate, direction));
  }

  private stop(): void {
    this.turn += 1;
    this.rate = 0;
    this.is_waiting = false;
    if (!this.is_native) return;
    this.video.pause();
    this.is_native = false;
  }

  private play(rate: number): void {
    const { source } = this;
    if (!source) return;
    this.stop();
    if (rate > 0 && this.drawn >= source.table.length - 1) this.drawn = 0;
    this.rate = rate;
    const { turn } = this;
    if (rate > 0 && this.can_play !== false) void this.playNatively(turn);
    else void this.playFrames(turn);
  }

  /** Draws until what is drawn is what is wanted; frames on the way are drawn where they have come. */
  private async follow(): Promise<void> {
    this.is_drawing = true;
    const late = setTimeout(() => {
      this.is_waiting = true;
    }, 250);
    for (let wanted = -1; wanted !== this.target && this.whole; ) {
      wanted = this.target;
      try {
        if (wanted === this.standing) this.show(wanted);
        else if (await this.draw(wanted, await this.whole.load(wanted), () => !this.isPlaying))
          this.standing = wanted;
        this.problem = "";
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
      }
    }
    clearTimeout(late);
    this.is_waiting = false;
    this.is_drawing = false;
    clearTimeout(this.settled);
    const soon = this.direction === 0 ? SETTLE_MS : 0;
    this.settled = setTimeout(
      () => void this.whole?.surround(this.target, this.direction).catch(() => undefined),
      soon,
    );
  }

  /** Picture and numbers change together; false where it is no longer wanted. */
  private async draw(place: number, blob: Blob, is_wanted: () => boolean): Promise<boolean> {
    const picture = await createImageBitmap(blob);
    const is_drawn = is_wanted() && this.isConnected;
    if (is_drawn) {
      this.standing = -1;
      const { canvas } = this;
      if (canvas.width !== picture.width || canvas.height !== picture.height)
        [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.getContext("2d")?.drawImage(picture, 0, 0);
      canvas.dataset.place = String(place);
      this.show(place);
    }
    picture.close();
    return is_drawn;
  }

  private show(place: number): void {
    this.drawn = place;
    this.dispatchEvent(new CustomEvent<number>("player-place", { detail: place }));
  }

  /** One after the other, each for its time, and none before it has come. */
  private async playFrames(turn: number): Promise<void> {
    const { source, small } = this;
    if (!source || !small) return;
    let due = performance.now();
    let next = following(this.drawn, this.rate, source.table);
    while (next && turn === this.turn) {
      const { place, wait_ms } = next;
      const coming = small.surround(place, Math.sign(this.rate) as -1 | 1).then(() => small.load(place));
      const blob = small.get(place) ?? (await coming.catch(() => null));
      coming.catch(() => undefined);
      due = Math.max(due + wait_ms, performance.now() - wait_ms);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      if (turn !== this.turn) return;
      if (blob) await this.draw(place, blob, () => turn === this.turn); // a damaged one is passed over
      next = following(place, this.rate, source.table);
    }
    if (turn === this.turn) this.pause();
  }

  /** The browser's own player; where it cannot, the frames. */
  private async playNatively(turn: number): Promise<void> {
    const { source, video } = this;
    if (!source) return;
    if (!video.src) video.src = source.video_url;
    try {
      await started(video, source.table.secondsAt(this.drawn), this.rate);
      this.can_play = true;
    } catch {
      this.can_play = false;
      video.removeAttribute("src");
      if (turn === this.turn) void this.playFrames(turn);
      return;
    }
    if (turn !== this.turn) {
      video.pause();
      return;
    }
    this.is_native = true;
    const seen = (_now: number, { mediaTime }: { mediaTime: number }) => {
      if (turn !== this.turn) return;
      this.show(source.table.placeAtSeconds(mediaTime + 0.0005)); // it counts in microseconds
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  }

  private readonly ended = (): void => {
    if (this.is_native) this.seek((this.source?.table.length ?? 1) - 1);
  };

  private readonly failed = (): void => {
    if (!this.is_native) return;
    this.can_play = false;
    const { rate } = this;
    this.stop();
    this.play(rate || 1);
  };

  /** Where somebody types, the keys are the field's. */
  focusEntry(): void {
    this.entry.focus();
    this.entry.select();
  }

  readonly enter = (event: Event): void => {
    event.preventDefault();
    const { source } = this;
    if (!source) return;
    try {
      this.seek(parsePlace(this.entry.value, source.table));
      this.entry_problem = "";
      this.entry.value = "";
      this.entry.blur();
    } catch (error) {
      this.entry_problem = (error as Error).message;
    }
  };

  protected override render() {
    const { source } = this;
    return html`<div class="player-stage" data-waiting=${this.is_waiting ? "yes" : "no"}>
        <canvas role="img" aria-label=${source ? `Frame ${source.table.numberAt(this.drawn)}` : "No frame yet"} ?hidden=${this.is_native}></canvas>
        <video muted playsinline preload="none" tabindex="-1" aria-hidden="true" ?hidden=${!this.is_native} @ended=${this.ended} @error=${this.failed}></video>
        ${this.problem ? html`<p class="player-problem" role="alert">${this.problem}</p>` : nothing}
      </div>
      <div class="player-bar">${source ? playerBar(this, source.table) : nothing}</div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-player": VideoPlayer;
  }
}
