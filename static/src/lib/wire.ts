/** What travels between the browser and the REST API: names and units as the API has them. */

import type { Mix } from "./mix";

export type Answer = "accept" | "reject" | "unsure";
export type MediaKind = "image" | "video";
/** What is searched: frames, with photos and regions of them, or clips of videos. */
export type Unit = "frame" | "clip";
export type Mode = "similar" | "learned" | "browse";
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
  kind?: "frame" | "clip" | "region";
  stop_seconds?: number | null; // of a clip
  start_pts?: number;
  stop_pts?: number;
  number: number | null;
  pts_seconds: number;
  answer: Answer | "";
  version: number;
  is_weak: boolean;
  is_derived?: boolean;
  is_disputed?: boolean;
  is_later?: boolean; // put off by who looks at it
  width_px: number;
  height_px: number;
  thumbnail: string;
  box: Box | null;
  is_found?: boolean; // the box is the part of the frame that is nearest to the query
  said_of?: Box | null; // the part that was outlined when what counts was said
  stack_revision?: number | null; // goes back with an answer
  why?: Why | null; // nothing in a list that nobody ranked
  probability?: number | null; // of "accept", by what was said of others; reason: in a sentence
  reason?: string;
  confirmed_version?: number; // the version by which the same answer was given again, in review
  round?: number | null; // the ranking it came by
  mode?: Mode;
  expected?: number | null; // how likely it is right, by the answers to what lay as near; null: not learned, or none to say
}

/** Why a tile is here: what proposed it, and the preset of the queue that it came by. */
export interface Why {
  source: string;
  preset: string;
}

/** A part of a video: [start_pts, stop_pts). */
export interface Span {
  media_file: number;
  start_pts: number;
  stop_pts: number;
}

export interface Term {
  kind: "item" | "image" | "text" | "class" | "classifier" | "vector" | "span";
  item?: number;
  span?: Span;
  image?: string;
  text?: string;
  class?: number; // of a classifier too: which of its scores
  classifier?: number;
  learned?: boolean; // of a class: what was learned from its answers, not the mean of the accepted
  vector?: number[]; // of a query asked over REST
  box: Box | null;
  weight: number;
}

export interface Filters {
  states?: string[];
  not_states?: string[]; // marks beside the answer: disputed, later
  kinds?: MediaKind[];
  media_files?: number[];
  not_media_files?: number[];
  files?: string[]; // any of these in the name
  not_files?: string[];
  sources?: number[];
  not_sources?: number[];
  map_regions?: number[];
  not_map_regions?: number[];
  items?: number[]; // one of these
  not_items?: number[];
  classes?: number[]; // accepted in all of them
  not_classes?: number[];
  splits?: string[];
  has?: string[];
  has_not?: string[];
  start_seconds?: number;
  stop_seconds?: number;
  min_similarity?: number;
  scores?: ScoreRange[]; // within all of them
}

/** Items whose score by a classifier is within [at_least, below). */
export interface ScoreRange {
  classifier: number;
  class: number;
  at_least?: number | null;
  below?: number | null;
}

export interface RankRequest {
  class: number | null;
  terms: Term[];
  unit?: Unit;
  mode: Mode;
  filters: Filters;
  k: number;
  offset: number;
  fold: boolean;
  mix?: Mix | null;
  round?: number | null; // the ranking that this is a further page of
}

/** P(accept | s) = sigmoid(level + slope * (s - center) / scale); the answered lie from `low` to `high`. */
export interface Calibration {
  center: number;
  scale: number;
  level: number;
  slope: number;
  covariance: readonly [number, number, number]; // of level; of both; of slope
  low: number;
  high: number;
  num_accepted: number;
  num_rejected: number;
}

export interface RankAnswer {
  round: number | null;
  build: string;
  encoder: string;
  mode: Mode;
  blend: number | null;
  is_model?: boolean; // a model was fitted; else the order is by the mean of the examples
  calibration?: Calibration | null; // what a similarity is worth; null: nobody can tell yet
  total: number;
  took_ms: number;
  q?: string; // the filters in one line
  mix?: Mix; // the shares in effect
  notes?: string[]; // what else there is to say, in sentences
  neighbors: Tile[];
}

export interface Operation {
  operation_id: string;
  batch: string;
  item: number;
  stack: number | null;
  stack_revision?: number;
  class: number;
  answer: Answer;
  base_version: number;
  force: boolean;
  round: number | null;
  rank: number | null;
  mode: string;
  client_time: string | null;
  box?: Box; // the part that was found and outlined on the tile
  reason?: string;
}

export interface OperationResult {
  operation_id: string;
  outcome: "applied" | "duplicate" | "conflict" | "rejected";
  item: number;
  answer: Answer | "" | null;
  version: number | null;
  reason?: string | null; // a code
  detail?: string | null; // in a sentence, with what to do
  by?: string | null;
  at?: string | null;
}

export interface Counts {
  accepted: number;
  rejected: number;
  unsure: number;
  weak: number;
  disputed: number;
  later: number; // put off by who asks
  untouched: number;
  items: number;
  stacks: number;
}

/** As the server counts: of frames and clips together, and what of it is of clips; null: the corpus has none. */
export interface AllCounts extends Counts {
  clips?: Omit<Counts, "later"> | null;
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
  mode?: string; // "import": not answered here
  item?: number; // one of them, to show
}

export interface LabelClass {
  id: number;
  name: string;
  description?: string;
  is_retired?: boolean; // takes no further answers
}

/** What the server puts into the page; every URL the scripts use is in it, ids as {id}. */
export interface Config {
  corpus: number;
  corpus_name: string;
  user: { id: number; name: string };
  role: "viewer" | "annotator" | "manager";
  num_items: number;
  num_encoded?: number; // items that a search can find; when the page was opened
  encoder: string | null;
  units?: Unit[]; // that have features; frames first
  reads_text?: boolean; // the encoder has vectors for text
  csrf_cookie: string;
  urls: Record<string, string>;
}

export function readConfig(id: string): Config {
  const element = document.getElementById(id);
  if (!element?.textContent) throw new Error(`The page has no settings in #${id}`);
  return JSON.parse(element.textContent) as Config;
}
