/** Entry of the map page. */

import "./css/map.css";
import { Api } from "./lib/api";
import { readConfig } from "./lib/wire";
import "./widgets/map-app";

const place = document.getElementById("map");
if (place) {
  const config = readConfig("map-config");
  const app = document.createElement("sfi-map");
  app.config = config;
  app.api = new Api(config);
  app.label_class = Number(new URLSearchParams(location.search).get("class")) || null;
  place.replaceChildren(app);
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-map": import("./widgets/map-app").MapApp;
  }
}
