const SAY_MS = 2000;

/** `<div data-controller="copy"><input data-copy-source readonly><button data-copy>..</button></div>` */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const source = root.querySelector<HTMLInputElement>("[data-copy-source]");
  const button = root.querySelector<HTMLButtonElement>("[data-copy]");
  const label = root.querySelector<HTMLElement>("[data-copy-label]");
  if (!source || !button || !label) return;
  const words = label.textContent ?? "";
  const say = (text: string): void => {
    label.textContent = text;
    setTimeout(() => {
      label.textContent = words;
    }, SAY_MS);
  };
  button.addEventListener(
    "click",
    async () => {
      source.select();
      try {
        await navigator.clipboard.writeText(source.value);
        say("Copied");
      } catch {
        say("Press Ctrl+C"); // no clipboard over plain http to another machine; the text is selected
      }
    },
    { signal },
  );
}
