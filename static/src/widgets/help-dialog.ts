/** Every key of the grid as it is now, and where each can be changed. Opened by "?" and from the account menu. */

import { html, LitElement, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { BINDINGS, type Binding, type Group } from "../lib/bindings";
import { isHalfPress, nameOf, shownKey } from "../lib/keymap";
import { keymap } from "../lib/own-keys";

const GROUPS: readonly Group[] = ["Answer", "Move", "Select", "Look", "Search"];

@customElement("sfi-help")
export class HelpDialog extends LitElement {
  hidden_actions: ReadonlySet<string> = new Set(); // what this page has no use for
  @state() private is_editing = false;
  @state() private asking: Binding | null = null; // the action that waits for its new key
  @state() private taken: { key: string; owner: Binding } | null = null;
  @state() private said = "";
  @query("dialog") private dialog!: HTMLDialogElement;
  private readonly redraw = () => this.requestUpdate();

  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    keymap.addEventListener("change", this.redraw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    keymap.removeEventListener("change", this.redraw);
  }

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  toggle(): void {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  /** Opens ready to change keys. */
  edit(): void {
    this.is_editing = true;
    if (!this.dialog.open) this.dialog.showModal();
  }

  protected override render() {
    const has_changes = Object.keys(keymap.changes).length > 0;
    return html`<dialog class="help-dialog" aria-label="Keys" @keydown=${this.key} @close=${this.closed}>
      <header class="frame-head">
        <b>Keys</b>
        <span class="push"></span>
        ${has_changes ? html`<button type="button" class="btn btn-small" @click=${this.reset}>Reset all</button>` : nothing}
        <button type="button" class="btn btn-small" aria-pressed=${this.is_editing} @click=${this.switch}>
          ${this.is_editing ? "Done" : "Change keys"}
        </button>
        <button type="button" class="btn btn-small" autofocus @click=${this.toggle}>Close</button>
      </header>
      <div class="keys-said" role="status" aria-live="polite">${this.question()}</div>
      <div class="keys">${GROUPS.map((group) => this.group(group))}</div>
      <p class="panel-note">
        Mouse: click moves the cursor, shift and ctrl extend, a drag selects with a lasso, a tile dragged onto the query bar
        becomes an example, a double click peeks, hovering a stack plays it. Touch: a tap moves the cursor, a long press
        selects, a double tap peeks. Keys are silent while you type, and with ctrl, alt or meta but for ctrl a.
      </p>
    </dialog>`;
  }

  private question() {
    if (this.taken && this.asking) {
      const { key, owner } = this.taken;
      return html`<b>${shownKey(key)}</b> is “${owner.does}” now.
        <button type="button" class="btn btn-small btn-primary" @click=${this.take}>Take it from there</button>
        <button type="button" class="btn btn-small" @click=${this.leave}>Leave it</button>`;
    }
    if (this.asking)
      return html`${this.said} Press the key for <b>${this.asking.does}</b>; Esc leaves it as it is.`;
    return this.said;
  }

  private group(group: Group) {
    const shown = BINDINGS.filter((each) => each.group === group && !this.hidden_actions.has(each.action));
    return html`<section>
      <h3>${group}</h3>
      <dl>
        ${shown.map((each) => this.row(each))}
      </dl>
    </section>`;
  }

  private row(binding: Binding) {
    const keys = keymap.shown(binding.action);
    const is_own = binding.action in keymap.changes;
    return html`<div class=${is_own ? "is-own" : ""}>
      <dt>${this.is_editing && !binding.is_fixed ? this.changer(binding, keys) : html`<kbd>${keys || "none"}</kbd>`}</dt>
      <dd>${binding.does}</dd>
    </div>`;
  }

  private changer(binding: Binding, keys: string) {
    const is_asking = this.asking === binding;
    return html`<button
      type="button"
      class="key-change"
      data-action=${binding.action}
      aria-pressed=${is_asking}
      aria-label="Change the key for ${binding.does}, now ${keys || "none"}"
      @click=${() => this.ask(binding)}
    >
      <kbd>${is_asking ? "…" : keys || "none"}</kbd>
    </button>`;
  }

  private ask(binding: Binding): void {
    this.asking = binding;
    this.taken = null;
    this.said = "";
  }

  private readonly key = (event: KeyboardEvent): void => {
    if (this.asking && !this.taken) {
      if (isHalfPress(event) || event.repeat) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") this.leave();
      else this.choose(nameOf(event));
      return;
    }
    if (keymap.actionOf(event) === "help") {
      event.preventDefault();
      event.stopPropagation();
      this.dialog.close();
    }
  };

  private choose(key: string | null): void {
    const { asking } = this;
    const refusal = keymap.refusal(key);
    if (!asking || key === null || refusal) {
      this.said = `${refusal}.`;
      return;
    }
    const owner = keymap.ownerOf(key, asking.action);
    if (owner) {
      this.taken = { key, owner };
      void this.updateComplete.then(() => this.querySelector<HTMLElement>(".keys-said .btn")?.focus());
    } else this.give(asking, key);
  }

  private readonly take = (): void => {
    if (!this.asking || !this.taken) return;
    const { key, owner } = this.taken;
    this.give(this.asking, key);
    const left = keymap.shown(owner.action);
    this.said += left ? ` “${owner.does}” is still on ${left}.` : ` “${owner.does}” has no key now.`;
  };

  private give(binding: Binding, key: string): void {
    keymap.set(binding.action, key);
    this.said = `“${binding.does}” is on ${shownKey(key)} now.`;
    this.leave();
  }

  private readonly leave = (): void => {
    const action = this.asking?.action;
    this.asking = null;
    this.taken = null;
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>(`.key-change[data-action="${action}"]`)?.focus(),
    );
  };

  private readonly switch = (): void => {
    this.is_editing = !this.is_editing;
    this.asking = this.taken = null;
    this.said = this.is_editing
      ? "Choose what gets another key. It is kept for you alone, on every machine."
      : "";
  };

  private readonly reset = (): void => {
    keymap.load({});
    this.said = "All keys are as they come.";
  };

  private readonly closed = (): void => {
    this.is_editing = false;
    this.asking = this.taken = null;
    this.said = "";
    this.dispatchEvent(new CustomEvent("help-closed"));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-help": HelpDialog;
  }
}
