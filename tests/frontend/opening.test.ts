import { expect, test } from "vitest";
import type { Api } from "../../static/src/lib/api";
import type { Outbox } from "../../static/src/lib/outbox";
import { QuerySession } from "../../static/src/lib/query-session";
import type { Config, LabelClass } from "../../static/src/lib/wire";

const NOTHING = { neighbors: [], total: 0, round: 1, mode: "similar", encoder: "", blend: null, took_ms: 1 };

/** A page that opens: the first list of classes is the server's before anything was made, and comes when it is let go. */
function opening() {
  const classes: LabelClass[] = [];
  let letGo: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let num_lists = 0;
  const api = {
    url: (name: string) => name,
    get: async (url: string) => {
      if (url !== "classes") return { results: [] };
      const listed = [...classes];
      if (num_lists++ === 0) await first;
      return listed;
    },
    post: async (url: string, body: { name: string }) => {
      if (url !== "classes") return NOTHING;
      const made = { id: 7, name: body.name } as LabelClass;
      classes.push(made);
      return made;
    },
  };
  const outbox = Object.assign(new EventTarget(), { pending: async () => [] });
  const config = { role: "annotator", encoder: "builtin@1", urls: {} } as unknown as Config;
  const query = { class: null, terms: [], filters: {}, mode: "similar" as const };
  const session = new QuerySession(config, api as unknown as Api, outbox as unknown as Outbox, query);
  return { session, letGo };
}

test("a class that is made while the page opens is the one it is at", async () => {
  const { session, letGo } = opening();
  const opened = session.open();
  const made = session.createClass("otter");
  await new Promise((resolve) => setTimeout(resolve)); // all that can be done without the list is done
  letGo();
  await Promise.all([opened, made]);
  expect([session.query.class, session.label_class?.name]).toEqual([7, "otter"]);
});
