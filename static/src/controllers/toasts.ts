interface Toast {
  text: string;
  tone?: "accept" | "reject" | "unsure" | "info";
}

const STAY_MS = 6000; // an error stays until it is dismissed

/**
 * `<body data-controller="toasts">` with `<div id="toasts" role="status">` in it. Shows what is dispatched as
 * `new CustomEvent("toast", { bubbles: true, detail: { text, tone } })`, or by the server in `HX-Trigger`.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const list = root.querySelector<HTMLElement>("#toasts");
  if (!list) return;
  const dismissLater = (toast: HTMLElement): void => {
    if (toast.dataset.tone === "reject") return;
    const timer = setTimeout(() => toast.remove(), STAY_MS);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  const show = ({ text, tone = "info" }: Toast): void => {
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.tone = tone;
    const words = document.createElement("p");
    words.textContent = text;
    const button = document.createElement("button");
    button.className = "btn btn-ghost btn-small";
    button.type = "button";
    button.dataset.dismiss = "";
    button.textContent = "Dismiss";
    toast.append(words, button);
    list.append(toast);
    dismissLater(toast);
  };
  for (const toast of list.querySelectorAll<HTMLElement>(".toast")) dismissLater(toast);
  document.addEventListener(
    "toast",
    (event) => {
      const detail = (event as CustomEvent<Toast | { toasts: Toast[] }>).detail;
      for (const each of "toasts" in detail ? detail.toasts : [detail]) show(each);
    },
    { signal },
  );
  list.addEventListener(
    "click",
    (event) => {
      if (event.target instanceof Element && event.target.closest("[data-dismiss]")) {
        event.target.closest(".toast")?.remove();
      }
    },
    { signal },
  );
}
