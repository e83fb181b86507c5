/** The keys of the page of a video: its player, its time line, and the answers as the grid has them. */

import { isAnswer } from "../lib/answers";
import { neighborOf } from "../lib/line-items";
import { keymap } from "../lib/own-keys";
import type { VideoSession } from "../lib/video-session";
import type { TimeLine } from "./time-line";
import type { VideoPlayer } from "./video-player";

/** What this page does with a key that nobody can change; the answers have those of the grid. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["space or k", "play or pause"],
  ["l, j", "play on, back; again: faster"],
  [", and .", "one frame back, on"],
  ["← →", "one second back, on"],
  ["shift ← →", "ten frames back, on"],
  ["↑ ↓", "the item before, the next one"],
  ["Home, End", "first frame, last frame"],
  ["t", "go to a pts, a time or a frame"],
  ["[ and ]", "the span begins, ends with this frame"],
  ["Esc", "drop the span"],
  ["+ − 0", "time line nearer, farther, all of it"],
  ["q", "find more like the span, or the item"],
];

export interface KeyedParts {
  player: VideoPlayer;
  line: TimeLine;
  search(): void;
}

export class VideoKeys {
  constructor(
    private readonly session: VideoSession,
    private readonly parts: KeyedParts,
  ) {}

  pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || isTyping(event) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (isPressing(event) && (event.key === " " || event.key === "Enter")) return;
    if (document.querySelector("dialog[open]")) return;
    if (this.answerKey(event) || this.playerKey(event) || this.lineKey(event)) event.preventDefault();
  }

  /** The keys of the grid, as this person has them. */
  private answerKey(event: KeyboardEvent): boolean {
    const { session } = this;
    const action = keymap.actionOf(event) ?? "";
    if (isAnswer(action)) void session.answer(action);
    else if (action === "undo") session.undo();
    else if (action === "redo") session.redo();
    else if (action.startsWith("class-")) {
      const wanted = session.classes[Number(action.slice(6)) - 1];
      if (!wanted) return false;
      void session.setClass(wanted.id).catch((error: unknown) => session.fail(error));
      session.say(`Class ${wanted.name}`);
    } else return false;
    return true;
  }

  private playerKey({ key, shiftKey, repeat }: KeyboardEvent): boolean {
    const { player } = this.parts;
    const { table } = this.session;
    if (!player.source || !table) return false;
    const last = table.length - 1;
    const acts: Record<string, () => void> = {
      ",": () => player.step(-1),
      ".": () => player.step(1),
      ArrowLeft: () => (shiftKey ? player.step(-10) : player.skip(-1)),
      ArrowRight: () => (shiftKey ? player.step(10) : player.skip(1)),
      Home: () => player.seek(0),
      End: () => player.seek(last),
    };
    const once: Record<string, () => void> = {
      " ": () => player.toggle(),
      k: () => player.toggle(),
      j: () => player.shuttle(-1),
      l: () => player.shuttle(1),
      t: () => player.focusEntry(),
    };
    const act = acts[key] ?? (repeat ? undefined : once[key]);
    act?.();
    return act !== undefined;
  }

  private lineKey({ key }: KeyboardEvent): boolean {
    const { session } = this;
    const { line, search } = this.parts;
    const acts: Record<string, () => void> = {
      "[": () => session.setSpan(session.place, Math.max(session.place, (session.span?.stop ?? 0) - 1)),
      "]": () =>
        session.setSpan(Math.min(session.place, session.span?.start ?? session.place), session.place),
      Escape: () => session.dropSpan(),
      "+": () => line.zoomIn(),
      "=": () => line.zoomIn(),
      "-": () => line.zoomOut(),
      "0": () => line.fit(),
      ArrowUp: () => this.goToItem(-1),
      ArrowDown: () => this.goToItem(1),
      q: search,
    };
    acts[key]?.();
    return key in acts;
  }

  private goToItem(direction: -1 | 1): void {
    const { session } = this;
    const { table } = session;
    const item = table && neighborOf(session.items, table.ptsAt(session.place), direction, session.chosen);
    if (!item) return;
    session.choose(item);
    session.goTo(table.placeAtPts(item.start_pts));
  }
}

function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

/** Enter and space belong to the button or link that has the focus. */
function isPressing(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest("button, a, summary") !== null;
}
