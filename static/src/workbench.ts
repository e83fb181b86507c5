/** Entry of the workbench page. */

import "./css/keys.css";
import "./css/workbench.css";
import { Api } from "./lib/api";
import { openOutbox } from "./lib/outbox-browser";
import { openKeys } from "./lib/own-keys";
import { readQuery, writeQuery } from "./lib/query-url";
import { Session } from "./lib/session";
import { readConfig } from "./lib/wire";
import "./widgets/workbench-app";

async function start(place: HTMLElement): Promise<void> {
  const config = readConfig("workbench-config");
  openKeys(config.user.id);
  const api = new Api(config);
  const query = readQuery(new URLSearchParams(location.search));
  const session = new Session(config, api, await openOutbox(api, config), query);
  const app = document.createElement("sfi-workbench");
  app.session = session;
  place.replaceChildren(app);
  session.addEventListener("query", () => {
    const written = writeQuery(session.query).toString();
    if (written !== location.search.slice(1))
      history.pushState(null, "", written ? `?${written}` : location.pathname);
  });
  window.addEventListener("popstate", () => {
    session.query = readQuery(new URLSearchParams(location.search));
    void session.open();
  });
  await app.updateComplete;
  await session.open().catch((error: unknown) => session.fail(error));
}

const place = document.getElementById("workbench");
if (place) void start(place);

declare global {
  interface HTMLElementTagNameMap {
    "sfi-workbench": import("./widgets/workbench-app").WorkbenchApp;
  }
}
