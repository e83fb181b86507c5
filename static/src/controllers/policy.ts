/**
 * `<div data-controller="policy">` with a select `frame_policy` and `<div data-policy="interval">`, a select `clips` and
 * `<div data-clips>`: hides what the chosen policies do not use. Without a script everything is shown.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const frames = root.querySelector<HTMLSelectElement>('select[name="frame_policy"]');
  const clips = root.querySelector<HTMLSelectElement>('select[name="clips"]');
  const show = (): void => {
    for (const part of root.querySelectorAll<HTMLElement>("[data-policy]")) {
      part.hidden = frames !== null && !(part.dataset.policy ?? "").split(" ").includes(frames.value);
    }
    for (const part of root.querySelectorAll<HTMLElement>("[data-clips]"))
      part.hidden = clips?.value === "off";
  };
  frames?.addEventListener("change", show, { signal });
  clips?.addEventListener("change", show, { signal });
  show();
}
