import type { Code, FieldCode } from "../protocol/codes.ts";

/**
 * Every failure of the client.
 *
 * Beside the server's own codes: `offline` (no answer from the network; nothing is known about what the server did),
 * `signed_out` (there is no session; log in), `discarded` (the page gave up on a message).
 */
export type ErrorCode = Code | "offline" | "signed_out" | "discarded";

export type FieldError = { field: string; code: FieldCode; message: string };

export class ChatError extends Error {
  override name = "ChatError";
  /**
   * @param code what a program switches on
   * @param detail one sentence for a person
   * @param status of the HTTP answer; 0 where there was none
   * @param errors what is wrong with which field
   * @param retryAfterMs how long the server asks to wait; null where it said nothing
   */
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly status = 0,
    readonly errors: FieldError[] = [],
    readonly retryAfterMs: number | null = null,
  ) {
    super(`${code}: ${detail}`);
  }
}
