/** The REST API as the page uses it: one fetch, one error, URLs only from the page's settings. */

import type { Config } from "./wire";

/** An answer that is not a 2xx; `detail` is the server's sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

const SIGNED_OUT =
  "You are signed out. Sign in again in another tab: this page goes on where it is, and nothing is lost.";

/** Status 0: no answer came at all. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.detail;
  if (error instanceof Error) return error.message;
  return String(error);
}

export function cookie(name: string): string {
  const pair = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : "";
}

type Query = Record<string, string | number | undefined | null>;

export class Api {
  constructor(private readonly config: Config) {}

  /** The URL named `name`, with {id} filled in and `query` appended; an unknown name is an error. */
  url(name: string, id?: number | string, query: Query = {}): string {
    const pattern = this.config.urls[name];
    if (pattern === undefined) throw new Error(`The page knows no URL named ${name}`);
    const path = id === undefined ? pattern : pattern.replace("{id}", String(id));
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    if (!pairs.length) return path;
    return `${path}?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`;
  }

  get<T>(url: string, signal?: AbortSignal): Promise<T> {
    return this.ask<T>("GET", url, undefined, signal);
  }

  post<T>(url: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.ask<T>("POST", url, body, signal);
  }

  /** The body is sent as JSON, a Blob as its own bytes. */
  async ask<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const answer = await this.fetch(method, url, body, signal ? { signal } : {});
    if (answer.status === 204) return undefined as T;
    return (await answer.json()) as T;
  }

  async bytes(url: string, signal?: AbortSignal): Promise<ArrayBuffer> {
    return (await this.fetch("GET", url, undefined, signal ? { signal } : {})).arrayBuffer();
  }

  /** The bytes and their ETag; null where they are those of `etag` still: then nothing was sent. */
  async bytesUnless(url: string, etag: string): Promise<{ bytes: ArrayBuffer; etag: string } | null> {
    const headers = { Accept: "*/*", ...(etag ? { "If-None-Match": etag } : {}) };
    const answer = await this.fetch("GET", url, undefined, { headers, cache: "no-store" });
    if (answer.status === 304) return null;
    return { bytes: await answer.arrayBuffer(), etag: answer.headers.get("ETag") ?? "" };
  }

  async fetch(method: string, url: string, body: unknown, extra: RequestInit): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json" };
    const init: RequestInit = { method, headers, credentials: "same-origin", redirect: "error", ...extra };
    if (method !== "GET") headers["X-CSRFToken"] = cookie(this.config.csrf_cookie);
    if (body instanceof Blob) {
      headers["Content-Type"] = body.type || "application/octet-stream";
      init.body = body;
    } else if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    let answer: Response;
    try {
      answer = await fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, "offline", "The server did not answer. It will be asked again.");
    }
    if (answer.ok || answer.status === 304) return answer;
    if (answer.status === 401) throw new ApiError(401, "signed-out", SIGNED_OUT);
    type Said = { code?: string; detail?: string; fields?: Record<string, unknown> };
    const said = (await answer.json().catch(() => ({}))) as Said;
    throw new ApiError(
      answer.status,
      said.code ?? "error",
      said.detail ?? `The server said ${answer.status}.`,
      said.fields,
    );
  }
}
