/** The card "Answers by stack": what the checks of derived answers came to, and the sources that were switched off. */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { debounced, latest } from "../lib/latest";
import type { Session } from "../lib/session";
import { checkedText, offTexts, type StackErrors } from "../lib/stack-errors";

const SETTLED_MS = 3000; // after the last answer was saved; the server's own answer may be 10 s old

@customElement("sfi-stack-errors")
export class StackErrorsCard extends LitElement {
  @property({ attribute: false }) session!: Session;
  @state() private errors: StackErrors | null = null;
  private readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    const soon = debounced(() => void this.load(), SETTLED_MS);
    this.session.outbox.addEventListener("saved", soon, { signal: this.life.signal });
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  private readonly read = latest((_: null, signal) => {
    const { api } = this.session;
    return api.get<StackErrors>(api.url("stack_errors"), signal);
  });

  private async load(): Promise<void> {
    const said = await this.read(null).catch(() => undefined); // of no help, and no harm, when it fails
    if (said) this.errors = said;
  }

  protected override render() {
    const { errors } = this;
    if (!errors) return nothing;
    return html`<p class="panel-note">${checkedText(errors)}</p>
      ${offTexts(errors).map((text) => html`<p class="panel-note stack-off"><b aria-hidden="true">!</b> ${text}</p>`)}`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-stack-errors": StackErrorsCard;
  }
}
