/**
 * A frame at full size: to peek at, the run of a stack playing, or to draw a box on and search with it. The box works
 * by pointer and by keys: arrows move it, shift + arrows size it, Enter searches, shift + Enter accepts what is in it
 * as an item of its own, Esc leaves. Events: "frame-box" and "frame-accept" ({term, box}), "frame-action" (what a
 * button does that stands for a key of the grid), "frame-closed".
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { moved, outlineOf, type Sides, sized, spanned } from "../lib/box";
import { similarityText, timeText } from "../lib/format";
import { keymap } from "../lib/own-keys";
import type { Box, Term, Tile } from "../lib/wire";
import { actionButton, answerButtons } from "./answer-buttons";
import "./frame-run";
import type { FrameRun, RunFrame } from "./frame-run";

export interface Shown {
  url: string;
  tile: Tile | null;
  term: Term | null; // to draw a box for; null: only to look
  start?: Box | null; // the box to begin with: the part that was found
}

const MOST_ZOOM = 4; // a small picture is not blown up beyond recognition
const UNREADABLE = "The frame could not be read. Its media file may have moved; scan its source again.";
const STEP = 0.02;
const LEAST = 0.01; // a smaller box is a click by mistake

@customElement("sfi-frame")
export class FrameDialog extends LitElement {
  @property({ attribute: false }) shown: Shown | null = null;
  @state() private box: Sides | null = null;
  @state() private failed = ""; // why it cannot be shown
  @state() private source = ""; // the thumbnail, which is here already, until the frame is
  @state() private is_elsewhere = false; // the run shows another frame than the one that was found
  @query("dialog") private dialog!: HTMLDialogElement;
  @query(".frame-picture") private picture!: HTMLElement;
  @query("sfi-run") private run!: FrameRun | null;
  @state() private run_frames: readonly RunFrame[] = [];
  private own_place = 0; // of the run: the frame of the item itself
  members: (stack: number) => Promise<readonly Tile[]> = async () => [];
  clipFrames: (tile: Tile) => Promise<readonly RunFrame[]> = async () => [];
  whyNot: (url: string) => Promise<string> = async () => ""; // what the server says to it; "" where it gives it
  frameOf: (item: number) => string = () => "";
  thumbnailOf: (item: number) => string | undefined = () => undefined;
  can_search = true; // on this page
  canAccept: () => boolean = () => false;
  @state() private num_accepted = 0; // boxes of this frame, since it was opened
  nextOf: () => Tile | undefined = () => undefined; // what is likely looked at after this
  videoOf: (tile: Tile) => string = () => "";
  private corner: { x: number; y: number } | null = null;

  protected override createRenderRoot(): this {
    return this;
  }

  get isOpen(): boolean {
    return this.shown !== null;
  }

  /** A box is being drawn: the keys are its own. */
  get isDrawing(): boolean {
    return this.shown?.term != null;
  }

  /** Opens on a tile to look at; the clip, or the run of its stack, plays. */
  peek(tile: Tile): void {
    this.open({ url: this.frameOf(tile.item), tile, term: null });
    if (tile.kind === "clip") void this.playRun(tile, this.clipFrames(tile), 0);
    else if (tile.count > 1 && tile.stack !== null) void this.playStack(tile, tile.stack);
    const next = this.nextOf();
    if (next && next.item !== tile.item) new Image().src = this.frameOf(next.item); // decoded meanwhile
  }

  /** While open: another tile, or the same one with another answer. */
  show(tile: Tile): void {
    if (tile.item === this.shown?.tile?.item) this.requestUpdate();
    else this.peek(tile);
  }

  private async playStack(tile: Tile, stack: number): Promise<void> {
    const tiles = await this.members(stack).catch(() => []);
    const frames = tiles.map(({ item, media_kind, pts_seconds }) => ({
      url: this.frameOf(item),
      seconds: media_kind === "video" ? pts_seconds : null,
    }));
    await this.playRun(
      tile,
      Promise.resolve(frames),
      tiles.findIndex(({ item }) => item === tile.item),
    );
  }

  private async playRun(tile: Tile, coming: Promise<readonly RunFrame[]>, at: number): Promise<void> {
    const frames = await coming.catch(() => []);
    if (this.shown?.tile !== tile || frames.length < 2) return;
    this.run_frames = frames;
    this.own_place = at;
    await this.updateComplete;
    this.run?.begin(frames, at);
  }

  private readonly runTo = (event: CustomEvent<number>): void => {
    const image = this.querySelector<HTMLImageElement>(".frame-picture img");
    const frame = this.run_frames[event.detail];
    if (image && frame) image.src = frame.url;
    this.is_elsewhere = event.detail !== this.own_place;
  };

  open(shown: Shown): void {
    this.run_frames = [];
    this.is_elsewhere = false;
    this.shown = shown;
    this.failed = "";
    this.num_accepted = 0;
    this.source = (shown.tile && this.thumbnailOf(shown.tile.item)) ?? shown.url;
    void this.sharpen(shown);
    this.box = shown.term ? [...(shown.term.box ?? shown.start ?? ([0.3, 0.3, 0.7, 0.7] as const))] : null;
    void this.updateComplete.then(() => {
      if (!this.dialog.open) this.dialog.showModal();
      this.picture.focus(); // not a button: Enter searches
      this.place();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("resize", this.place);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("resize", this.place);
  }

  close(): void {
    this.leaving();
    this.dialog?.close();
  }

  /** From now on keys are about what lies below, though the dialog's own close event comes later. */
  private readonly leaving = (): void => {
    this.shown = null;
  };

  protected override render() {
    const { shown } = this;
    return html`<dialog class="frame-dialog" aria-label=${shown?.term ? "Draw a box to search with" : "Full size"} @keydown=${this.key} @cancel=${this.leaving} @close=${this.closed}>
      ${shown ? this.content(shown) : nothing}
    </dialog>`;
  }

  private content(shown: Shown) {
    const { tile } = shown;
    return html`<header class="frame-head">
        <b class="clip">${tile?.name ?? "Uploaded image"}</b>
        ${tile?.media_kind === "video" ? html`<span class="muted number">${timeText(tile.pts_seconds)}</span>` : nothing}
        ${tile?.similarity != null ? html`<span class="muted number">similarity ${similarityText(tile.similarity)}</span>` : nothing}
        ${tile?.answer ? html`<span class="badge" data-tone=${tile.answer}>${tile.answer}</span>` : nothing}
        <span class="push hint">${
          shown.term
            ? `${shown.start ? "the part that was found · " : ""}drag a box · arrows move · shift + arrows size${this.can_search ? " · Enter searches" : ""}`
            : "arrows next · Esc closes"
        }</span>
        ${tile?.media_kind === "video" && !shown.term ? html`<a class="btn btn-small" href=${this.videoOf(tile)} target="_blank" rel="noopener">In its video <kbd>${keymap.shown("go-to-frame")}</kbd></a>` : nothing}
        ${this.num_accepted ? html`<span class="badge" data-tone="accept" role="status">✓ ${this.num_accepted} accepted</span>` : nothing}
        ${this.takesAccept ? html`<button type="button" class="btn btn-small" @click=${this.accept}>Accept the box <kbd>shift Enter</kbd></button>` : nothing}
        <button type="button" class="btn btn-small" @click=${this.close}>Close</button>
        ${shown.term && this.can_search ? html`<button type="button" class="btn btn-small btn-primary" @click=${this.search}>Search with the box</button>` : nothing}
      </header>
      <div class="frame-picture" data-drawing=${shown.term ? "yes" : "no"} tabindex="0" @pointerdown=${this.down} @pointermove=${this.move} @pointerup=${this.up}>
        ${
          this.failed
            ? html`<p class="panel-note">${this.failed}</p>`
            : html`<img src=${this.source} alt="" draggable="false" @load=${this.place} @error=${this.refused} />`
        }
        <span class="frame-box" ?hidden=${this.is_elsewhere || (!this.box && !(tile && outlineOf(tile)))}></span>
      </div>
      ${tile && !shown.term ? this.foot() : nothing}
      ${this.run_frames.length ? html`<sfi-run .frames=${this.run_frames} @run-frame=${this.runTo}></sfi-run>` : nothing}`;
  }

  private foot() {
    const act = (action: string) => this.dispatchEvent(new CustomEvent("frame-action", { detail: action }));
    return html`<footer class="dialog-foot" role="toolbar" aria-label="Answers">
      ${actionButton("left", act)}
      ${this.canAccept() ? answerButtons(act) : nothing}
      ${actionButton("right", act)}
    </footer>`;
  }

  protected override updated(): void {
    this.place();
  }

  private readonly refused = (): void => {
    const { source, shown } = this;
    if (source !== shown?.url) return;
    this.failed = UNREADABLE;
    void this.whyNot(source).then((why) => {
      if (why && this.shown === shown) this.failed = why;
    });
  };

  /** The thumbnail stays until the frame can be painted. */
  private async sharpen(shown: Shown): Promise<void> {
    if (this.source === shown.url) return;
    const frame = new Image();
    frame.src = shown.url;
    await frame.decode().catch(() => undefined); // refused: said where it is shown
    if (this.shown === shown) this.source = shown.url;
  }

  /** Picture and box are placed by script: the page's rules refuse style attributes. */
  private readonly place = (): void => {
    const image = this.querySelector("img");
    if (!image?.naturalWidth) return;
    const { clientWidth, clientHeight } = this.picture;
    const tile = image.naturalWidth < (this.shown?.tile?.width_px ?? 0) ? this.shown?.tile : null; // its thumbnail
    const [width, height] = tile
      ? [tile.width_px, tile.height_px]
      : [image.naturalWidth, image.naturalHeight];
    const scale = Math.min(clientWidth / width, clientHeight / height, MOST_ZOOM);
    image.style.width = `${width * scale}px`;
    image.style.height = `${height * scale}px`;
    const box = this.box ?? (this.shown?.tile && outlineOf(this.shown.tile));
    const outline = this.querySelector<HTMLElement>(".frame-box");
    if (!outline || !box) return;
    outline.style.left = `${image.offsetLeft + box[0] * image.offsetWidth}px`;
    outline.style.top = `${image.offsetTop + box[1] * image.offsetHeight}px`;
    outline.style.width = `${(box[2] - box[0]) * image.offsetWidth}px`;
    outline.style.height = `${(box[3] - box[1]) * image.offsetHeight}px`;
  };

  private pointOf(event: PointerEvent): { x: number; y: number } {
    const { left, top, width, height } = (this.querySelector("img") ?? this.picture).getBoundingClientRect();
    const clamp = (share: number) => Math.max(0, Math.min(1, share));
    return { x: clamp((event.clientX - left) / width), y: clamp((event.clientY - top) / height) };
  }

  private readonly down = (event: PointerEvent): void => {
    if (!this.shown?.term || event.button !== 0) return;
    this.corner = this.pointOf(event);
    this.picture.setPointerCapture(event.pointerId);
  };

  private readonly move = (event: PointerEvent): void => {
    if (!this.corner) return;
    this.box = spanned(this.corner, this.pointOf(event));
  };

  private readonly up = (): void => {
    this.corner = null;
  };

  private readonly key = (event: KeyboardEvent): void => {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-STEP, 0],
      ArrowRight: [STEP, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    };
    const step = steps[event.key];
    if (!this.isDrawing) return; // the deck's
    if (step && this.box) {
      event.preventDefault();
      this.box = event.shiftKey ? sized(this.box, step[0], step[1]) : moved(this.box, step[0], step[1]);
    } else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) {
      event.preventDefault();
      if (event.shiftKey) this.accept();
      else if (this.can_search) this.search();
    }
  };

  /** The box may become an item: it is on a frame of the corpus, and somebody may answer. */
  private get takesAccept(): boolean {
    return this.shown?.term?.kind === "item" && this.canAccept();
  }

  /** The dialog stays: there may be more than one in the frame. */
  private readonly accept = (): void => {
    if (this.takesAccept) this.send("frame-accept");
  };

  /** The box has become an item, and is accepted. */
  accepted(): void {
    this.num_accepted += 1;
  }

  private send(name: string): boolean {
    const { box, shown } = this;
    if (!box || !shown?.term || box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) return false;
    this.dispatchEvent(new CustomEvent(name, { detail: { term: shown.term, box: box as Box } }));
    return true;
  }

  private readonly search = (): void => {
    if (this.send("frame-box")) this.close();
  };

  private readonly closed = (): void => {
    this.shown = null;
    this.run_frames = [];
    this.box = null;
    this.dispatchEvent(new CustomEvent("frame-closed"));
  };
}
