/** `<form data-controller="confirm" data-confirm="Delete it?">`: asks before the form is sent. */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "submit",
    (event) => {
      if (window.confirm(root.dataset.confirm ?? "Are you sure?")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    { signal, capture: true },
  );
}
