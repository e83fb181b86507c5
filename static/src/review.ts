/** Entry of the review page. */

import "./css/keys.css";
import "./css/workbench.css";
import "./css/review.css";
import { Api } from "./lib/api";
import { openOutbox } from "./lib/outbox-browser";
import { openKeys } from "./lib/own-keys";
import { readQuery } from "./lib/query-url";
import { ReviewSession, tabOf } from "./lib/review-session";
import { tileSize } from "./lib/tile-size";
import { readConfig } from "./lib/wire";
import "./widgets/review-app";

async function start(place: HTMLElement): Promise<void> {
  const config = readConfig("workbench-config");
  tileSize.open(openKeys(config.user.id, config.urls.grid_settings ?? ""));
  const api = new Api(config);
  const parameters = new URLSearchParams(location.search);
  const session = new ReviewSession(config, api, await openOutbox(api, config), readQuery(parameters));
  session.tab = tabOf(parameters.get("tab"));
  const app = document.createElement("sfi-review");
  app.session = session;
  place.replaceChildren(app);
  session.addEventListener("query", () => {
    history.replaceState(
      null,
      "",
      `?${new URLSearchParams({ class: String(session.query.class ?? ""), tab: session.tab })}`,
    );
  });
  await app.updateComplete;
  await session.open().catch((error: unknown) => session.fail(error));
}

const place = document.getElementById("review");
if (place) void start(place);

declare global {
  interface HTMLElementTagNameMap {
    "sfi-review": import("./widgets/review-app").ReviewApp;
  }
}
