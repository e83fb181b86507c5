/** The outbox with the browser's own parts: IndexedDB, Web Locks, BroadcastChannel, fetch, page life cycle. */

import { type Api, ApiError } from "./api";
import { bodyOf, firstGroup, Outbox, type Saved } from "./outbox";
import { IndexedStore, MemoryStore, type OutboxStore, OverflowingStore } from "./outbox-store";
import type { Config } from "./wire";

/** Opened, draining what an earlier page left, shared with the other tabs of the same person. */
export async function openOutbox(api: Api, config: Config): Promise<Outbox> {
  const name = `sisyphus-outbox-${config.user.id}`;
  let store: OutboxStore;
  try {
    store = new OverflowingStore(await IndexedStore.open(config.user.id));
  } catch {
    store = new MemoryStore(); // a private window without storage: safe until the tab is closed
  }
  const outbox = new Outbox({
    store,
    withLock: (work) => navigator.locks.request(name, work),
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    random: Math.random,
    send: async (url, body) => {
      try {
        return { status: 200, body: await api.post(url, body) };
      } catch (error) {
        if (error instanceof ApiError)
          return { status: error.status, body: { code: error.code, detail: error.detail } };
        throw error;
      }
    },
    isSameUser: async () => {
      try {
        const me = await api.get<{ id?: number; user?: { id: number } }>(api.url("me"));
        return (me.id ?? me.user?.id) === config.user.id;
      } catch {
        return false;
      }
    },
  });
  share(outbox, new BroadcastChannel(name));
  await outbox.recount();
  window.addEventListener("online", () => outbox.retryNow());
  window.addEventListener("focus", () => outbox.state !== "idle" && outbox.retryNow());
  window.addEventListener("beforeunload", (event) => {
    if (outbox.unsaved > 0) event.preventDefault();
  });
  window.addEventListener("pagehide", () => void flush(outbox, api));
  void outbox.drain();
  return outbox;
}

/** Tabs tell each other what was saved and when to count again. */
function share(outbox: Outbox, channel: BroadcastChannel): void {
  let isEcho = false;
  outbox.addEventListener("saved", (event) => {
    if (!isEcho) channel.postMessage({ saved: (event as CustomEvent<Saved>).detail });
  });
  outbox.addEventListener("put", () => channel.postMessage({}));
  outbox.addEventListener("problem", () => !isEcho && channel.postMessage({}));
  channel.addEventListener("message", (event: MessageEvent<{ saved?: Saved }>) => {
    isEcho = true;
    if (event.data.saved) outbox.dispatchEvent(new CustomEvent("saved", { detail: event.data.saved }));
    isEcho = false;
    void outbox.recount();
  });
}

/** One last try while the page goes; what it sends stays stored and comes back as a duplicate, which is harmless. */
async function flush(outbox: Outbox, api: Api): Promise<void> {
  if (outbox.unsaved === 0) return;
  const group = firstGroup(await outbox.pending());
  const [first] = group;
  if (first) await api.fetch("POST", first.url, bodyOf(group), { keepalive: true }).catch(() => undefined);
}
