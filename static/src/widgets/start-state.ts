/** What the middle says when there is nothing to rank yet, or when ranking is not possible now. */

import { html, nothing, type TemplateResult } from "lit";
import type { Session } from "../lib/session";

/** A sentence and what to do about it; nothing once a ranking is on the page. */
export function startState(session: Session): TemplateResult | typeof nothing {
  const { config, ranking } = session;
  const { urls } = config;
  if (config.num_items === 0) {
    return html`<div class="empty start-state">
      <h2>This corpus has no items yet</h2>
      <p>Add a folder or files, and the frames and photos found in them appear here.</p>
      <a class="btn btn-primary" href=${urls.corpus_page ?? ""}>Add media</a>
    </div>`;
  }
  const failure = session.error
    ? html`<div class="alert start-line" data-tone="reject" role="alert">
        <p>${session.error}</p>
        ${
          ranking.state !== "idle"
            ? html`<button type="button" class="btn btn-small" @click=${() => session.search()}>Try again</button>`
            : html`<button type="button" class="btn btn-small" @click=${() => session.dismiss()}>Dismiss</button>`
        }
      </div>`
    : nothing;
  if (!session.label_class) {
    return html`${failure}
      <p class="start-line">
        ${
          config.role !== "manager"
            ? "No class yet: a manager of this corpus names what is looked for. You can search by example right away."
            : "Name what you look for: type a class at the left. You can search by example right away."
        }
      </p>`;
  }
  if (session.isBrowsing && ranking.state !== "loading") {
    return html`${failure}
      <p class="start-line">
        Click an example of <b>${session.label_class.name}</b>, drop or paste an image, or press <kbd>c</kbd> to draw a box on
        a tile. Below: the corpus as it lies.
        ${
          config.encoder
            ? nothing
            : html`No features yet: <a href=${urls.corpus_page ?? ""}>compute them</a> to search.`
        }
      </p>`;
  }
  if (ranking.state === "idle" && ranking.isComplete && ranking.tiles.length === 0) {
    return html`${failure}
      <div class="empty start-state">
        <h2>Nothing undecided matches</h2>
        <p>Everything under these filters has been answered, or the filters are too narrow. Decided items can be shown under State.</p>
        <button type="button" class="btn" @click=${() => session.setFilters({})}>Reset filters</button>
        <a class="btn" href=${urls.review_page ?? ""}>Review what was answered</a>
      </div>`;
  }
  return failure;
}
