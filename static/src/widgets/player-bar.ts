/** The buttons under the player, the numbers of the frame that is shown, and the field that leads to another. */

import { html, nothing } from "lit";
import type { FrameTable } from "../lib/frame-table";
import { codeText } from "../lib/time-code";
import type { VideoPlayer } from "./video-player";

export function playerBar(player: VideoPlayer, table: FrameTable) {
  const button = (label: string, text: string, key: string, act: () => void) =>
    html`<button type="button" class="btn btn-small" aria-label=${label} title="${label} (${key})" @click=${act}>${text}</button>`;
  return html`<div class="player-buttons" role="group" aria-label="Player">
      ${button("First frame", "⇤", "Home", () => player.seek(0))}
      ${button("A second back", "−1 s", "←", () => player.skip(-1))}
      ${button("One frame back", "‹", ",", () => player.step(-1))}
      <button type="button" class="btn btn-small player-play" aria-pressed=${player.isPlaying} title="Play or pause (space or k)" @click=${player.toggle}>
        ${player.isPlaying ? "Pause" : "Play"}
      </button>
      ${button("One frame on", "›", ".", () => player.step(1))}
      ${button("A second on", "+1 s", "→", () => player.skip(1))}
      ${button("Last frame", "⇥", "End", () => player.seek(table.length - 1))}
      ${player.isPlaying && player.rate !== 1 ? html`<span class="badge">${player.rate} ×</span>` : nothing}
    </div>
    ${readout(table, player.place)}
    <form class="player-entry" @submit=${player.enter}>
      <label class="visually-hidden" for="player-entry">Go to a pts, a time or a frame</label>
      <input id="player-entry" class="input input-small" placeholder="pts, 0:00:01.500 or #12" title="Go to (t)" autocomplete="off" spellcheck="false" aria-invalid=${player.entry_problem ? "true" : "false"} />
    </form>
    ${player.entry_problem ? html`<p class="player-said" role="alert">${player.entry_problem}</p>` : nothing}`;
}

/** What is drawn, in numbers. */
function readout(table: FrameTable, place: number) {
  const facts: readonly [string, string][] = [
    ["frame", `${table.numberAt(place)}`],
    ["pts", `${table.ptsAt(place)}`],
    ["time base", table.time_base.join("/")],
    ["seconds", table.secondsAt(place).toFixed(6)],
    ["time", codeText(table.secondsAt(place))],
  ];
  return html`<dl class="player-facts" aria-label="The frame that is shown">
    ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd class="number" data-fact=${name}>${value}</dd></div>`)}
    ${table.is_decoded ? nothing : html`<div title="The video is long: its frames are listed by the packets in the file, of which a few may be no frame."><dt>listed by</dt><dd>packets</dd></div>`}
  </dl>`;
}
