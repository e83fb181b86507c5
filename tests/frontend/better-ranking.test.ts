import { expect, test } from "vitest";
import type { Api } from "../../static/src/lib/api";
import type { Outbox } from "../../static/src/lib/outbox";
import { Session } from "../../static/src/lib/session";
import type { Config, RankRequest } from "../../static/src/lib/wire";

/** Two classes, the first with answers to learn from; what is learned in the background comes when it is let go. */
async function opened() {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const asked: RankRequest[] = [];
  const api = {
    url: (name: string, _: unknown, of: { class?: number } = {}) => `${name}/${of.class ?? ""}`,
    get: async (url: string) => {
      if (url === "classes/")
        return [
          { id: 1, name: "otter" },
          { id: 2, name: "heron" },
        ];
      return url.startsWith("counts/") ? { accepted: url === "counts/1" ? 3 : 0 } : { results: [] };
    },
    post: async (_: string, body: RankRequest & { is_background?: boolean }) => {
      asked.push(body);
      if (body.is_background) await held;
      const tile = { item: body.class ?? 0, answer: "", version: 0, stack: null };
      return { neighbors: [tile], total: 1, round: 1, mode: body.is_background ? "learned" : "similar" };
    },
  };
  const outbox = Object.assign(new EventTarget(), { pending: async () => [], unsaved: 0 });
  const config = { role: "annotator", encoder: "builtin@1", urls: {} } as unknown as Config;
  const query = { class: 1, terms: [], filters: {}, mode: "similar" as const };
  const session = new Session(config, api as unknown as Api, outbox as unknown as Outbox, query);
  await session.open();
  await new Promise((resolve) => setTimeout(resolve)); // the counts have come
  return { session, asked, letGo };
}

test("what was learned of one class is not shown among the tiles of another", async () => {
  const { session, asked, letGo } = await opened();
  let num_better = 0;
  session.addEventListener("better", () => {
    num_better += 1;
  });
  const coming = session.better.ask();
  expect(asked.at(-1)).toMatchObject({ class: 1, mode: "learned" });
  await session.setClass(2);
  letGo();
  await coming;
  expect([num_better, session.better.answer, session.ranking.tiles.map(({ item }) => item)]).toEqual([
    0,
    null,
    [2],
  ]);
});

test("what was learned of the class that is looked at is told", async () => {
  const { session, letGo } = await opened();
  let num_better = 0;
  session.addEventListener("better", () => {
    num_better += 1;
  });
  const coming = session.better.ask();
  letGo();
  await coming;
  expect([num_better, session.better.answer?.mode]).toEqual([1, "learned"]);
});

test("what is learned while an older ranking is applied is told when it comes", async () => {
  const { session, letGo } = await opened();
  let num_better = 0;
  session.addEventListener("better", () => {
    num_better += 1;
  });
  const coming = session.better.ask();
  await session.better.apply();
  letGo();
  await coming;
  expect([num_better, session.query.mode]).toEqual([1, "learned"]);
});
