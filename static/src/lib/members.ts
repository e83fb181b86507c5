/** Items and members of stacks as tiles. */

import type { Api } from "./api";
import type { Answer, Tile } from "./wire";

type Member = Partial<Tile> & { id?: number };

/** What the API lists, as tiles. */
export function readTiles(said: { results: Member[] }, api: Api): Tile[] {
  return said.results.map((member) => tileOf(member, api));
}

/** With what only some have, as a clip its end; and all that every tile has. */
export function tileOf({ id, ...member }: Member, api: Api): Tile {
  const item = member.item ?? id ?? 0;
  return {
    ...member,
    item,
    stack: member.stack ?? null,
    count: member.count ?? 1,
    similarity: member.similarity ?? null,
    rank: member.rank ?? null,
    media_file: member.media_file ?? 0,
    name: member.name ?? "",
    media_kind: member.media_kind ?? "image",
    number: member.number ?? null,
    pts_seconds: member.pts_seconds ?? 0,
    answer: (member.answer ?? "") as Answer | "",
    version: member.version ?? 0,
    is_weak: member.is_weak ?? false,
    is_derived: member.is_derived ?? false,
    is_disputed: member.is_disputed ?? false,
    width_px: member.width_px ?? 0,
    height_px: member.height_px ?? 0,
    thumbnail: member.thumbnail ?? api.url("item_thumbnail", item),
    box: member.box ?? null,
    stack_revision: member.stack_revision ?? null,
    why: member.why ?? null,
    probability: member.probability ?? null,
    reason: member.reason ?? "",
  };
}
