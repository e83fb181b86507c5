/** Entry of the workbench page. */

import "./css/keys.css";
import "./css/workbench.css";
import "./css/query.css";
import { Api } from "./lib/api";
import { Leases } from "./lib/leases";
import { openOutbox } from "./lib/outbox-browser";
import { openKeys } from "./lib/own-keys";
import { lostOf, misreadOf, readQuery, writeQuery } from "./lib/query-url";
import { Session } from "./lib/session";
import { tileSize } from "./lib/tile-size";
import { readConfig } from "./lib/wire";
import "./widgets/workbench-app";

async function start(place: HTMLElement): Promise<void> {
  const config = readConfig("workbench-config");
  tileSize.open(openKeys(config.user.id, config.urls.grid_settings ?? ""));
  const api = new Api(config);
  const session = new Session(config, api, await openOutbox(api, config), readQuery(new URLSearchParams()));
  new Leases(session).keep();
  const app = document.createElement("sfi-workbench");
  app.session = session;
  place.replaceChildren(app);
  session.addEventListener("query", () => {
    const written = writeQuery(session.query, session.names).toString();
    if (written !== location.search.slice(1))
      history.pushState(null, "", written ? `?${written}` : location.pathname);
  });
  window.addEventListener("popstate", () => {
    void open(session);
  });
  await app.updateComplete;
  await open(session).catch((error: unknown) => session.fail(error));
}

/** The query of the address; a line in it is understood once names are known. */
async function open(session: Session): Promise<void> {
  const parameters = new URLSearchParams(location.search);
  const sources = session.sources.length ? undefined : session.loadSources();
  const scorers = session.scorers.length ? undefined : session.loadScorers();
  if (parameters.has("q")) await Promise.all([sources, scorers, session.loadClasses()]);
  const units = session.config.units ?? [];
  const asked = readQuery(parameters, session.names);
  const { unit, ...of_any_unit } = asked;
  session.query = unit && units.includes(unit) ? asked : of_any_unit;
  session.misread = misreadOf(parameters, session.names);
  await session.open();
  const lost = lostOf(parameters, session.names, units);
  if (lost && !session.error) session.fail(new Error(lost));
}

const place = document.getElementById("workbench");
if (place) void start(place);

declare global {
  interface HTMLElementTagNameMap {
    "sfi-workbench": import("./widgets/workbench-app").WorkbenchApp;
  }
}
