/** `<form data-controller="autosubmit">`: a changed select or checkbox sends the form; text waits for Enter. */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  if (!(root instanceof HTMLFormElement)) return;
  root.addEventListener(
    "change",
    (event) => {
      const { target } = event;
      const isText = target instanceof HTMLInputElement && !["checkbox", "radio"].includes(target.type);
      if (!isText) root.requestSubmit();
    },
    { signal },
  );
}
