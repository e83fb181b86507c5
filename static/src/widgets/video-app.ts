/** The page of a video: player, time line, and beside them what is looked at, selected and said. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { afterPaint } from "../lib/after-paint";
import { ANSWERS, GLYPH_OF } from "../lib/answers";
import { itemsText } from "../lib/format";
import type { LineItem } from "../lib/line-items";
import { keymap } from "../lib/own-keys";
import { writeQuery } from "../lib/query-url";
import { codeText } from "../lib/time-code";
import type { VideoSession } from "../lib/video-session";
import "./time-line";
import type { TimeLine } from "./time-line";
import { KEYS, VideoKeys } from "./video-keys";
import "./video-player";
import type { PlayerSource, VideoPlayer } from "./video-player";

const TIP_SIDE_PX = 256;

@customElement("sfi-video")
export class VideoApp extends LitElement {
  @property({ attribute: false }) session!: VideoSession;
  @state() private source: PlayerSource | null = null;
  @state() private revision = 0;
  @query("sfi-player") private player!: VideoPlayer;
  @query("sfi-time-line") private line!: TimeLine;
  private readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    const { session } = this;
    const { signal } = this.life;
    const refresh = afterPaint(() => {
      this.revision += 1;
    });
    session.addEventListener("change", refresh, { signal });
    session.addEventListener("place", () => this.player.seek(session.place), { signal });
    const keys = new VideoKeys(session, {
      player: this.player,
      line: this.line,
      search: () => this.search(),
    });
    document.addEventListener("keydown", (event) => keys.pressed(event), { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  /** The frames are known: the player begins. */
  begin(): void {
    const { session } = this;
    const { table, api } = session;
    if (!table) return;
    const { container, codec } = session.video;
    this.source = {
      table,
      container,
      codec,
      video_url: session.url("video_bytes"),
      run: (pts, side) =>
        api.bytes(`${session.url("frame_run")}?pts=${pts.join(",")}${side ? `&max_side_px=${side}` : ""}`),
    };
  }

  private readonly drawn = (event: CustomEvent<number>): void => {
    this.session.place = event.detail;
    this.revision += 1;
  };

  private readonly pictureOf = (place: number): string => {
    const { session } = this;
    return `${session.url("frame")}?pts=${session.table?.ptsAt(place) ?? 0}&max_side_px=${TIP_SIDE_PX}`;
  };

  protected override render() {
    const { session } = this;
    return html`<section class="video-middle" aria-label="Player">
        <sfi-player .source=${this.source} @player-place=${this.drawn}></sfi-player>
        ${session.error ? html`<p class="alert" data-tone="reject" role="alert">${session.error}</p>` : nothing}
        ${this.source || session.error ? nothing : html`<p class="player-loading" role="status">Listing the frames of this video …</p>`}
      </section>
      <aside class="video-side" aria-label="Answers">${this.side()}</aside>
      <section class="video-line" aria-label="Time line">
        ${this.tools()}
        <sfi-time-line
          .table=${session.table}
          .items=${session.items}
          .scores=${session.scores}
          .similarities=${session.similarities}
          .chosen=${session.chosen?.item ?? null}
          .span=${session.span}
          .place=${session.place}
          .revision=${this.revision}
          .pictureOf=${this.pictureOf}
          @line-seek=${(event: CustomEvent<number>) => session.goTo(event.detail)}
          @line-item=${(event: CustomEvent<LineItem | null>) => session.choose(event.detail)}
          @line-span=${(event: CustomEvent<[number, number]>) => this.spanned(...event.detail)}
        ></sfi-time-line>
        ${this.legend()}
      </section>
      <p class="visually-hidden" role="status" aria-live="polite">${session.said}</p>`;
  }

  /** The frame at the end that moves is shown. */
  private spanned(fixed: number, moving: number): void {
    this.session.setSpan(fixed, moving);
    this.session.goTo(moving);
  }

  private tools() {
    const { session } = this;
    const zoom = (label: string, text: string, key: string, act: () => void) =>
      html`<button type="button" class="btn btn-small btn-icon" aria-label=${label} title="${label} (${key})" @click=${act}>${text}</button>`;
    return html`<div class="line-tools">
      <label>Class
        <select class="select select-small" @change=${this.classChosen} ?disabled=${!session.classes.length}>
          ${session.classes.length ? nothing : html`<option>none yet</option>`}
          ${session.classes.map((each) => html`<option value=${each.id} ?selected=${each.id === session.class_id}>${each.name}</option>`)}
        </select>
      </label>
      <label>Scores of
        <select class="select select-small" @change=${this.scorerChosen}>
          <option value="">no classifier</option>
          ${session.scorers.map(
            (each, at) =>
              html`<option value=${at} ?selected=${each === session.scorer}>${each.name}</option>`,
          )}
        </select>
      </label>
      <button type="button" class="btn btn-small" aria-pressed=${session.similarities !== null} ?disabled=${!session.chosen && !session.similarities} @click=${this.compare}
        title="How near every item of this video is to the chosen one">Similarity to the item</button>
      <span class="push muted small">${itemsText(session.items.length)}${session.is_whole ? "" : ", more later in the video"}</span>
      <span class="line-zoom" role="group" aria-label="Zoom">
        ${zoom("Farther", "−", "-", () => this.line.zoomOut())}
        ${zoom("Nearer", "+", "+", () => this.line.zoomIn())}
        <button type="button" class="btn btn-small" title="All of the video (0)" @click=${() => this.line.fit()}>All</button>
      </span>
    </div>`;
  }

  private legend() {
    const marks: readonly (readonly [string, string])[] = [
      ["accept", "✓ accepted"],
      ["reject", "✕ rejected"],
      ["unsure", "? unsure"],
      ["weak", "w weak label: taken in bulk, not looked at"],
    ];
    return html`<ul class="line-legend" aria-label="Legend">
      ${marks.map(([tone, text]) => html`<li><i data-tone=${tone}></i>${text}</li>`)}
    </ul>`;
  }

  private side() {
    const { session } = this;
    const subject = session.span ? session.spanText : session.chosen ? nameOf(session.chosen) : "";
    const answer = session.span ? "" : (session.chosen?.answer ?? "");
    return html`<section class="side-part">
        <h2>${session.span ? "Span" : "Item"}</h2>
        ${
          subject
            ? html`<p class="number video-subject">${subject}</p>
              <p>${answer ? html`<span class="badge" data-tone=${answer}>${GLYPH_OF[answer]} ${answer}</span>` : html`<span class="muted">undecided</span>`}</p>`
            : html`<p class="muted">Drag on the time line to select a span, or click an item. By keyboard: <kbd>[</kbd> and <kbd>]</kbd>, <kbd>↑</kbd> and <kbd>↓</kbd>.</p>`
        }
        <div class="video-answers" role="group" aria-label="Answer">
          ${ANSWERS.map(
            (each) =>
              html`<button type="button" class="btn" data-answer=${each} ?disabled=${!session.canAnswer || !subject} @click=${() => void session.answer(each)}>
                ${GLYPH_OF[each]} ${each} <kbd>${keymap.shown(each)}</kbd>
              </button>`,
          )}
        </div>
        ${session.classes.length ? nothing : html`<p class="muted">There is no label class yet: <a href=${session.config.urls.workbench_page ?? ""}>make one in the workbench</a>.</p>`}
        <div class="video-more">
          ${this.searchLink()}
          ${session.span ? html`<button type="button" class="btn btn-small" @click=${() => session.dropSpan()}>Drop the span</button>` : nothing}
        </div>
      </section>
      <section class="side-part">
        <h2>Said here</h2>
        <p class="video-said">${session.said || "Nothing yet"}</p>
        <div class="video-more">
          <button type="button" class="btn btn-small" @click=${() => session.undo()}>Undo <kbd>${keymap.shown("undo")}</kbd></button>
          <button type="button" class="btn btn-small" @click=${() => session.redo()}>Redo <kbd>${keymap.shown("redo")}</kbd></button>
        </div>
        <p class="status-unsaved muted small">${session.num_unsaved ? `${session.num_unsaved} unsaved` : "all saved"}</p>
      </section>
      <section class="side-part">
        <h2>Take along</h2>
        <div class="video-more">
          <a class="btn btn-small" download=${`${session.video.name}-${session.table?.ptsAt(session.place) ?? 0}.png`} href=${this.frameUrl()}>This frame as PNG</a>
          <a class="btn btn-small" href=${session.url("datasets")} title="What was answered, spans among it, becomes a dataset version: its clips as mp4, its spans as CSV or JSON">Export clips and spans</a>
        </div>
      </section>
      <details class="side-part video-keys">
        <summary>Keys</summary>
        <dl>${KEYS.map(([keys, does]) => html`<div><dt>${keys}</dt><dd>${does}</dd></div>`)}</dl>
      </details>`;
  }

  private frameUrl(): string {
    const { session } = this;
    return `${session.url("frame")}?form=png&pts=${session.table?.ptsAt(session.place) ?? 0}`;
  }

  private searchLink() {
    if (!this.session.span && !this.session.chosen) return nothing;
    return html`<button type="button" class="btn btn-small" @click=${() => this.search()}>
      Find more like this <kbd>q</kbd>
    </button>`;
  }

  /** The workbench, with what is selected as its example. */
  private search(): void {
    const { query, config, names } = this.session;
    if (query) location.assign(`${config.urls.workbench_page}?${writeQuery(query, names)}`);
  }

  private readonly classChosen = (event: Event): void => {
    const id = Number((event.target as HTMLSelectElement).value);
    void this.session.setClass(id).catch((error: unknown) => this.session.fail(error));
  };

  private readonly scorerChosen = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    void this.session.setScorer(value === "" ? null : (this.session.scorers[Number(value)] ?? null));
  };

  private readonly compare = (): void => {
    const { session } = this;
    void session.compareWith(session.similarities ? null : (session.chosen?.item ?? null));
  };
}

/** "frame 0:00:01.000" or "clip 0:00:01.000 – 0:00:02.480". */
function nameOf(item: LineItem): string {
  const stop = item.kind === "clip" ? ` – ${codeText(item.stop)}` : "";
  return `${item.kind} ${codeText(item.start)}${stop}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-video": VideoApp;
  }
}
