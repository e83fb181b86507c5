/** What the queue is made of: presets by share, and a limit per media file. No mix: the top of the ranking alone. */

export interface Mix {
  harvest?: number; // shares, made to add up by whoever reads them
  boundary?: number;
  explore?: number;
  hard?: number;
  classifier?: number;
  uncertain?: number;
  audit?: number;
  per_file?: number; // tiles of one media file in a page
}

export type Preset = "harvest" | "boundary" | "explore" | "hard" | "classifier" | "uncertain";

export const PRESETS: readonly { name: Preset; title: string; glyph: string; does: string }[] = [
  { name: "harvest", title: "Harvest", glyph: "▴", does: "the top of the ranking" },
  { name: "boundary", title: "Boundary", glyph: "◐", does: "near the line between accepted and rejected" },
  { name: "explore", title: "Explore", glyph: "✦", does: "far from everything answered so far" },
  { name: "hard", title: "Hard negatives", glyph: "◆", does: "high in the ranking, near something rejected" },
  {
    name: "classifier",
    title: "Classifier",
    glyph: "◈",
    does: "the best by the live classifier of the class",
  },
  { name: "uncertain", title: "Uncertain", glyph: "◇", does: "nearest to the classifier's operating point" },
];

/** Mixes to choose with one click, by name. */
export const MIXES: readonly { name: string; mix: Mix | null; does: string }[] = [
  { name: "Top", mix: null, does: "only the top of the ranking" },
  {
    name: "Balanced",
    mix: { harvest: 0.6, boundary: 0.2, explore: 0.1, hard: 0.1 },
    does: "mostly the top, some of everything else",
  },
  { name: "Sharpen", mix: { harvest: 0.3, boundary: 0.5, hard: 0.2 }, does: "what teaches the ranking most" },
  { name: "Discover", mix: { harvest: 0.4, explore: 0.6 }, does: "new scenes and looks of the class" },
];

/** Shares in percent that add up to 100; null and nothing are all harvest. */
export function percentages(mix: Mix | null | undefined): Record<Preset, number> {
  const shares = PRESETS.map(({ name }) => mix?.[name] ?? 0);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const exact = total ? shares.map((share) => (100 * share) / total) : PRESETS.map((_, at) => (at ? 0 : 100));
  const floors = exact.map(Math.floor);
  const left = 100 - floors.reduce((sum, each) => sum + each, 0);
  const order = exact.map((each, at) => [each - Math.floor(each), at] as const).sort(([a], [b]) => b - a);
  for (const [, at] of order.slice(0, left)) floors[at] = (floors[at] ?? 0) + 1;
  return Object.fromEntries(PRESETS.map(({ name }, at) => [name, floors[at] ?? 0])) as Record<Preset, number>;
}

/** One share set to `percent`; the others keep their proportions in what is left, the harvest if they have none. */
export function withShare(mix: Mix | null | undefined, preset: Preset, percent: number): Mix {
  const before = percentages(mix);
  const wanted = Math.max(0, Math.min(100, Math.round(percent)));
  const others = 100 - before[preset];
  const taker: Preset = preset === "harvest" ? "boundary" : "harvest";
  const made: Mix = mix?.per_file ? { per_file: mix.per_file } : {};
  for (const { name } of PRESETS) {
    const share =
      name === preset
        ? wanted
        : others
          ? (before[name] * (100 - wanted)) / others
          : name === taker
            ? 100 - wanted
            : 0;
    if (share > 0) made[name] = Math.round(share * 100) / 1e4;
  }
  return made;
}

/** A mix that changes nothing is none. */
export function plain(mix: Mix | null): Mix | null {
  return mix && (percentages(mix).harvest < 100 || mix.per_file) ? mix : null;
}

/** "harvest:60,boundary:40,file:20" */
export function mixText(mix: Mix): string {
  const shares = percentages(mix);
  const parts = PRESETS.flatMap(({ name }) => (shares[name] ? [`${name}:${shares[name]}`] : []));
  return [...parts, ...(mix.per_file ? [`file:${mix.per_file}`] : [])].join(",");
}

/** Null for nothing, and for what is no mix. */
export function parseMix(text: string): Mix | null {
  const mix: Mix = {};
  for (const part of text.split(",").filter(Boolean)) {
    const [name = "", number = ""] = part.split(":");
    const value = Number(number);
    if (!(value > 0)) return null;
    if (name === "file" && Number.isInteger(value) && value <= 500) mix.per_file = value;
    else if (PRESETS.some((preset) => preset.name === name) && value <= 100)
      mix[name as Preset] = value / 100;
    else return null;
  }
  return plain(mix);
}

/** What a mix is called: by its name among MIXES, else "own mix". */
export function mixName(mix: Mix | null | undefined): string {
  if (!mix) return "";
  const { per_file: _, ...shares } = mix;
  const named = MIXES.find((each) => mixText(each.mix ?? {}) === mixText(shares));
  return named?.name ?? "own mix";
}

/** In words: "60 % harvest, 40 % explore". */
export function mixWords(mix: Mix | null | undefined): string {
  if (!mix) return "";
  const shares = percentages(mix);
  const parts = PRESETS.flatMap(({ name, title }) =>
    shares[name] ? [`${shares[name]} % ${title.toLowerCase()}`] : [],
  );
  return [...parts, ...(mix.per_file ? [`at most ${mix.per_file} of a file`] : [])].join(", ");
}
