/** What a key or a button does on either page, once it is known which action it is. */

import { isAnswer } from "../lib/answers";
import { countText } from "../lib/format";
import type { Session } from "../lib/session";
import { tileSize } from "../lib/tile-size";
import type { Tile } from "../lib/wire";
import type { DeckParts } from "./deck";

const STEPS: ReadonlySet<string> = new Set([
  "left",
  "right",
  "up",
  "down",
  "page-up",
  "page-down",
  "first",
  "last",
]);

export function isStep(action: string): boolean {
  return STEPS.has(action);
}

export class Actions {
  constructor(
    private readonly session: Session,
    private readonly parts: DeckParts,
  ) {}

  /** True when the action is known. */
  perform(action: string): boolean {
    return this.move(action) || this.answer(action) || this.select(action) || this.look(action);
  }

  private move(action: string): boolean {
    const step = action.replace("extend-", "");
    if (!isStep(step)) return false;
    const { session, parts } = this;
    session.selection.move(parts.grid.step(step), step !== action, session.ranking.tiles.length);
    session.dispatchEvent(new Event("moved"));
    session.changed();
    return true;
  }

  private answer(action: string): boolean {
    const { session } = this;
    const { grid } = this.parts;
    const { cursor } = session.selection;
    if (isAnswer(action)) {
      session.armed = null;
      session.answer(action);
      return true;
    }
    switch (action) {
      case "later":
        session.later();
        return true;
      case "accept-above":
        session.arm("accept", span(grid.visible.start, cursor));
        return true;
      case "reject-below":
        session.arm("reject", span(cursor, Math.min(grid.visible.stop, session.ranking.tiles.length) - 1));
        return true;
      case "apply":
        return session.applyArmed();
      case "undo":
        session.undo();
        return true;
      case "redo":
        session.redo();
        return true;
      default:
        return false;
    }
  }

  private select(action: string): boolean {
    const { session } = this;
    const shown = Math.min(this.parts.grid.shown_stop, session.ranking.tiles.length);
    if (action === "drop") session.drop();
    else if (action === "select-all") this.selectAll(shown);
    else if (action === "invert") session.selection.invert(shown);
    else return false;
    session.dispatchEvent(new Event("moved"));
    session.changed();
    return true;
  }

  /** What was on the screen; once that is chosen, the page is asked for all that match. */
  private selectAll(shown: number): void {
    const { session, parts } = this;
    const { selection, ranking } = session;
    const has_all = selection.chosen.size >= shown;
    selection.all(shown);
    const more = ranking.expected - shown;
    if (more <= 0) return;
    if (has_all && parts.perform("all-matching")) return;
    session.say(`${countText(shown)} chosen: all that were on the screen`);
  }

  private look(action: string): boolean {
    const { session } = this;
    const { grid, frame, help } = this.parts;
    const { current } = session;
    switch (action) {
      case "peek":
        if (current) frame.peek(current);
        return true;
      case "go-to-frame":
        if (current) this.goToFrame(current);
        return true;
      case "map":
        return this.goToMap();
      case "regions":
        session.say(grid.toggleRegions() ? "Regions found are outlined" : "Regions are hidden");
        return true;
      case "zoom-in":
      case "zoom-out":
        tileSize.set(tileSize.step + (action === "zoom-in" ? 1 : -1));
        return true;
      case "help":
        help.toggle();
        return true;
      default:
        return false;
    }
  }

  /** In a tab of its own: this one keeps its place. */
  private goToFrame({ media_file, media_kind, item }: Tile): void {
    const { api, query } = this.session;
    const page = api.url("media_page", media_file, { item });
    const player = api.url("video_page", media_file, { item, class: query.class });
    window.open(media_kind === "video" ? player : `${page}#item-${item}`, "_blank", "noopener");
  }

  private goToMap(): boolean {
    const { map } = this.session.config.urls;
    if (!map) return false;
    const { query } = this.session;
    location.assign(query.class === null ? map : `${map}?class=${query.class}`);
    return true;
  }
}

function span(start: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - start + 1) }, (_, step) => start + step);
}
