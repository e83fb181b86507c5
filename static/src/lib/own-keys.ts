/** The keys of the person at this browser: one map for the grid, its dialogs and its buttons, the same in every tab. */

import { type Changes, Keymap } from "./keymap";

export const keymap = new Keymap();

let place = "";

/** The keys of this person count from now on; changes are kept in this browser. */
export function openKeys(user_id: number): void {
  const is_first = place === "";
  place = `sisyphus-keys-${user_id}`;
  keymap.load(read());
  if (!is_first) return;
  keymap.addEventListener("change", write);
  window.addEventListener("storage", (event) => {
    if (event.key === place && event.newValue !== JSON.stringify(keymap.changes)) keymap.load(read());
  });
}

/** "a accept · x reject": a reminder of some actions with the keys they have now. */
export function hint(actions: readonly string[]): string {
  return actions.map((action) => `${keymap.shown(action)} ${action.replaceAll("-", " ")}`.trim()).join(" · ");
}

function read(): Changes {
  try {
    const said: unknown = JSON.parse(localStorage.getItem(place) ?? "{}");
    return said !== null && typeof said === "object" ? clean(said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What somebody else wrote there, or an older version of the page, does not break the keys. */
function clean(said: Record<string, unknown>): Changes {
  const lists = Object.entries(said).filter(
    ([, keys]) => Array.isArray(keys) && keys.every((key) => typeof key === "string"),
  );
  return Object.fromEntries(lists) as Changes;
}

function write(): void {
  const { changes } = keymap;
  if (Object.keys(changes).length) localStorage.setItem(place, JSON.stringify(changes));
  else localStorage.removeItem(place);
}
