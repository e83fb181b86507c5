/** Colors of charts: names of the product's, read where the chart stands, so that both themes have theirs. */

const VARIABLES: Readonly<Record<string, string>> = {
  accept: "--accept",
  reject: "--reject",
  unsure: "--unsure",
  weak: "--weak",
  info: "--info",
  link: "--link",
  muted: "--text-faint",
  text: "--text-muted",
  grid: "--border",
  soft: "--accent-soft",
  faint: "--border",
  lane: "--inset",
  ground: "--bg",
  item: "--text-muted",
  clip: "--accent",
  focus: "--focus",
  head: "--text",
};

/** The color named `tone` as CSS has it at `place`; an unknown name is that of text. */
export function colorOf(place: Element, tone: string): string {
  const variable = VARIABLES[tone] ?? "--text-muted";
  return getComputedStyle(place).getPropertyValue(variable).trim();
}

/** Calls `changed` whenever the page turns light or dark, until `signal` aborts. */
export function onThemeChange(changed: () => void, signal: AbortSignal): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => observer.disconnect());
}
