/** Every way to say no. HTTP answers and socket frames share this table; a client switches on the code, never on the sentence. */
export const CODES = {
  bad_json: { status: 400, title: "Not JSON" },
  invalid_field: { status: 400, title: "Invalid input" },
  empty: { status: 400, title: "Empty message" },
  too_long: { status: 400, title: "Message too long" },
  unauthenticated: { status: 401, title: "Not authenticated" },
  forbidden: { status: 403, title: "Forbidden" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  epoch_mismatch: { status: 409, title: "Another history" },
  idempotency_mismatch: { status: 409, title: "Another message has this id" },
  too_large: { status: 413, title: "Too large" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "Unavailable" },
  /** Sockets only. */
  unknown_type: { status: 400, title: "Unknown frame" },
} as const;

export type Code = keyof typeof CODES;

/** What can be wrong with one field. */
export const FIELD_CODES = ["required", "invalid", "taken", "weak", "mismatch"] as const;
export type FieldCode = (typeof FIELD_CODES)[number];

/** 4500 and above: do not come back. All others: come back. */
export const CLOSE = {
  unsupportedData: 1003,
  tooBig: 1009,
  tryAgain: 1013,
  unauthenticated: 4001,
  abuse: 4009,
  behind: 4010,
  restarting: 4012,
  silent: 4013,
  sessionOver: 4500,
  accountDisabled: 4501,
  protocolNotSpoken: 4502,
} as const;
