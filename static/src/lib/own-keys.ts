/** The keys of the person at this browser: one map for the grid, its dialogs and its buttons, the same in every tab. */

import { type Changes, Keymap } from "./keymap";
import { OwnSettings } from "./own-settings";

export const keymap = new Keymap();

let place = "";
let settings: OwnSettings | null = null;
let known = "{}"; // as they were kept last
let is_loading = false; // not changed by the person

/** The keys of this person count from now on; changes are kept for them on the server, and in this browser. */
export function openKeys(user_id: number, url: string): OwnSettings {
  if (settings) return settings;
  const own = new OwnSettings(url);
  settings = own;
  place = `sisyphus-keys-${user_id}`;
  load(read());
  keymap.addEventListener("change", () => {
    if (is_loading) return;
    write();
    own.put("keys", keymap.changes);
  });
  window.addEventListener("storage", (event) => {
    if (event.key === place && (event.newValue ?? "{}") !== known) load(read());
  });
  void own.join("keys", {
    read: () => (Object.keys(keymap.changes).length ? keymap.changes : null),
    apply: (keys) => load(clean(keys)),
  });
  return own;
}

/** As they are kept somewhere: nothing that somebody changed here. */
function load(changes: Changes): void {
  is_loading = true;
  keymap.load(changes);
  is_loading = false;
  write();
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
  known = JSON.stringify(changes);
  if (Object.keys(changes).length) localStorage.setItem(place, JSON.stringify(changes));
  else localStorage.removeItem(place);
}
