/** What kept a search, or a further page of it, from coming; tried again by itself where that may help. */

import { ApiError } from "./api";

const RETRY_MS = 3000;
const COMES_BACK: ReadonlySet<number> = new Set([0, 401, 503]);
const OF_QUERY: ReadonlySet<number> = new Set([400, 404, 409]);

export class Trouble {
  gone: ReadonlySet<number> = new Set(); // places of the terms whose subject is not there any more
  is_of_query = false; // the same query would be refused again
  is_signed_out = false;
  private error: unknown = null;
  private again: () => void = () => {};
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** A service that starts, a server that is away, a person who is signed out come back: `again` is called until then. */
  met(error: unknown, again: () => void): void {
    const status = error instanceof ApiError ? error.status : -1;
    this.error = error;
    this.again = again;
    this.gone = new Set(error instanceof ApiError ? placesIn(error.fields.terms) : []);
    this.is_of_query = OF_QUERY.has(status);
    this.is_signed_out = status === 401;
    clearTimeout(this.retry);
    if (COMES_BACK.has(status))
      this.retry = setTimeout(() => {
        if (this.error === error) again();
      }, RETRY_MS);
  }

  get isMet(): boolean {
    return this.error !== null;
  }

  /** Now, and not only in some seconds. */
  tryAgain(): void {
    clearTimeout(this.retry);
    this.again();
  }

  over(): void {
    clearTimeout(this.retry);
    this.error = null;
    this.gone = new Set();
    this.is_of_query = this.is_signed_out = false;
  }
}

function placesIn(said: unknown): number[] {
  return Array.isArray(said) ? said.filter((place): place is number => typeof place === "number") : [];
}
