/** Lists of the corpus in the shape of a ranking: what nobody has touched yet, and the tabs of the review page. */

import type { Api } from "./api";
import { tileOf } from "./members";
import type { Query } from "./query-url";
import type { Fetch } from "./ranking";
import type { Config, RankAnswer, Tile } from "./wire";

type Row = Partial<Tile> & { id?: number };

export interface Page {
  next: string | null;
  results: Row[];
}

/** For choosing a first example: the untouched tiles of a class, without a class the items as they lie. */
export function browse(api: Api, config: Config, query: Query, numUntouched: () => number): Fetch {
  const [media_file] = query.filters.media_files ?? [];
  if (query.class !== null && media_file === undefined) {
    return listed(api, { class: query.class, state: "untouched" }, numUntouched);
  }
  let next: string | null = null;
  return async (offset, k, signal): Promise<RankAnswer> => {
    if (offset > 0 && next === null) return answerOf([], offset);
    const first = api.url("items", undefined, { page_size: k, media_file });
    const page = await api.get<Page>(offset === 0 ? first : (next ?? first), signal);
    next = page.next === null ? null : pathOf(page.next);
    return paged(page, api, offset, config.num_items);
  };
}

/** A list of the review API, or of one like it. Its pages follow a cursor, so they must be asked for in order. */
export function listed(
  api: Api,
  of: { class: number; state?: string },
  numExpected: () => number,
  list = "review",
  seen: (page: Page) => void = () => undefined,
): Fetch {
  let next: string | null = null;
  return async (offset, k, signal) => {
    if (offset > 0 && next === null) return answerOf([], offset);
    const cursor = offset === 0 ? null : next;
    const page = await api.get<Page>(api.url(list, undefined, { ...of, page_size: k, cursor }), signal);
    next = page.next;
    seen(page);
    return paged(page, api, offset, numExpected());
  };
}

export function answerOf(neighbors: Tile[], total: number): RankAnswer {
  const nothing = { round: null, build: "", encoder: "", mode: "similar", blend: null, took_ms: 0 } as const;
  return { ...nothing, total, neighbors };
}

/** More than is here, as long as there is a next page. */
function paged(page: Page, api: Api, offset: number, expected: number): RankAnswer {
  const tiles = page.results.map((row) => ({ ...tileOf(row, api), rank: null }));
  const seen = offset + tiles.length;
  return answerOf(tiles, page.next === null ? seen : Math.max(expected, seen + 1));
}

/** The server names itself in `next`; the page may know it under another name. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}
