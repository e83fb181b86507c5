/** Only the newest call counts: it aborts the older one, whose promise then gives `undefined` whatever came back. */
export function latest<A, T>(
  work: (argument: A, signal: AbortSignal) => Promise<T>,
): (argument: A) => Promise<T | undefined> {
  let newest = new AbortController();
  return async (argument) => {
    newest.abort();
    newest = new AbortController();
    const { signal } = newest;
    try {
      const result = await work(argument, signal);
      return signal.aborted ? undefined : result;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  };
}

/** `work` runs once, `wait_ms` after the last call. */
export function debounced(work: () => void, wait_ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait_ms);
  };
}
