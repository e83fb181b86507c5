import type { RankAnswer, Tile } from "../../static/src/lib/wire";

export function tileOf(item: number, part: Partial<Tile> = {}): Tile {
  return {
    item,
    stack: null,
    count: 1,
    similarity: 0.5,
    rank: item,
    media_file: 1,
    name: `${item}.jpg`,
    media_kind: "image",
    number: null,
    pts_seconds: 0,
    answer: "",
    version: 0,
    is_weak: false,
    width_px: 640,
    height_px: 480,
    thumbnail: "",
    box: null,
    ...part,
  };
}

export function rankAnswer(neighbors: Tile[], total: number): RankAnswer {
  return { round: 1, build: "b", encoder: "e@1", mode: "similar", blend: null, total, took_ms: 1, neighbors };
}
