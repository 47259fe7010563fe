/** How a route is described: all that can be sent to it and all that it answers. */
import { z } from "zod";
import * as api from "./api.ts";
import type { Code } from "./codes.ts";

export const TAGS = {
  Accounts: "Sign up, log in, and what one does with one's own account.",
  People: "Who else is here.",
  Conversations: "Two people, in private.",
  Everyone: "The one public room.",
  Administration: "For accounts with the role.",
  Sockets: "Handshakes. What is said on a socket is in the AsyncAPI document.",
  Server: "For whoever runs it.",
  Pages: "For browsers.",
} as const;

export type Answer = {
  about: string;
  /** None: no body. */
  body?: z.ZodType;
  /** Of a body that is not JSON. */
  type?: string;
  headers?: readonly (keyof typeof HEADERS)[];
};

export type Route = {
  tag: keyof typeof TAGS;
  summary: string;
  about?: string;
  /** `users`: with an access token. `admins`: of an admin. `operators`: with METRICS_TOKEN. */
  may: "anybody" | "users" | "admins" | "operators";
  path?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** With `X-Session: cookie` the refresh token may come in a cookie, and then there need not be a body. */
  cookie?: true;
  answers: Record<number, Answer>;
  /** Codes of refusals, beside those that every route knows. */
  refuses?: readonly Code[];
};

export const HEADERS = {
  Allow: "The methods that this path takes.",
  Link: '`rel="prev"`: the older page, `rel="next"`: the newer one, where there are any.',
  "Retry-After": "Seconds.",
  "Set-Cookie": "With `X-Session: cookie`: the refresh token, where no script can read it.",
  "X-Request-Id": "Stands in the server's log.",
} as const;

/** What any route may answer. */
export const EVERYWHERE: readonly Code[] = ["rate_limited", "internal", "unavailable"];
export const BODY: readonly Code[] = ["bad_json", "invalid_field", "too_large", "unsupported_media_type"];

export const id = z.object({ id: api.id });
export const pages = z.object({
  page: z.int().min(1).default(1).optional(),
  page_size: z.int().min(1).max(100).default(20).optional(),
});
export const ok = (about: string, body?: z.ZodType, ...headers: Answer["headers"] & {}): Answer => ({
  about,
  body,
  headers,
});
