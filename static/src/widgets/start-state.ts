/** What the middle says when there is nothing to rank yet, or when ranking is not possible now. */

import { html, nothing, type TemplateResult } from "lit";
import { countText } from "../lib/format";
import { keymap } from "../lib/own-keys";
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
    ? html`<div class="alert start-line ${ranking.tiles.length ? "start-over" : ""}" data-tone="reject" role="alert">
        <p>${session.error}</p>
        ${wayOut(session)}
      </div>`
    : nothing;
  const partly = stillEncoding(session);
  if (!session.label_class) {
    return html`${failure} ${partly}
      <p class="start-line">
        ${
          config.role !== "manager"
            ? "No class yet: a manager of this corpus names what is looked for."
            : "Name what you look for: type a class at the left."
        }
        You can search by example${config.reads_text ? " or by text" : ""} right away.
      </p>`;
  }
  const is_empty = ranking.state === "idle" && ranking.isComplete && ranking.tiles.length === 0;
  if (is_empty && ranking.notes.length) {
    return html`${failure}
      <div class="empty start-state">
        <h2>Nothing for you here now</h2>
        ${ranking.notes.map((note) => html`<p>${note}</p>`)}
        <p>What others leave or do not answer within 90 seconds is free again.</p>
        <button type="button" class="btn" @click=${() => session.search()}>Look again</button>
      </div>`;
  }
  if (session.isBrowsing && ranking.state !== "loading") {
    return html`${failure} ${partly}
      <p class="start-line">
        Click an example of <b>${session.label_class.name}</b>,
        ${config.reads_text ? html`press <kbd>${keymap.shown("query-bar") || "/"}</kbd> and type what it looks like,` : nothing}
        drop or paste an image, or press <kbd>c</kbd> to draw a box on
        a tile. Below: the corpus as it lies.
        ${
          config.encoder
            ? nothing
            : html`No features yet: <a href=${urls.corpus_page ?? ""}>compute them</a> to search.`
        }
      </p>`;
  }
  if (is_empty) {
    return html`${failure} ${partly}
      <div class="empty start-state">
        <h2>Nothing undecided matches</h2>
        <p>Everything under these filters has been answered, or the filters are too narrow. Decided items can be shown under State.</p>
        <button type="button" class="btn" @click=${() => session.setFilters({})}>Reset filters</button>
        <a class="btn" href=${urls.review_page ?? ""}>Review what was answered</a>
      </div>`;
  }
  return html`${failure} ${partly}`;
}

/** What is not encoded yet is found by no search, and somebody who misses it should know. */
function stillEncoding({ config }: Session): TemplateResult | typeof nothing {
  const { encoder, num_encoded, num_items, urls } = config;
  if (!encoder || num_encoded === undefined || num_encoded >= num_items) return nothing;
  return html`<p class="start-line start-partly">
    <b>${countText(num_encoded)}</b> of ${countText(num_items)} items were encoded when this page was opened: a search finds
    no others. <a href=${urls.corpus_page ?? ""}>See what is being done</a>
  </p>`;
}

/** What helps: another query where this one is refused, patience where the server is away. */
function wayOut(session: Session): TemplateResult {
  const { trouble, ranking } = session;
  const button = (name: string, press: () => void) =>
    html`<button type="button" class="btn btn-small" @click=${press}>${name}</button>`;
  if (ranking.state === "idle" || !trouble.isMet) return button("Dismiss", () => session.dismiss());
  if (trouble.gone.size)
    return button(trouble.gone.size > 1 ? "Search without them" : "Search without it", () =>
      session.dropGone(),
    );
  if (trouble.is_of_query) return button("Clear the query", () => session.clearQuery());
  if (trouble.is_signed_out)
    return html`<a class="btn btn-small" href=${session.config.urls.login ?? ""} target="_blank" rel="noopener">Sign in again</a>`;
  return button("Try again", () => trouble.tryAgain());
}
