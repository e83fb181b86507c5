/** What travels between the browser and the REST API: names and units as the API has them. */

export type Answer = "accept" | "reject" | "unsure";
export type MediaKind = "image" | "video";
export type Mode = "similar" | "learned";
/** x0, y0, x1, y1 relative to the displayed frame, 0..1. */
export type Box = readonly [number, number, number, number];

/** One tile of the grid: a stack shown by its best item, or a single item. */
export interface Tile {
  item: number;
  stack: number | null;
  count: number;
  similarity: number | null;
  rank: number | null; // from 0
  media_file: number;
  name: string;
  media_kind: MediaKind;
  number: number | null;
  pts_seconds: number;
  answer: Answer | "";
  version: number;
  is_weak: boolean;
  is_derived?: boolean;
  is_disputed?: boolean;
  width_px: number;
  height_px: number;
  thumbnail: string;
  box: Box | null;
}

export interface Term {
  kind: "item" | "image";
  item?: number;
  image?: string;
  box: Box | null;
  weight: number;
}

export interface Filters {
  states?: string[];
  kinds?: MediaKind[];
  media_files?: number[];
  sources?: number[];
  start_seconds?: number;
  stop_seconds?: number;
  min_similarity?: number;
}

export interface RankRequest {
  class: number | null;
  terms: Term[];
  mode: Mode;
  filters: Filters;
  k: number;
  offset: number;
  fold: boolean;
}

export interface RankAnswer {
  round: number | null;
  build: string;
  encoder: string;
  mode: Mode;
  blend: number | null;
  total: number;
  took_ms: number;
  neighbors: Tile[];
}

export interface Operation {
  operation_id: string;
  batch: string;
  item: number;
  stack: number | null;
  class: number;
  answer: Answer;
  base_version: number;
  force: boolean;
  round: number | null;
  rank: number | null;
  mode: string;
  client_time: string | null;
}

export interface OperationResult {
  operation_id: string;
  outcome: "applied" | "duplicate" | "conflict" | "rejected";
  item: number;
  answer: Answer | "" | null;
  version: number | null;
  reason?: string | null;
  by?: string | null;
  at?: string | null;
}

export interface Counts {
  accepted: number;
  rejected: number;
  unsure: number;
  weak: number;
  disputed: number;
  untouched: number;
  items: number;
  stacks: number;
}

/** One batch of the history; `decisions` are tiles. */
export interface BatchRow {
  batch: string;
  at: string;
  class: number;
  decisions: number;
  accepted: number;
  rejected: number;
  unsure: number;
  is_undo: boolean;
  is_undone: boolean;
}

export interface LabelClass {
  id: number;
  name: string;
  description?: string;
}

/** What the server puts into the page; every URL the scripts use is in it, ids as {id}. */
export interface Config {
  corpus: number;
  corpus_name: string;
  user: { id: number; name: string };
  role: "viewer" | "annotator" | "manager";
  num_items: number;
  encoder: string | null;
  csrf_cookie: string;
  urls: Record<string, string>;
}

export function readConfig(id: string): Config {
  const element = document.getElementById(id);
  if (!element?.textContent) throw new Error(`The page has no settings in #${id}`);
  return JSON.parse(element.textContent) as Config;
}
