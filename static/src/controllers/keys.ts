/** `<button data-controller="keys" data-user="7" data-url="/api/v1/me/grid/">`: opens the dialog where that person changes the keys of the grid. */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "click",
    async () => {
      await import("../widgets/key-page");
      const { openKeys } = await import("../lib/own-keys");
      openKeys(Number(root.dataset.user), root.dataset.url ?? "");
      const known = document.querySelector("sfi-help");
      const dialog = known ?? document.createElement("sfi-help");
      if (!known) document.body.append(dialog);
      root.closest("details")?.removeAttribute("open");
      await dialog.updateComplete;
      dialog.edit();
    },
    { signal },
  );
}
