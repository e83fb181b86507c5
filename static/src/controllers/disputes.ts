/**
 * `<ol data-controller="disputes">` of cards with a form each: the keys of the grid answer the card that has the focus.
 * a, x, u press its buttons, / goes to its reason, arrows and Home, End go through the cards, Esc leaves the reason.
 */
const ANSWERS: Readonly<Record<string, string>> = { a: "accept", x: "reject", u: "unsure" };

export function connect(root: HTMLElement, signal: AbortSignal): void {
  const cards = () => [...root.querySelectorAll<HTMLElement>(":scope > li")];
  const go = (card: HTMLElement | undefined) => {
    if (!card) return;
    for (const each of cards()) each.tabIndex = each === card ? 0 : -1;
    card.focus();
    card.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => pressed(event, root, cards(), go), { signal });
}

function pressed(
  event: KeyboardEvent,
  root: HTMLElement,
  cards: HTMLElement[],
  go: (card: HTMLElement | undefined) => void,
): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  const inside = target.closest<HTMLElement>("li.dispute");
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
    if (event.key === "Escape") go(inside ?? undefined);
    return;
  }
  if (target !== document.body && target.id !== "main" && !root.contains(target)) return;
  const at = Math.max(0, inside ? cards.indexOf(inside) : cards.findIndex((card) => card.tabIndex === 0));
  const card = cards[at];
  const answer = ANSWERS[event.key];
  if (answer) card?.querySelector<HTMLButtonElement>(`button[value="${answer}"]`)?.click();
  else if (event.key === "/") card?.querySelector<HTMLInputElement>("input[name=reason]")?.focus();
  else if (event.key === "ArrowDown") go(cards[inside ? at + 1 : at]);
  else if (event.key === "ArrowUp") go(cards[at - 1]);
  else if (event.key === "Home") go(cards[0]);
  else if (event.key === "End") go(cards.at(-1));
  else return;
  event.preventDefault();
}
