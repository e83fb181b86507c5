/** What a controller exports. `signal` aborts when `root` leaves the page: give it to every listener and fetch. */
export type Connect = (root: HTMLElement, signal: AbortSignal) => void;

/**
 * Connects every `<element data-controller="name other">` below `within` to its controllers, now and whenever
 * one is added later, and aborts its signal when it is removed.
 */
export function attach(
  controllers: Readonly<Record<string, Connect>>,
  within: ParentNode & Node = document,
): () => void {
  const connected = new Map<HTMLElement, AbortController>();

  const connect = (root: HTMLElement): void => {
    if (connected.has(root)) return;
    const life = new AbortController();
    connected.set(root, life);
    for (const name of (root.dataset.controller ?? "").split(/\s+/).filter(Boolean)) {
      const controller = controllers[name];
      if (controller) controller(root, life.signal);
    }
  };
  const disconnectGone = (): void => {
    for (const [root, life] of connected) {
      if (root.isConnected) continue;
      connected.delete(root);
      life.abort();
    }
  };
  const connectBelow = (node: Node): void => {
    if (node instanceof HTMLElement && node.dataset.controller) connect(node);
    if (node instanceof Element || node instanceof Document) {
      for (const each of node.querySelectorAll<HTMLElement>("[data-controller]")) connect(each);
    }
  };

  const observer = new MutationObserver((changes) => {
    disconnectGone();
    for (const change of changes)
      for (const node of change.addedNodes) if (node.isConnected) connectBelow(node);
  });
  observer.observe(within, { childList: true, subtree: true });
  connectBelow(within);
  return () => {
    observer.disconnect();
    for (const life of connected.values()) life.abort();
    connected.clear();
  };
}
