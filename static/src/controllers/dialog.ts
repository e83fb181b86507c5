/**
 * `<dialog data-controller="dialog"><div id="dialog-body"></div></dialog>`: opens when htmx has filled its body,
 * closes on `[data-close]`, Escape and a click beside it; focus returns to what opened it.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  if (!(root instanceof HTMLDialogElement)) return;
  let opener: HTMLElement | undefined;
  document.addEventListener(
    "htmx:before:request",
    (event) => {
      if (event.target instanceof HTMLElement && !root.contains(event.target)) opener = event.target;
    },
    { signal },
  );
  document.addEventListener(
    "htmx:after:swap",
    () => {
      if (!root.open && root.querySelector("#dialog-body")?.firstElementChild) root.showModal();
    },
    { signal },
  );
  root.addEventListener(
    "click",
    (event) => {
      const beside = event.target === root;
      const closes = event.target instanceof Element && event.target.closest("[data-close]");
      if (beside || closes) root.close();
    },
    { signal },
  );
  root.addEventListener(
    "close",
    () => {
      root.querySelector("#dialog-body")?.replaceChildren();
      const again = opener?.id ? document.getElementById(opener.id) : opener;
      again?.focus();
    },
    { signal },
  );
}
