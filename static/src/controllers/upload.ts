import { chosenFiles, droppedFiles, type NamedFile } from "../lib/dropped-files";
import { type Entry, UploadQueue } from "../lib/upload-queue";
import { uploadServer } from "../lib/upload-server";
import { size, wait } from "../lib/words";

const SHOWN = 200; // rows; more are counted, not listed
const memory = {
  get: (key: string) => localStorage.getItem(key),
  set: (key: string, id: string) => localStorage.setItem(key, id),
  forget: (key: string) => localStorage.removeItem(key),
};

/**
 * `<div data-controller="upload" data-uploads-url data-finish-url data-max-bytes>`: files dropped or chosen are
 * sent in chunks; when all are there their ingest starts and `jobs:changed` is dispatched on the body.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const find = <E extends HTMLElement>(name: string): E | null =>
    root.querySelector<E>(`[data-upload-${name}]`);
  const panel = find("panel");
  const list = find("list");
  const summary = find("summary");
  const total = find<HTMLProgressElement>("total");
  const pause = find<HTMLButtonElement>("pause");
  const pauseLabel = find("pause-label");
  const retry = find<HTMLButtonElement>("retry");
  if (!panel || !list || !summary || !total || !pause || !pauseLabel || !retry) return;
  const maxBytes = Number(root.dataset.maxBytes);
  const rows = new Map<Entry, HTMLElement>();
  let startedAt = 0;
  let sentAtStart = 0;

  const rowOf = (entry: Entry): HTMLElement => {
    let row = rows.get(entry);
    if (!row) {
      row = document.createElement("li");
      row.className = "upload";
      const name = document.createElement("span");
      name.className = "clip";
      name.textContent = entry.name;
      name.title = entry.name;
      const bar = document.createElement("progress");
      bar.className = "progress";
      bar.max = Math.max(1, entry.file.size);
      bar.setAttribute("aria-label", entry.name);
      const state = document.createElement("span");
      state.className = "upload-state number";
      row.append(name, bar, state);
      rows.set(entry, row);
      list.append(row);
    }
    return row;
  };
  const draw = (): void => {
    const { files, done, failed, bytes, sent } = queue.totals;
    panel.hidden = files === 0;
    total.max = Math.max(1, bytes);
    total.value = sent;
    const seconds = (performance.now() - startedAt) / 1000;
    const rate = seconds > 1 ? (sent - sentAtStart) / seconds : 0;
    const rest = rate > 0 && sent < bytes ? `, ${size(rate)}/s, ${wait((bytes - sent) / rate)} left` : "";
    const lost = failed ? `, ${failed} failed` : "";
    summary.textContent = `${done} of ${files} files, ${size(sent)} of ${size(bytes)}${rest}${lost}`;
    retry.hidden = failed === 0;
    pause.hidden = done + failed === files;
    pause.setAttribute("aria-pressed", String(queue.isPaused));
    pauseLabel.textContent = queue.isPaused ? "Go on" : "Pause";
    for (const entry of queue.entries.slice(0, SHOWN)) {
      const row = rowOf(entry);
      row.dataset.state = entry.state;
      const bar = row.querySelector("progress");
      const state = row.querySelector(".upload-state");
      if (bar) bar.value = entry.sent;
      if (state)
        state.textContent =
          entry.state === "failed" ? entry.error : entry.state === "sending" ? size(entry.sent) : entry.state;
    }
  };
  let isDrawn = true;
  const redraw = (): void => {
    if (!isDrawn) return;
    isDrawn = false;
    requestAnimationFrame(() => {
      isDrawn = true;
      draw();
    });
  };
  const finished = (): void => {
    document.body.dispatchEvent(new CustomEvent("jobs:changed"));
    toast("Everything is here; the ingest has started.", "accept");
  };
  const toast = (text: string, tone: string): void => {
    root.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: { text, tone } }));
  };
  const server = uploadServer(root.dataset.uploadsUrl ?? "", root.dataset.finishUrl ?? "");
  const queue = new UploadQueue(server, memory, signal, redraw, finished);

  const add = (files: readonly NamedFile[]): void => {
    const fitting = files.filter(({ file }) => file.size > 0 && file.size <= maxBytes);
    const refused = files.length - fitting.length;
    if (refused) toast(`${refused} left out: empty, or larger than ${size(maxBytes)}.`, "reject");
    startedAt = performance.now();
    sentAtStart = queue.totals.sent;
    queue.add(fitting);
  };
  const over = (isOver: boolean) => (event: DragEvent) => {
    event.preventDefault();
    root.toggleAttribute("data-over", isOver);
  };
  root.addEventListener("dragover", over(true), { signal });
  root.addEventListener("dragleave", over(false), { signal });
  root.addEventListener(
    "drop",
    async (event) => {
      over(false)(event);
      if (event.dataTransfer) add(await droppedFiles(event.dataTransfer));
    },
    { signal },
  );
  root.addEventListener(
    "change",
    (event) => {
      if (!(event.target instanceof HTMLInputElement) || event.target.type !== "file") return;
      add(chosenFiles(event.target));
      event.target.value = "";
    },
    { signal },
  );
  pause.addEventListener("click", () => (queue.isPaused ? queue.resume() : queue.pause()), { signal });
  retry.addEventListener("click", () => queue.retry(), { signal });
  window.addEventListener(
    "beforeunload",
    (event) => {
      const { files, done, failed } = queue.totals;
      if (files > done + failed) event.preventDefault();
    },
    { signal },
  );
}
