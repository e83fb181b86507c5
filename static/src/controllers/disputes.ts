/**
 * `<div data-controller="disputes" data-user="7" data-url="/api/v1/me/grid/">` with `<li class="dispute">` cards of a
 * form each: the keys of the grid, as this person has them, answer the card that has the focus. Accept, reject and
 * unsure press its buttons, "query bar" goes to its reason, steps go through the cards, peek shows the whole frame,
 * undo presses `[data-key=undo]`, Esc leaves the reason. The card that an answer leads to (`#item-12`) has the focus.
 * `<kbd data-keys="accept">` says which key that is.
 */
import { keymap, openKeys } from "../lib/own-keys";

const ANSWERS: ReadonlySet<string> = new Set(["accept", "reject", "unsure"]);

export function connect(root: HTMLElement, signal: AbortSignal): void {
  openKeys(Number(root.dataset.user), root.dataset.url ?? "");
  const name = () => {
    for (const hint of root.querySelectorAll<HTMLElement>("[data-keys]"))
      hint.textContent = keymap.shown(hint.dataset.keys ?? "") || "no key";
  };
  name();
  keymap.addEventListener("change", name, { signal });
  const cards = new Cards(root);
  cards.arrive();
  document.addEventListener("keydown", (event) => cards.pressed(event), { signal });
  root.addEventListener("click", (event) => cards.clicked(event), { signal });
}

class Cards {
  private leave: (() => void) | null = null; // from the frame over the page

  constructor(private readonly root: HTMLElement) {}

  private get all(): HTMLElement[] {
    return [...this.root.querySelectorAll<HTMLElement>("li.dispute")];
  }

  /** At the card that the last answer led to. */
  arrive(): void {
    this.go(this.all.find((card) => `#${card.id}` === location.hash));
  }

  private go(card: HTMLElement | undefined): void {
    if (!card) return;
    for (const each of this.all) each.tabIndex = each === card ? 0 : -1;
    card.focus();
    card.scrollIntoView({ block: "nearest" });
  }

  pressed(event: KeyboardEvent): void {
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    const inside = target.closest<HTMLElement>("li.dispute");
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      if (event.key === "Escape") this.go(inside ?? undefined);
      return;
    }
    const action = keymap.actionOf(event);
    const open = document.querySelector<HTMLDialogElement>("dialog[open]");
    if (open) {
      if (action === "peek") this.leave?.();
      return;
    }
    if (!action || (target !== document.body && target.id !== "main" && !this.root.contains(target))) return;
    if (target.closest("button, a") && (action === "apply" || action === "later")) return;
    if (this.perform(action, inside)) event.preventDefault();
  }

  /** True when the action is one of this page. */
  private perform(action: string, inside: HTMLElement | null): boolean {
    const cards = this.all;
    const at = Math.max(0, inside ? cards.indexOf(inside) : cards.findIndex((card) => card.tabIndex === 0));
    const card = cards[at];
    if (ANSWERS.has(action)) {
      if (inside) this.answer(card, action);
      else this.go(card); // a key is about the card that is seen to have the focus
    } else if (action === "undo") this.root.querySelector<HTMLButtonElement>("[data-key=undo]")?.click();
    else if (action === "query-bar") card?.querySelector<HTMLInputElement>("input[name=reason]")?.focus();
    else if (action === "peek") card?.querySelector<HTMLElement>(".dispute-picture")?.click();
    else if (action === "down") this.go(cards[inside ? at + 1 : at]);
    else if (action === "up") this.go(cards[at - 1]);
    else if (action === "first") this.go(cards[0]);
    else if (action === "last") this.go(cards.at(-1));
    else return false;
    return true;
  }

  /** Presses the button; where one's own dispute has none for it, says again who settles it. */
  private answer(card: HTMLElement | undefined, answer: string): void {
    const button = card?.querySelector<HTMLButtonElement>(`button[value="${answer}"]`);
    if (button) {
      button.click();
      return;
    }
    const text = card?.querySelector<HTMLElement>("[data-own]")?.textContent;
    if (!text) return;
    this.root.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail: { text, tone: "info" } }));
  }

  /** The whole frame over the page; with ctrl or another button in a tab of its own, as any link. */
  clicked(event: MouseEvent): void {
    const link = (event.target as Element).closest<HTMLAnchorElement>(".dispute-picture");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "dispute-peek";
    dialog.setAttribute("aria-label", link.getAttribute("aria-label") ?? "");
    const picture = document.createElement("img");
    picture.src = link.href;
    picture.alt = "";
    picture.addEventListener("error", () => {
      picture.alt = "The frame could not be read. Its media file may have moved; scan its source again.";
    });
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-small";
    close.textContent = "Close";
    dialog.append(picture, close);
    const leave = () => {
      if (this.leave !== leave) return;
      this.leave = null;
      dialog.remove();
      this.go(link.closest<HTMLElement>("li.dispute") ?? undefined);
    };
    this.leave = leave; // at once: the next key is about the card, and may come before the dialog's own event
    dialog.addEventListener("click", leave);
    dialog.addEventListener("close", leave);
    this.root.append(dialog);
    dialog.showModal();
  }
}
