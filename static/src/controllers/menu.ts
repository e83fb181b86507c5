/** `<body data-controller="menu">`: an open `<details data-menu>` closes on Escape and on a click elsewhere. */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const open = (): HTMLDetailsElement[] => [
    ...root.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]"),
  ];
  root.addEventListener(
    "click",
    (event) => {
      for (const menu of open()) if (!menu.contains(event.target as Node)) menu.open = false;
    },
    { signal },
  );
  root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape") return;
      for (const menu of open()) {
        menu.open = false;
        menu.querySelector("summary")?.focus();
      }
    },
    { signal },
  );
}
