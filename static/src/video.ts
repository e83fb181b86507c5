/** Entry of the page of a video. */

import "./css/video.css";
import { Api } from "./lib/api";
import { openOutbox } from "./lib/outbox-browser";
import { openKeys } from "./lib/own-keys";
import { type VideoConfig, VideoSession } from "./lib/video-session";
import { readConfig } from "./lib/wire";
import "./widgets/video-app";

async function start(place: HTMLElement): Promise<void> {
  const config = readConfig("workbench-config") as VideoConfig;
  openKeys(config.user.id, config.urls.grid_settings ?? "");
  const api = new Api(config);
  const session = new VideoSession(config, api, await openOutbox(api, config));
  const app = document.createElement("sfi-video");
  app.session = session;
  place.replaceChildren(app);
  await app.updateComplete;
  const asked = new URLSearchParams(location.search);
  try {
    await session.open(Number(asked.get("class")) || null);
    app.begin();
    await app.updateComplete;
    session.goToAsked(asked);
  } catch (error) {
    session.fail(error);
  }
}

const place = document.getElementById("video");
if (place) void start(place);
