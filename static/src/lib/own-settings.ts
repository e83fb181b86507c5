/**
 * What a person has set up in the grid, kept on the server so that they find it on another machine. The browser keeps
 * a copy, which holds until the server has answered and whenever it does not. The last write holds.
 */

import { csrfToken } from "./csrf";

export interface Settings {
  keys: Record<string, readonly string[]> | null; // null: never set
  tile_px: number | null;
}

type Name = keyof Settings;

/** One of the settings, where it is used. */
export interface Owner<N extends Name> {
  read(): NonNullable<Settings[N]> | null; // as it is here; null: as it comes
  apply(value: NonNullable<Settings[N]>): void; // as the server has it
}

const SETTLED_MS = 400; // several changes in a row are one request

export class OwnSettings {
  private readonly changed: Partial<Settings> = {}; // and not acknowledged
  private readonly touched = new Set<Name>(); // changed here, ever
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stored: Promise<Settings | null> | null = null;
  private sending: Promise<void> = Promise.resolve(); // one after the other: an older one must not come last

  constructor(private readonly url: string) {
    window.addEventListener("pagehide", () => {
      if (Object.keys(this.changed).length) void this.send(); // by a request that outlives the page
    });
  }

  /** The server's value is applied when it comes, unless it was changed here meanwhile; where it has none it gets ours. */
  async join<N extends Name>(name: N, owner: Owner<N>): Promise<void> {
    this.stored ??= this.ask("GET");
    const stored = await this.stored;
    if (!stored || this.touched.has(name)) return;
    const value = stored[name];
    if (value !== null) owner.apply(value as NonNullable<Settings[N]>);
    else {
      const own = owner.read();
      if (own !== null) this.put(name, own);
    }
  }

  /** Sent a moment later, and once more with the next change where the server did not answer. */
  put<N extends Name>(name: N, value: Settings[N]): void {
    this.changed[name] = value;
    this.touched.add(name);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.sending = this.sending.then(() => this.send());
    }, SETTLED_MS);
  }

  private async send(): Promise<void> {
    const sent = { ...this.changed };
    if (!Object.keys(sent).length) return; // it went with the one before
    if (!(await this.ask("PATCH", sent))) return;
    for (const name of Object.keys(sent) as Name[])
      if (this.changed[name] === sent[name]) delete this.changed[name];
  }

  private async ask(method: string, body?: unknown): Promise<Settings | null> {
    const headers = {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": csrfToken(),
    };
    const init: RequestInit = { method, headers, credentials: "same-origin", keepalive: method !== "GET" };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(this.url, init).catch(() => null);
    return answer?.ok ? ((await answer.json()) as Settings) : null;
  }
}
