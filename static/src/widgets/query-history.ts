/**
 * The queries asked before, one line for each: what, for which class, within what, when and by whom. A line opens its
 * query again; its address can be shared. Events: "history-open" (Query).
 */

import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { type Api, sentenceOf } from "../lib/api";
import { viewOf } from "../lib/box";
import type { Names } from "../lib/filter-text";
import { agoText } from "../lib/format";
import { type Mix, mixWords, plain } from "../lib/mix";
import { type Query, writeQuery } from "../lib/query-url";
import { nameOfScorer } from "../lib/scorers";
import type { Filters, Mode, Term, Unit } from "../lib/wire";

interface Row {
  id: number;
  label_class: number | null;
  class_name: string | null;
  by: string;
  terms: Term[];
  filters: Filters;
  q: string;
  mix: Mix;
  mode: Mode;
  unit?: Unit;
  num_asked: number;
  created_at: string;
}

const PAGE = 30;
const MOST_TERMS = 6;

@customElement("sfi-query-history")
export class QueryHistory extends LitElement {
  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) names: Names = { classes: [], sources: [] };
  @property({ attribute: false }) pictureOf: (term: Term) => string = () => "";
  @property({ type: String }) user = "";
  @state() private rows: Row[] = [];
  @state() private next: string | null = null;
  @state() private everyone = false;
  @state() private said = "";
  @state() private is_loading = false;
  @query("dialog") private dialog!: HTMLDialogElement;

  protected override createRenderRoot(): this {
    return this;
  }

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  open(): void {
    this.dialog.showModal();
    void this.load();
  }

  protected override render() {
    return html`<dialog class="history-dialog" aria-label="Queries asked before" @keydown=${this.key} @close=${() => this.dispatchEvent(new CustomEvent("history-closed"))}>
      <header class="frame-head">
        <b>Queries</b>
        <label class="history-everyone"
          ><input type="checkbox" .checked=${this.everyone} @change=${this.toggle} /> everyone’s</label
        >
        <span class="history-said" role="status" aria-live="polite">${this.said}</span>
        <span class="push"></span>
        <button type="button" class="btn btn-small" @click=${() => this.dialog.close()}>Close</button>
      </header>
      ${
        this.rows.length || this.is_loading
          ? html`<ol class="history-rows">${this.rows.map((row) => this.row(row))}</ol>`
          : html`<p class="panel-note history-none">
              Nothing was searched for yet${this.everyone ? "" : " by you"}. Every query is kept here, and can be opened again.
            </p>`
      }
      ${this.next ? html`<button type="button" class="btn btn-small history-more" @click=${() => this.load(this.next)}>Older</button>` : nothing}
    </dialog>`;
  }

  private row(row: Row) {
    const at = Date.parse(row.created_at);
    return html`<li class="history-row">
      <button type="button" class="history-open" title="Open this query again" @click=${() => this.reopen(row)}>
        <span class="history-terms">${this.terms(row)}</span>
        <span class="history-what">
          <b class="clip">${row.class_name ?? "no class"}${row.mode === "learned" ? " · learned" : ""}${row.unit === "clip" ? " · clips" : ""}</b>
          ${row.q ? html`<code class="clip" title=${row.q}>${row.q}</code>` : nothing}
          ${row.mix && plain(row.mix) ? html`<small class="clip">${mixWords(row.mix)}</small>` : nothing}
        </span>
        <span class="history-when"
          ><span>${agoText(at, Date.now())}</span
          ><small>${row.by === this.user ? "you" : row.by}${row.num_asked > 1 ? ` · ${row.num_asked} times` : ""}</small></span
        >
      </button>
      <button type="button" class="btn btn-small" title="Copy its address" aria-label="Copy the address of this query" @click=${() => this.copy(row)}>Link</button>
    </li>`;
  }

  private terms(row: Row) {
    if (!row.terms.length)
      return html`<em>${row.mode === "browse" ? "as it lies" : "what was accepted"}</em>`;
    const more = row.terms.length - MOST_TERMS;
    return html`${row.terms.slice(0, MOST_TERMS).map((term) => this.term(term))}${more > 0 ? html`<small>+${more}</small>` : nothing}`;
  }

  private term(term: Term) {
    const sign = term.weight < 0 ? "minus" : "plus";
    const said = sign === "minus" ? "less like " : "";
    const body =
      term.kind === "item" || term.kind === "image"
        ? html`<img src=${this.pictureOf(term)} alt="${said}${term.kind}" loading="lazy" .style=${term.box ? viewOf(term.box) : ""} />`
        : html`<span class="clip">${said ? "−" : ""}${wordsOf(term, this.names)}</span>`;
    return html`<span class="history-term" data-sign=${sign} data-kind=${term.kind}><b class="history-sign" aria-hidden="true">${sign === "minus" ? "−" : "+"}</b>${body}</span>`;
  }

  private async load(url: string | null = null): Promise<void> {
    this.is_loading = true;
    const first = this.api.url("rounds", undefined, {
      distinct: 1,
      page_size: PAGE,
      everyone: this.everyone ? 1 : undefined,
    });
    try {
      const page = await this.api.get<{ results: Row[]; next: string | null }>(url ?? first);
      this.rows = url ? [...this.rows, ...page.results] : page.results;
      this.next =
        page.next && new URL(page.next, location.href).pathname + new URL(page.next, location.href).search;
      this.said = "";
    } catch (error) {
      this.said = sentenceOf(error);
    }
    this.is_loading = false;
    await this.updateComplete;
    if (!url) this.buttons()[0]?.focus();
  }

  private readonly toggle = (event: Event): void => {
    this.everyone = (event.target as HTMLInputElement).checked;
    void this.load();
  };

  private reopen(row: Row): void {
    this.dialog.close();
    this.dispatchEvent(new CustomEvent("history-open", { detail: queryOf(row) }));
  }

  private async copy(row: Row): Promise<void> {
    const address = `${location.origin}${location.pathname}?${writeQuery(queryOf(row), this.names)}`;
    try {
      await navigator.clipboard.writeText(address);
      this.said = "Address copied";
    } catch {
      this.said = address; // no clipboard here: it can be copied by hand
    }
  }

  private buttons(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>(".history-open")];
  }

  private readonly key = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = this.buttons();
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
  };
}

function queryOf(row: Row): Query {
  const mix = plain(row.mix);
  return {
    class: row.label_class,
    terms: row.terms,
    filters: row.filters,
    mode: row.mode === "learned" ? "learned" : "similar",
    ...(row.unit === "clip" ? { unit: row.unit } : {}),
    ...(mix ? { mix } : {}),
  };
}

function wordsOf(term: Term, names: Names): string {
  const { classes } = names;
  if (term.kind === "text") return `“${term.text}”`;
  if (term.kind === "classifier")
    return nameOfScorer(term.classifier ?? 0, term.class ?? 0, names.scorers ?? []);
  if (term.kind === "class") return classes.find((each) => each.id === term.class)?.name ?? `#${term.class}`;
  return term.kind === "span" ? "part of a video" : "vector";
}

declare global {
  interface HTMLElementTagNameMap {
    "sfi-query-history": QueryHistory;
  }
}
