import type { Bucket } from "./deps.ts";
import { type Code, CODES, type FieldCode } from "./protocol/codes.ts";

export type FieldError = { field: string; code: FieldCode; message: string };

/** A no that the client is told. Anything else that is thrown is a defect: the client sees `internal`, the log sees the cause. */
export class Refusal extends Error {
  readonly errors?: FieldError[];
  readonly retryAfterMs?: number;
  readonly headers: Record<string, string>;

  constructor(
    readonly code: Code,
    /** One sentence for a person. */
    readonly detail: string,
    more: { errors?: FieldError[]; retryAfterMs?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.errors = more.errors;
    this.retryAfterMs = more.retryAfterMs;
    this.headers = { ...more.headers };
    if (more.retryAfterMs !== undefined)
      this.headers["Retry-After"] = String(Math.max(1, Math.ceil(more.retryAfterMs / 1000)));
  }

  get status(): number {
    return CODES[this.code].status;
  }
}

export const notFound = () => new Refusal("not_found", "There is no such thing here, or it is not yours.");
export const unauthenticated = () =>
  new Refusal("unauthenticated", "Sign in first: the access token is missing, wrong or expired.");
export const UNAVAILABLE = "The server cannot do this right now. Try again in a moment.";
export const unavailable = () => new Refusal("unavailable", UNAVAILABLE, { retryAfterMs: 2_000 });
export const invalid = (field: string, message: string, code: FieldCode = "invalid") =>
  new Refusal("invalid_field", message, { errors: [{ field, code, message }] });

/** Takes one from a bucket, or refuses until there is one again. */
export async function spend(bucket: Bucket, key: string, detail: string): Promise<void> {
  const waitMs = await bucket.take(key);
  if (waitMs > 0) throw new Refusal("rate_limited", detail, { retryAfterMs: waitMs });
}

/** What a client is told of any error: the query builder wraps a refusal, and all else is a defect of ours. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof Error && error.cause instanceof Refusal) return error.cause;
  return new Refusal("internal", "Something went wrong on our side.");
}

/** The body of an HTTP error: RFC 9457, plus `detail` and `error` as the first version's clients read them. */
export function problem(refusal: Refusal, requestId?: string) {
  const { status, code, detail, errors } = refusal;
  return {
    type: "about:blank",
    title: CODES[code].title,
    status,
    detail,
    code,
    ...(errors && { errors }),
    ...(status >= 500 && requestId && { request_id: requestId }),
    error: {
      status_code: status,
      message: detail,
      details: errors ? Object.fromEntries(errors.map((e) => [e.field, [e.message]])) : {},
    },
  };
}
