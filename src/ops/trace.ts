/** A request's place in a trace (W3C Trace Context), as log lines have it: the trace it belongs to, and this server's part in it. */
export type Trace = { trace_id: string; span_id: string };

/** What a client may call its request: nothing that could be a token, or break a line. */
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The client's, or its proxy's, where it is well-formed; else a new one. */
export const requestIdOf = (header: string | undefined): string =>
  header && REQUEST_ID.test(header) ? header : crypto.randomUUID();

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

/**
 * Goes on with the trace of a `traceparent`; null for none and for a malformed one. No trace is begun here.
 * @returns `header`: how a caller is told of it, as `traceresponse`.
 */
export function continueTrace(header: string | undefined): { trace: Trace; header: string } | null {
  const [, version, trace_id, flags, more] = TRACEPARENT.exec(header ?? "") ?? [];
  if (!trace_id || (version === "00" && more !== undefined)) return null;
  const span_id = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");
  return { trace: { trace_id, span_id }, header: `00-${trace_id}-${span_id}-${flags}` };
}
