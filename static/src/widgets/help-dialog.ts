/** Every key of the grid, from the one table that also drives it. */

import { html, LitElement } from "lit";
import { customElement, query } from "lit/decorators.js";
import { BINDINGS } from "../lib/keymap";

@customElement("sfi-help")
export class HelpDialog extends LitElement {
  @query("dialog") private dialog!: HTMLDialogElement;

  protected override createRenderRoot(): this {
    return this;
  }

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  toggle(): void {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  protected override render() {
    return html`<dialog class="help-dialog" aria-label="Keys" @keydown=${this.key}>
      <header class="frame-head">
        <b>Keys</b><span class="push"></span>
        <button type="button" class="btn btn-small" @click=${this.toggle}>Close</button>
      </header>
      <dl class="keys">
        ${BINDINGS.filter((each) => each.shown).map(
          (each) => html`<div>
            <dt><kbd>${each.shown}</kbd></dt>
            <dd>${each.does}</dd>
          </div>`,
        )}
      </dl>
      <p class="panel-note">
        Mouse and touch: click moves the cursor, shift and ctrl extend, a drag selects with a lasso, a tile dragged onto the
        query bar becomes an example, a double click peeks, hovering a stack plays it.
      </p>
    </dialog>`;
  }

  private readonly key = (event: KeyboardEvent): void => {
    if (event.key === "?") {
      event.preventDefault();
      event.stopPropagation();
      this.dialog.close();
    }
  };
}
