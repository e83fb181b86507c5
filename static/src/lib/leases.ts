/**
 * What this page shows is shown to nobody else: a heart-beat with its undecided tiles (those seen and some ahead:
 * `Ranking.page`) while somebody is at work here, a good-bye on leaving. A tile that went to somebody else meanwhile is put off until the end.
 */

import { debounced } from "./latest";
import type { Session } from "./session";
import type { Tile } from "./wire";

const BEAT_MS = 30_000; // the server forgets after 90 s
const SOON_MS = 400; // after other tiles are shown
const IDLE_MS = 5 * 60_000; // nobody is at work: others may have the tiles
const MOST = 4000;

export class Leases {
  private label_class: number | null = null;
  private shown = ""; // what the last beat was about
  private active_at = Date.now();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly session: Session) {}

  /** From now on, until `signal` is aborted or the page is left. */
  keep(signal?: AbortSignal): this {
    const { session } = this;
    const listen = signal ? { signal } : {};
    const soon = debounced(() => void this.beat(), SOON_MS);
    session.addEventListener("ranked", () => void this.beat(), listen);
    session.ranking.addEventListener("change", soon, listen);
    for (const kind of ["keydown", "pointermove", "wheel"]) {
      document.addEventListener(kind, () => this.active(), { ...listen, passive: true });
    }
    window.addEventListener("pagehide", () => this.leave(), listen);
    this.timer = setInterval(() => void this.beat(true), BEAT_MS);
    signal?.addEventListener("abort", () => clearInterval(this.timer));
    return this;
  }

  /** Says what is shown, if it is something else than before or `again`; resolves when the server has heard. */
  async beat(again = false): Promise<void> {
    const { session } = this;
    const label_class = session.query.class;
    if (label_class === null || !session.canAnswer || Date.now() - this.active_at > IDLE_MS) return;
    if (this.label_class !== null && this.label_class !== label_class) void this.say(this.label_class, []);
    const undecided = session.ranking.tiles.filter((tile) => tile.answer === "" && tile.item > 0);
    const names = [...new Set(undecided.map(nameOf))].slice(0, MOST);
    const shown = `${label_class}:${names}`;
    if (!again && shown === this.shown) return;
    const is_first = this.label_class !== label_class;
    this.label_class = label_class;
    this.shown = shown;
    if (is_first && !names.length) return; // or it would let go of what a ranking on its way takes
    const lost = await this.say(label_class, names);
    if (lost.length && session.query.class === label_class) this.putOff(new Set(lost));
  }

  private async say(label_class: number, tiles: number[]): Promise<number[]> {
    const body = { class: label_class, page: this.session.page, tiles };
    const url = this.session.api.url("leases");
    const heard = await this.session.api.post<{ lost: number[] }>(url, body).catch(() => ({ lost: [] }));
    return heard.lost;
  }

  private putOff(lost: ReadonlySet<number>): void {
    const { session } = this;
    const theirs = session.ranking.tiles.filter(
      (tile) => tile.answer === "" && lost.has(nameOf(tile)) && !session.ranking.isLater(tile.item),
    );
    if (!theirs.length) return;
    session.ranking.putOff(theirs);
    session.dispatchEvent(new CustomEvent("painted", { detail: theirs.map((tile) => tile.item) }));
    session.say(`${theirs.length.toLocaleString("en-US")} put off: somebody else has them in front of them`);
  }

  private active(): void {
    const was_idle = Date.now() - this.active_at > IDLE_MS;
    this.active_at = Date.now();
    if (was_idle) void this.beat(true);
  }

  /** Sent while the page goes away; what does not arrive runs out by itself. */
  private leave(): void {
    if (this.label_class === null) return;
    const body = { class: this.label_class, page: this.session.page, tiles: [] };
    void this.session.api
      .fetch("POST", this.session.api.url("leases"), body, { keepalive: true })
      .catch(() => undefined);
    this.label_class = null;
    this.shown = "";
  }
}

/** Its name in leases: the stack, or minus the item where there is none. */
export function nameOf(tile: Pick<Tile, "item" | "stack">): number {
  return tile.stack ?? -tile.item;
}
