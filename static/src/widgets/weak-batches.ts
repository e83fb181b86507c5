/**
 * What was taken in bulk for the class, with its origin; each batch can be taken back.
 * Event: "audit-drawn": its button has gone.
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Purity, purityText } from "../lib/audits";
import { agoText, countText } from "../lib/format";
import { debounced, latest } from "../lib/latest";
import type { Session } from "../lib/session";
import "../css/left-to-find.css";

interface WeakBatch {
  id: string;
  label_class: number;
  first_n: number | null;
  min_similarity: number | null;
  num_labels?: number;
  by?: string;
  created_at?: string;
  reverted_at: string | null;
  purity?: Purity | null;
}

const LOOKS = 100; // of a purity audit: an interval of about 8 points on either side at worst
const SETTLED_MS = 900; // after the last answer was saved: a sample is counted once, not at every key

@customElement("sfi-weak-batches")
export class WeakBatches extends LitElement {
  @property({ attribute: false }) session!: Session;
  @state() private batches: readonly WeakBatch[] = [];
  private readonly life = new AbortController();

  protected override createRenderRoot(): this {
    return this;
  }

  protected override firstUpdated(): void {
    const { signal } = this.life;
    this.session.addEventListener("query", () => void this.load(), { signal });
    this.session.outbox.addEventListener(
      "saved",
      debounced(() => void this.load(), SETTLED_MS),
      { signal },
    );
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.life.abort();
  }

  protected override render() {
    const { query } = this.session;
    const standing = this.batches.filter((batch) => !batch.reverted_at && batch.label_class === query.class);
    return standing.length
      ? html`<ol class="history">
          ${standing.map((batch) => this.row(batch))}
        </ol>`
      : html`<p class="panel-note">Labels taken in bulk from a ranking are listed here with their origin and can be taken back.</p>`;
  }

  private row(batch: WeakBatch) {
    const origin =
      batch.first_n === null
        ? `similarity ≥ ${batch.min_similarity?.toFixed(3)}`
        : `first ${countText(batch.first_n)}`;
    const count = batch.num_labels;
    const when = batch.created_at ? agoText(Date.parse(batch.created_at), Date.now()) : "";
    return html`<li class="batch" data-state="weak">
      <span class="batch-glyph" aria-hidden="true">~</span>
      <span class="batch-what"
        >${count === undefined ? nothing : html`<b>${countText(count)}</b> weak `}<small>${[origin, batch.by, when].filter(Boolean).join(" · ")}</small
        ><small class="batch-purity">${purityText(batch.purity ?? null)}</small></span
      >
      ${
        this.session.isViewer
          ? nothing
          : html`${batch.purity ? nothing : this.auditButton(batch)}
              <button type="button" class="btn btn-small" @click=${() => this.revert(batch)}>Revert</button>`
      }
    </li>`;
  }

  private auditButton(batch: WeakBatch) {
    return html`<button
      type="button"
      class="btn btn-small"
      title="Draw ${LOOKS} stacks at random; answer them here or among the others to measure the precision"
      @click=${() => this.audit(batch)}
    >
      Audit
    </button>`;
  }

  private async audit(batch: WeakBatch): Promise<void> {
    const { session } = this;
    try {
      await session.api.post(session.api.url("weak_purity", batch.id), { looks: LOOKS });
      session.say(`Audit drawn: up to ${LOOKS} stacks, mixed into rankings of this class`);
      await this.load();
      this.dispatchEvent(new CustomEvent("audit-drawn"));
    } catch (error) {
      session.fail(error);
    }
  }

  private async revert(batch: WeakBatch): Promise<void> {
    const { session } = this;
    try {
      await session.api.post(session.api.url("weak_revert", batch.id), {});
      session.say("Weak batch taken back");
      await session.reload();
    } catch (error) {
      session.fail(error);
    }
  }

  private readonly load = () => this.read(this.session.query.class);

  private readonly read = latest(async (label_class: number | null, signal) => {
    if (label_class === null) return;
    const { api } = this.session;
    type Answer = WeakBatch[] | { results: WeakBatch[] };
    const said = await api
      .get<Answer>(api.url("weak", undefined, { class: label_class }), signal)
      .catch(() => this.batches as WeakBatch[]);
    this.batches = Array.isArray(said) ? said : said.results;
  });
}
