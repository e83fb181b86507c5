/** The grid with its keys and dialogs: what the workbench and the review page have in common. */

import { isAnswer } from "../lib/answers";
import { sentenceOf } from "../lib/api";
import { readTiles } from "../lib/members";
import { keymap } from "../lib/own-keys";
import { Previews } from "../lib/previews";
import type { Session } from "../lib/session";
import { Thumbnails } from "../lib/thumbnails";
import type { Answer, Tile } from "../lib/wire";
import { Actions, isStep } from "./deck-actions";
import type { FrameDialog } from "./frame-dialog";
import type { HelpDialog } from "./help-dialog";
import type { ResultGrid } from "./result-grid";
import type { StackDialog } from "./stack-dialog";

const THUMBNAILS = 3000; // kept as blobs: about 20 MB
const SAVING_MS = 1500; // that a stack waits for its answers before it opens anyway

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
  private readonly actions: Actions;

  constructor(
    private readonly session: Session,
    private readonly parts: DeckParts,
    signal: AbortSignal,
  ) {
    const { api } = session;
    const { grid, frame, stack, help } = parts;
    this.thumbnails = new Thumbnails({
      fetch: (items) => api.bytes(api.url("thumbnails", undefined, { ids: items.join(",") })),
      urlOf: (blob) => URL.createObjectURL(blob),
      revoke: (url) => URL.revokeObjectURL(url),
      capacity: THUMBNAILS,
    });
    this.actions = new Actions(session, parts);
    grid.thumbnails = this.thumbnails;
    grid.selection = session.selection;
    grid.isLater = (item) => session.ranking.isLater(item);
    grid.thumbnailOf = stack.pictureOf = (item) =>
      this.thumbnails.get(item) ?? api.url("item_thumbnail", item);
    grid.members = async (id) => (await this.members(id)).map((tile) => tile.item);
    frame.members = (id) => this.members(id);
    stack.canAnswer = () => session.canAnswer;
    frame.frameOf = (item) => api.url("item_frame", item);
    frame.whyNot = (url) => api.bytes(url).then(() => "", sentenceOf);
    frame.nextOf = () => session.ranking.tiles[session.selection.cursor + 1];
    frame.thumbnailOf = (item) => this.thumbnails.get(item);
    frame.videoOf = ({ media_file, item }) =>
      api.url("video_page", media_file, { item, class: session.query.class });
    const previews = new Previews({
      fetch: (item) => api.bytes(api.url("item_preview", item)),
      urlOf: (blob) => URL.createObjectURL(blob),
      revoke: (url) => URL.revokeObjectURL(url),
    });
    grid.previewOf = (item) => previews.of(item);
    frame.clipFrames = async (tile) => {
      const { pts } = await previews.of(tile.item);
      const { pts_seconds, stop_seconds, start_pts = 0, stop_pts = start_pts + 1 } = tile;
      const per_pts = ((stop_seconds ?? pts_seconds) - pts_seconds) / (stop_pts - start_pts);
      return pts.map((at) => ({
        url: api.url("frame", tile.media_file, { pts: at }),
        seconds: pts_seconds + (at - start_pts) * per_pts,
      }));
    };
    const on = (target: EventTarget, name: string, listener: (event: CustomEvent) => void) =>
      target.addEventListener(name, listener as EventListener, { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    on(grid, "grid-pick", (event) => this.pick(event.detail));
    on(grid, "grid-lasso", () => session.changed());
    on(grid, "grid-open", () => this.perform("peek"));
    on(grid, "grid-more", ({ detail }) => session.trouble.isMet || void session.more(detail));
    on(session, "painted", () => this.painted());
    on(session, "moved", () => this.moved());
    on(session, "ranked", () => this.ranked());
    on(session, "better", () => this.better());
    on(session.ranking, "change", () => this.load());
    on(stack, "stack-cursor", (event) => {
      session.subject = event.detail;
    });
    on(frame, "frame-closed", () => this.uncovered());
    on(frame, "frame-action", ({ detail }) => void this.inFrame(detail));
    on(stack, "stack-action", ({ detail }) => void this.inStack(detail));
    on(stack, "stack-closed", () => this.uncovered());
    on(help, "help-closed", () => this.uncovered());
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

  /** Nothing on the screen moves, nor anything that is chosen, lit up or above the cut line. */
  private better(): void {
    const { grid } = this.parts;
    const { selection, better, armed } = this.session;
    const { fold } = grid;
    better.countAbove(fold);
    if (grid.cut !== null || armed || [...selection.chosen].some((index) => index >= fold)) return;
    better.applyBelow(fold);
    grid.forgetFrom(fold);
  }

  private moved(): void {
    this.parts.grid.armed = this.session.armed;
    this.parts.grid.reveal();
  }

  private painted(): void {
    this.parts.grid.repaint();
    this.parts.stack.repaint((tile) => this.session.decisions.repaint(tile)); // undone or refused among them
  }

  /** A dialog has gone: keys are about what lay below it, and the focus goes there. */
  private uncovered(): void {
    const { frame, stack, grid } = this.parts;
    if (frame.isOpen) return;
    if (stack.isOpen) {
      stack.focusCursor();
      return;
    }
    this.session.subject = null;
    grid.focus();
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
    const { frame, stack, grid } = this.parts;
    if (!frame.isOpen && !stack.isOpen) this.session.subject = null; // the dialog's own close event comes later
    if (event.defaultPrevented || frame.isDrawing || this.isCovered()) return;
    if (isTyping(event)) {
      if (event.key === "Escape" && !frame.isOpen && !stack.isOpen) grid.focus(); // back from any field
      return;
    }
    const action = keymap.actionOf(event);
    if (!action || (isPressing(event) && (action === "later" || action === "apply"))) return;
    const is_known = frame.isOpen
      ? this.inFrame(action)
      : stack.isOpen
        ? this.inStack(action)
        : this.perform(action);
    if (is_known) event.preventDefault();
  }

  /** Some other dialog is open: the keys are its own. */
  private isCovered(): boolean {
    const { frame, stack } = this.parts;
    const open = [...document.querySelectorAll("dialog[open]")];
    return open.some((dialog) => !frame.contains(dialog) && !stack.contains(dialog));
  }

  /** True when the action is known. */
  perform(action: string): boolean {
    if (action === "open-stack") void this.openStack();
    else return this.parts.perform(action) || this.actions.perform(action);
    return true;
  }

  /** While peeking, answers and steps go to the grid and the picture follows; over a stack, to its member. */
  private inFrame(action: string): boolean {
    const { frame, stack } = this.parts;
    if (action === "drop" || action === "apply") return false; // Esc is the dialog's own
    if (action === "peek") {
      frame.close();
      return true;
    }
    if (stack.isOpen) {
      if (action === "open-stack") frame.close();
      return this.follow(this.inStack(action));
    }
    if (action === "open-stack" || action.startsWith("class-")) frame.close();
    if (isAnswer(action) || action === "later") this.session.selection.clear();
    return this.follow(this.perform(action));
  }

  private follow(is_known: boolean): boolean {
    const { frame } = this.parts;
    const { current } = this.session;
    if (is_known && frame.isOpen && !frame.isDrawing && current) frame.show(current);
    return is_known;
  }

  /** The members have a cursor of their own; what is done to a tile is done to the member it is on. */
  private inStack(action: string): boolean {
    const { stack } = this.parts;
    if (action === "drop" || action === "later") return false;
    if (isStep(action.replace("extend-", ""))) return stack.step(action);
    if (action === "open-stack") stack.close();
    else if (action === "accept-above" || action === "reject-below")
      stack.arm(action === "accept-above" ? "accept" : "reject", action === "accept-above");
    else if (action === "apply") return this.answerMembers(stack.take());
    else if (isAnswer(action)) {
      const { subject } = this.session;
      const shown = this.parts.frame.isOpen && subject ? [subject] : stack.targets;
      this.answerMembers({ answer: action, tiles: shown });
      stack.moveOn();
    } else return this.parts.perform(action) || this.actions.perform(action);
    return true;
  }

  private answerMembers(said: { answer: Answer; tiles: Tile[] } | null): boolean {
    if (!said) return false;
    this.session.answerMembers(said.tiles, said.answer);
    this.parts.stack.repaint();
    return true;
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
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "file", "range"].includes(target.type);
  return (
    target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}

/** Enter and space belong to the button or link that has the focus, unless that is a member of a stack. */
function isPressing(event: KeyboardEvent): boolean {
  return (
    event.target instanceof Element &&
    event.target.closest("button:not(.member), a, summary, label, input") !== null
  );
}
