/** A run of frames, of a stack or of a clip, played at full size: each frame is shown when it has come, never skipped. */

import { html, LitElement } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { timeText } from "../lib/format";

const FRAME_MS = 160; // at least, of each frame

export interface RunFrame {
  url: string;
  seconds: number | null; // null: of a photo
}

/** Event: "run-frame" (the place of the frame to show). */
@customElement("sfi-run")
export class FrameRun extends LitElement {
  @property({ attribute: false }) frames: readonly RunFrame[] = [];
  @state() private at = 0;
  @state() private is_playing = false;
  private turn = 0; // the newest play; older ones stop

  protected override createRenderRoot(): this {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.turn += 1;
  }

  /** From the place `at` on; plays unless less motion is wanted. */
  begin(frames: readonly RunFrame[], at: number): void {
    this.frames = frames;
    this.at = Math.max(0, at);
    this.turn += 1;
    this.is_playing = false;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) void this.play();
  }

  protected override render() {
    const { frames, at } = this;
    const seconds = frames[at]?.seconds ?? null;
    return html`<div class="frame-run">
      <button type="button" class="btn btn-small" aria-pressed=${this.is_playing} @click=${this.toggle}>
        ${this.is_playing ? "Pause" : "Play"}
      </button>
      <input
        type="range"
        min="0"
        max=${Math.max(0, frames.length - 1)}
        aria-label="Frame of the run"
        .value=${String(at)}
        @input=${(event: Event) => this.scrub(Number((event.target as HTMLInputElement).value))}
      />
      <span class="number">${at + 1} / ${frames.length}${seconds === null ? "" : ` · ${timeText(seconds)}`}</span>
    </div>`;
  }

  private readonly toggle = (): void => {
    if (this.is_playing) this.stop();
    else void this.play();
  };

  private scrub(at: number): void {
    this.stop();
    this.show(at);
  }

  private stop(): void {
    this.turn += 1;
    this.is_playing = false;
  }

  private show(at: number): void {
    this.at = at;
    if (this.frames[at]) this.dispatchEvent(new CustomEvent<number>("run-frame", { detail: at }));
  }

  private async play(): Promise<void> {
    this.turn += 1;
    const { turn } = this;
    this.is_playing = true;
    while (this.isConnected && this.frames.length > 1) {
      const next = (this.at + 1) % this.frames.length;
      await Promise.all([this.ready(next), new Promise((resolve) => setTimeout(resolve, FRAME_MS))]);
      if (turn !== this.turn) return;
      this.show(next);
    }
    if (turn === this.turn) this.is_playing = false;
  }

  /** The frame is in the browser; one that cannot be read is passed over. */
  private async ready(at: number): Promise<void> {
    const image = new Image();
    image.src = this.frames[at]?.url ?? "";
    await image.decode().catch(() => undefined);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-run": FrameRun;
  }
}
