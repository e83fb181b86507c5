/** The REST routes of resumable uploads, as the queue uses them. */

import { csrfToken } from "./csrf";

export interface UploadServer {
  begin(
    name: string,
    size: number,
    sha256: string,
    signal: AbortSignal,
  ): Promise<{ id: string; received: number }>;
  /** How many bytes of an upload are there; undefined when the server knows of none. */
  received(id: string, signal: AbortSignal): Promise<number | undefined>;
  /** Sends `bytes` from `offset` on; how many are there afterwards. */
  send(id: string, offset: number, bytes: Blob, signal: AbortSignal): Promise<number>;
  finish(ids: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Something the server said no to; trying again does not help if `isFinal`. */
export class UploadRefused extends Error {
  constructor(
    message: string,
    readonly isFinal: boolean,
  ) {
    super(message);
  }
}

const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const TRANSIENT_CODE = new Set(["busy", "wrong-offset"]); // ask what is there, and go on from that

async function refusal(response: Response): Promise<UploadRefused> {
  let words = `The server answered ${response.status}.`;
  let isTransient = TRANSIENT_STATUS.has(response.status);
  try {
    const body = (await response.json()) as { code?: string; detail?: string };
    if (body.detail) words = body.detail;
    if (body.code && TRANSIENT_CODE.has(body.code)) isTransient = true;
  } catch {
    // not JSON: a proxy's page; the number says enough
  }
  return new UploadRefused(words, !isTransient);
}

/** `uploadsUrl` lists and begins; an upload is at `uploadsUrl` + its id + "/". */
export function uploadServer(uploadsUrl: string, finishUrl: string): UploadServer {
  const headers = (more: Record<string, string> = {}) => ({ "X-CSRFToken": csrfToken(), ...more });
  const post = async (url: string, body: unknown, signal: AbortSignal): Promise<unknown> => {
    const response = await fetch(url, {
      method: "POST",
      headers: headers({ "Content-Type": "application/json" }),
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) throw await refusal(response);
    return response.json();
  };
  return {
    async begin(name, size, sha256, signal) {
      const made = (await post(uploadsUrl, { name, size_bytes: size, sha256 }, signal)) as {
        id: string;
        received_bytes: number;
      };
      return { id: made.id, received: made.received_bytes };
    },
    async received(id, signal) {
      const response = await fetch(`${uploadsUrl}${id}/`, { signal });
      if (response.status === 404) return undefined;
      if (!response.ok) throw await refusal(response);
      return ((await response.json()) as { received_bytes: number }).received_bytes;
    },
    async send(id, offset, bytes, signal) {
      const response = await fetch(`${uploadsUrl}${id}/`, {
        method: "PATCH",
        headers: headers({
          "Content-Type": "application/offset+octet-stream",
          "Upload-Offset": String(offset),
        }),
        body: bytes,
        signal,
      });
      if (!response.ok) throw await refusal(response);
      return ((await response.json()) as { received_bytes: number }).received_bytes;
    },
    async finish(ids, signal) {
      await post(finishUrl, { uploads: ids }, signal);
    },
  };
}
