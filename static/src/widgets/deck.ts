/** The grid with its keys and dialogs: what the workbench and the review page have in common. */

import { sentenceOf } from "../lib/api";
import { actionOf } from "../lib/keymap";
import { readTiles } from "../lib/members";
import type { Session } from "../lib/session";
import { Thumbnails } from "../lib/thumbnails";
import type { Answer, Tile } from "../lib/wire";
import type { FrameDialog } from "./frame-dialog";
import type { HelpDialog } from "./help-dialog";
import type { ResultGrid } from "./result-grid";
import type { StackDialog } from "./stack-dialog";

const THUMBNAILS = 3000; // kept as blobs: about 20 MB
const SAVING_MS = 1500; // that a stack waits for its answers before it opens anyway
const STEPS = new Set(["left", "right", "up", "down", "page-up", "page-down", "first", "last"]);

export interface DeckParts {
  grid: ResultGrid;
  frame: FrameDialog;
  stack: StackDialog;
  help: HelpDialog;
  /** The page's own actions; true when it knew the action. */
  perform(action: string): boolean;
}

export class Deck {
  readonly thumbnails: Thumbnails;

  constructor(
    private readonly session: Session,
    private readonly parts: DeckParts,
    signal: AbortSignal,
  ) {
    const { api } = session;
    const { grid, frame, stack } = parts;
    this.thumbnails = new Thumbnails({
      fetch: (items) => api.bytes(api.url("thumbnails", undefined, { ids: items.join(",") })),
      urlOf: (blob) => URL.createObjectURL(blob),
      revoke: (url) => URL.revokeObjectURL(url),
      capacity: THUMBNAILS,
    });
    grid.thumbnails = this.thumbnails;
    grid.selection = session.selection;
    grid.isLater = (item) => session.ranking.isLater(item);
    grid.thumbnailOf = stack.pictureOf = (item) =>
      this.thumbnails.get(item) ?? api.url("item_thumbnail", item);
    grid.members = async (id) => (await this.members(id)).map((tile) => tile.item);
    const on = (target: EventTarget, name: string, listener: (event: CustomEvent) => void) =>
      target.addEventListener(name, listener as EventListener, { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    on(grid, "grid-pick", (event) => this.pick(event.detail));
    on(grid, "grid-lasso", () => session.changed());
    on(grid, "grid-open", () => this.perform("peek"));
    on(grid, "grid-more", () => void session.ranking.more());
    on(session, "painted", () => this.painted());
    on(session, "moved", () => this.moved());
    on(session, "ranked", () => this.ranked());
    on(session.ranking, "change", () => this.load());
    on(frame, "frame-key", (event) => this.frameKey(event.detail));
    on(stack, "stack-answer", (event) => this.answerMember(event.detail));
    on(frame, "frame-closed", () => grid.focus());
    on(stack, "stack-closed", () => grid.focus());
  }

  private load(): void {
    const { grid } = this.parts;
    grid.tiles = this.session.ranking.tiles;
    grid.expected = this.session.ranking.expected;
    grid.refresh();
  }

  private ranked(): void {
    this.parts.grid.armed = null;
    this.load();
    this.parts.grid.top();
    this.parts.grid.reveal();
  }

  private moved(): void {
    this.parts.grid.armed = this.session.armed;
    this.parts.grid.reveal();
  }

  private painted(): void {
    this.parts.grid.repaint();
    this.parts.stack.repaint();
  }

  private pick(picked: { index: number; extend: boolean; toggle: boolean }): void {
    const { selection, ranking } = this.session;
    this.parts.grid.focus();
    if (picked.index < 0) {
      this.session.drop();
      return;
    }
    if (picked.toggle) selection.toggle(picked.index);
    else selection.move(picked.index, picked.extend, ranking.tiles.length);
    this.session.armed = null;
    this.moved();
    this.session.changed();
    if (!picked.extend && !picked.toggle) this.parts.perform("picked");
  }

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || isTyping(event) || this.isCovered()) return;
    const action = actionOf(event);
    if (!action || (isPressing(event) && (action === "later" || action === "apply"))) return;
    if (this.perform(action)) event.preventDefault();
  }

  private isCovered(): boolean {
    const { frame, stack, help } = this.parts;
    return frame.isOpen || stack.isOpen || help.isOpen || document.querySelector("dialog[open]") !== null;
  }

  /** True when the action is known. */
  perform(action: string): boolean {
    const { session, parts } = this;
    const { grid } = parts;
    const { selection, ranking } = session;
    const last = ranking.tiles.length - 1;
    if (parts.perform(action)) return true;
    const step = action.replace("extend-", "");
    if (STEPS.has(step)) {
      selection.move(grid.step(step), step !== action, ranking.tiles.length);
      this.moved();
      session.changed();
      return true;
    }
    switch (action) {
      case "accept":
      case "reject":
      case "unsure":
        session.armed = null;
        session.answer(action);
        return true;
      case "later":
        session.later();
        return true;
      case "accept-above":
        session.arm("accept", span(grid.visible.start, selection.cursor));
        return true;
      case "reject-below":
        session.arm("reject", span(selection.cursor, Math.min(grid.visible.stop - 1, last)));
        return true;
      case "apply":
        return session.applyArmed();
      case "drop":
        session.drop();
        return true;
      case "undo":
        session.undo();
        return true;
      case "redo":
        session.redo();
        return true;
      case "select-all":
        selection.all(Math.min(grid.shown_stop, ranking.tiles.length));
        break;
      case "invert":
        selection.invert(Math.min(grid.shown_stop, ranking.tiles.length));
        break;
      case "open-stack":
        void this.openStack();
        return true;
      case "peek":
        this.peek();
        return true;
      case "help":
        parts.help.toggle();
        return true;
      default:
        return false;
    }
    this.moved();
    session.changed();
    return true;
  }

  private peek(): void {
    const tile = this.session.ranking.tiles[this.session.selection.cursor];
    if (tile) this.parts.frame.open({ url: this.session.api.url("item_frame", tile.item), tile, term: null });
  }

  /** While peeking, answers and steps go to the grid and the picture follows. */
  private frameKey(event: KeyboardEvent): void {
    const action = actionOf(event);
    if (!action || (isPressing(event) && (action === "later" || action === "apply"))) return;
    const isAnswer = ["accept", "reject", "unsure", "later", "undo", "redo"].includes(action);
    if (!isAnswer && !STEPS.has(action)) return;
    event.preventDefault();
    if (isAnswer) this.session.selection.clear();
    this.perform(action);
    this.peek();
  }

  private async members(stack: number): Promise<Tile[]> {
    const url = this.session.api.url("stack", stack, { class: this.session.query.class });
    return readTiles(await this.session.api.get(url), this.session.api).map((tile) =>
      this.session.decisions.overlay(tile),
    );
  }

  private async openStack(): Promise<void> {
    const tile = this.session.ranking.tiles[this.session.selection.cursor];
    if (!tile) return;
    if (tile.stack === null || tile.count < 2)
      return this.session.say("This tile is a single item, not a stack");
    try {
      // What was just said about the stack must have reached its members.
      await Promise.race([
        this.session.outbox.drain(),
        new Promise((resolve) => setTimeout(resolve, SAVING_MS)),
      ]);
      this.parts.stack.open(await this.members(tile.stack), tile.item);
    } catch (error) {
      this.session.say(sentenceOf(error));
    }
  }

  private answerMember({ tile, answer }: { tile: Tile; answer: Answer }): void {
    this.session.answerMember({ ...tile, stack: null }, tile, answer);
    this.parts.stack.repaint();
  }
}

function span(start: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - start + 1) }, (_, step) => start + step);
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "file"].includes(target.type);
  return (
    target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}

/** Enter and space belong to the button or link that has the focus. */
function isPressing(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest("button, a, summary, label, input") !== null;
}
