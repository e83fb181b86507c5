/**
 * `<div data-controller="policy">` with a select `frame_policy` and `<div data-policy="interval">`: hides what the
 * chosen policy does not use. Without a script everything is shown.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const select = root.querySelector<HTMLSelectElement>('select[name="frame_policy"]');
  if (!select) return;
  const show = (): void => {
    for (const part of root.querySelectorAll<HTMLElement>("[data-policy]")) {
      part.hidden = !(part.dataset.policy ?? "").split(" ").includes(select.value);
    }
  };
  select.addEventListener("change", show, { signal });
  show();
}
