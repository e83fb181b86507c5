/** Which key does what in the grid and in its dialogs. No DOM: a key press in, the name of an action out. */

import { BINDINGS, type Binding } from "./bindings";

export interface Press {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
}

/** The keys of the actions whose keys somebody has changed; none: the action has no key. */
export type Changes = Readonly<Record<string, readonly string[]>>;

const SHOWN: Readonly<Record<string, string>> = {
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
  pageup: "PgUp",
  pagedown: "PgDn",
  escape: "Esc",
  enter: "Enter",
  home: "Home",
  end: "End",
};
const ALIASES: ReadonlySet<string> = new Set(["shift+?", "shift++", "="]); // the same key on other keyboards
const OUT_OF_REACH: ReadonlySet<string> = new Set(["tab", "shift+tab", "enter", "escape", "contextmenu"]);
const LONE_MODIFIERS: ReadonlySet<string> = new Set(["shift", "control", "alt", "meta", "altgraph", "dead"]);

/** The key's name as BINDINGS has it: "shift+a", "space", "ctrl+a"; meta counts as ctrl; null with alt. */
export function nameOf(press: Press): string | null {
  if (press.altKey) return null;
  const key = press.key === " " ? "space" : press.key.toLowerCase();
  return `${press.ctrlKey || press.metaKey ? "ctrl+" : ""}${press.shiftKey ? "shift+" : ""}${key}`;
}

/** "shift+arrowleft" is "shift ←". */
export function shownKey(name: string): string {
  const parts = name === "+" || name === "shift++" ? ["+"] : name.split("+");
  return parts.map((part) => SHOWN[part] ?? part).join(" ");
}

/** Fires "change". */
export class Keymap extends EventTarget {
  private keys_of = new Map<string, readonly string[]>();
  private of_key = new Map<string, Binding>();

  constructor(changes: Changes = {}) {
    super();
    this.load(changes);
  }

  /** The keys as they come, but for `changes`; what is unknown or taken in them is left out. */
  load(changes: Changes): void {
    this.keys_of.clear();
    this.of_key.clear();
    const changed = (binding: Binding) => !binding.is_fixed && binding.action in changes;
    for (const first of [true, false]) {
      for (const binding of BINDINGS) {
        if (changed(binding) !== first) continue;
        const wanted = (first ? changes[binding.action] : binding.keys) ?? [];
        this.give(
          binding,
          wanted.filter((key) => !this.of_key.has(key) && !isTakenByFixed(key, binding)),
        );
      }
    }
    this.dispatchEvent(new Event("change"));
  }

  private give(binding: Binding, keys: readonly string[]): void {
    this.keys_of.set(binding.action, keys);
    for (const key of keys) this.of_key.set(key, binding);
  }

  /** What differs from the keys as they come. */
  get changes(): Changes {
    const differing = BINDINGS.filter(({ action, keys }) => String(this.keysOf(action)) !== String(keys));
    return Object.fromEntries(differing.map(({ action }) => [action, this.keysOf(action)]));
  }

  keysOf(action: string): readonly string[] {
    return this.keys_of.get(action) ?? [];
  }

  /** As it is printed beside a button: "a", "shift z"; "" for none. */
  shown(action: string): string {
    if (action === "class") return "1 – 9";
    return this.keysOf(action)
      .filter((key) => !ALIASES.has(key))
      .map(shownKey)
      .join(" or ");
  }

  /** The action of a key press; null for no binding, for a modifier that is not listed and for a repeat that may not. */
  actionOf(press: Press): string | null {
    const name = nameOf(press);
    const binding = name === null ? undefined : this.of_key.get(name);
    if (!binding || (press.repeat && !binding.repeats)) return null;
    return binding.action === "class" ? `class-${press.key}` : binding.action;
  }

  /** Why `key` cannot become a key of `action`; null when it can, though another action may lose it. */
  refusal(key: string | null): string | null {
    if (key === null || key.startsWith("ctrl+")) return "Keys with ctrl, alt or meta belong to the browser";
    if (OUT_OF_REACH.has(key))
      return `${shownKey(key)} is needed to move between fields, to apply and to leave`;
    const owner = this.of_key.get(key);
    return owner?.is_fixed ? `${shownKey(key)} stays with “${owner.does}”` : null;
  }

  /** The other action that has `key` now. */
  ownerOf(key: string, action: string): Binding | null {
    const owner = this.of_key.get(key);
    return owner && owner.action !== action ? owner : null;
  }

  /** `action` is on `key` alone from now on; whoever had it loses it. */
  set(action: string, key: string): void {
    const owner = this.ownerOf(key, action);
    const changes: Record<string, readonly string[]> = { ...this.changes, [action]: [key] };
    if (owner) changes[owner.action] = this.keysOf(owner.action).filter((each) => each !== key);
    this.load(changes);
  }
}

/** A press of shift, ctrl, alt or a dead key: the other half is still to come. */
export function isHalfPress(press: Press): boolean {
  return LONE_MODIFIERS.has(press.key.toLowerCase());
}

function isTakenByFixed(key: string, asking: Binding): boolean {
  return BINDINGS.some((binding) => binding !== asking && binding.is_fixed && binding.keys.includes(key));
}
