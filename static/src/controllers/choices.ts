/**
 * `<div data-controller="choices" hidden>` before a list of checkboxes in a fieldset: all, none, and those whose
 * name contains what is typed. "All" and "None" are of those that are shown.
 */
export function connect(root: HTMLElement, signal: AbortSignal): void {
  const list = root.nextElementSibling;
  const search = root.querySelector("input");
  if (!list || !search) return;
  root.hidden = false;
  const shown = (): HTMLLabelElement[] =>
    [...list.querySelectorAll<HTMLLabelElement>("label.check")].filter((label) => !label.hidden);
  search.addEventListener(
    "input",
    () => {
      const wanted = search.value.trim().toLowerCase();
      for (const label of list.querySelectorAll<HTMLLabelElement>("label.check"))
        label.hidden = !(label.textContent ?? "").toLowerCase().includes(wanted);
    },
    { signal },
  );
  search.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") event.preventDefault(); // it narrows a list; it does not send the form
    },
    { signal },
  );
  root.addEventListener(
    "click",
    (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (!button) return;
      for (const label of shown())
        for (const box of label.querySelectorAll("input")) box.checked = button.value === "all";
      list.dispatchEvent(new Event("change", { bubbles: true }));
    },
    { signal },
  );
}
