import { ChatError, type FieldError } from "./errors.ts";
import type { Code } from "../protocol/codes.ts";
import type { Ports } from "./ports.ts";

/** Gives the JSON of a good answer (undefined for 204). @throws {ChatError} for every other, and for none */
export type Http = <T>(
  method: string,
  path: string,
  options?: {
    body?: unknown;
    token?: string;
    headers?: Record<string, string>;
    timeoutMs?: number;
    keepalive?: boolean;
  },
) => Promise<T>;

/** A request that hangs this long (ms) has failed: others may be waiting for it. */
const TIMEOUT = 30_000;

/** @param url of the server, without the trailing slash */
export function createHttp(url: string, { fetch, clock }: Pick<Ports, "fetch" | "clock">): Http {
  return async <T>(
    method: string,
    path: string,
    { body, token, headers = {}, timeoutMs = TIMEOUT, keepalive = false }: Parameters<Http>[2] = {},
  ) => {
    const abort = new AbortController();
    const cancel = clock.after(timeoutMs, () => abort.abort());
    try {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: abort.signal,
        ...(keepalive && { keepalive }),
      }).catch(() => {
        throw new ChatError("offline", "The server could not be reached.");
      });
      if (response.status === 204) return undefined as T;
      const answer = await response.json().catch(() => null);
      if (response.status < 300 && answer !== null) return answer as T;
      throw refusal(response.status, answer, response.headers.get("Retry-After"));
    } finally {
      cancel();
    }
  };
}

/** What does not come from the server itself (a proxy's page, a hotel's portal) is `unavailable`: its 401 must sign nobody out. */
function refusal(status: number, answer: unknown, retryAfter: string | null): ChatError {
  const { code, detail, errors } = (answer ?? {}) as { code?: Code; detail?: string; errors?: FieldError[] };
  const wait = retryAfter === null || !(Number(retryAfter) >= 0) ? null : Number(retryAfter) * 1_000;
  if (typeof code !== "string") return new ChatError("unavailable", "The server did not answer.", status, [], wait);
  return new ChatError(code, detail ?? code, status, errors ?? [], wait);
}
