/** The run of frames that a stack stands for, played at full size: each frame is shown when it has come, never skipped. */

import { html, LitElement } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { timeText } from "../lib/format";
import type { Tile } from "../lib/wire";

const FRAME_MS = 160; // at least, of each frame

/** Event: "run-frame" (the Tile to show). */
@customElement("sfi-run")
export class FrameRun extends LitElement {
  @property({ attribute: false }) tiles: readonly Tile[] = [];
  @property({ attribute: false }) frameOf: (item: number) => string = () => "";
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

  /** From `item` on; plays unless less motion is wanted. */
  begin(tiles: readonly Tile[], item: number): void {
    this.tiles = tiles;
    this.at = Math.max(
      0,
      tiles.findIndex((tile) => tile.item === item),
    );
    this.turn += 1;
    this.is_playing = false;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) void this.play();
  }

  protected override render() {
    const { tiles, at } = this;
    const tile = tiles[at];
    return html`<div class="frame-run">
      <button type="button" class="btn btn-small" aria-pressed=${this.is_playing} @click=${this.toggle}>
        ${this.is_playing ? "Pause" : "Play"}
      </button>
      <input
        type="range"
        min="0"
        max=${Math.max(0, tiles.length - 1)}
        aria-label="Frame of the run"
        .value=${String(at)}
        @input=${(event: Event) => this.scrub(Number((event.target as HTMLInputElement).value))}
      />
      <span class="number">${at + 1} / ${tiles.length}${tile?.media_kind === "video" ? ` · ${timeText(tile.pts_seconds)}` : ""}</span>
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
    const tile = this.tiles[at];
    if (tile) this.dispatchEvent(new CustomEvent<Tile>("run-frame", { detail: tile }));
  }

  private async play(): Promise<void> {
    this.turn += 1;
    const { turn } = this;
    this.is_playing = true;
    while (this.isConnected && this.tiles.length > 1) {
      const next = (this.at + 1) % this.tiles.length;
      await Promise.all([this.ready(next), new Promise((resolve) => setTimeout(resolve, FRAME_MS))]);
      if (turn !== this.turn) return;
      this.show(next);
    }
    if (turn === this.turn) this.is_playing = false;
  }

  /** The frame is in the browser; one that cannot be read is passed over. */
  private async ready(at: number): Promise<void> {
    const image = new Image();
    image.src = this.frameOf(this.tiles[at]?.item ?? 0);
    await image.decode().catch(() => undefined);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-run": FrameRun;
  }
}
