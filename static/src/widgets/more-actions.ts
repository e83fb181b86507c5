/** The actions that have a key but no button of their own, as a menu: whoever has no keyboard misses none of them. */

import { html, LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { BINDINGS } from "../lib/bindings";
import { keymap } from "../lib/own-keys";
import type { Session } from "../lib/session";

const WORKBENCH = ["accept-above", "reject-below", "redo", "select-all", "invert", "open-stack", "peek"];
const SEARCH = ["add-positive", "add-negative", "draw-box", "cut-lower", "cut-raise"];
const LOOK = ["go-to-frame", "regions", "map"];
const NOT_IN_REVIEW: ReadonlySet<string> = new Set(["accept-above", "reject-below", ...SEARCH]);

/** Event: "more-action" (its name). */
@customElement("sfi-more")
export class MoreActions extends LitElement {
  @property({ attribute: false }) session!: Session;
  @property({ attribute: false }) is_review = false;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override render() {
    const has_map = this.session.config.urls.map !== undefined;
    const shown = [...WORKBENCH, ...SEARCH, ...LOOK].filter(
      (action) => !(this.is_review && NOT_IN_REVIEW.has(action)) && (action !== "map" || has_map),
    );
    return html`<details class="menu more-actions" data-menu>
      <summary class="btn btn-small btn-ghost" title="More actions">More</summary>
      <div class="menu-list">${shown.map((action) => this.entry(action))}</div>
    </details>`;
  }

  private entry(action: string) {
    const does = BINDINGS.find((each) => each.action === action)?.does ?? action;
    return html`<button type="button" @click=${() => this.choose(action)}>
      <span>${does}</span><kbd>${keymap.shown(action)}</kbd>
    </button>`;
  }

  private choose(action: string): void {
    this.querySelector("details")?.removeAttribute("open");
    this.dispatchEvent(new CustomEvent("more-action", { detail: action }));
  }
}
