/** Any request to any route: answered in the promised shape, never by a 5xx, and what is stored is what was sent. */
import fc from "fast-check";
import type { z } from "zod";
import * as admin from "../../src/protocol/admin.ts";
import * as api from "../../src/protocol/api.ts";
import { type Answer, call, type Person } from "../support/client.ts";
import { ANSWERS } from "../support/shapes.ts";
import type { Things } from "./frames.ts";
import { isId, shown } from "./reference.ts";
import { anyJson, fields, named, nearly, objectOf, text, thing } from "./values.ts";

/** What a route's body looks like. A route that is not named here gets any JSON. */
const BODIES: Record<string, z.ZodType> = {
  "POST /api/auth/signup": api.signup,
  "POST /api/auth/login": api.login,
  "POST /api/auth/token/refresh": api.refresh,
  "POST /api/auth/logout": api.refresh,
  "POST /api/auth/password": api.password,
  "POST /api/auth/reset": api.reset,
  "DELETE /api/auth/me": api.remove,
  "POST /api/admin/users/:id": admin.act,
  "DELETE /api/admin/rooms/:stream/messages/:id": admin.remove,
  "POST /api/chat/conversations/create": api.createConversation,
  "POST /api/chat/conversations/:id/messages": api.send,
  "POST /api/chat/global/messages": api.send,
  "POST /api/chat/conversations/:id/read": api.read,
};
/** They hash a password, which takes a hundred times as long as all else. */
const SLOW = /signup|login|password|DELETE .*me$/;

export type Request = {
  route: string;
  method: string;
  path: string;
  token: string;
  headers: Record<string, string>;
  body?: string;
};

/** The runtime itself answers 431 to a head above 16 KiB. */
const inUrl = text.map((value) => encodeURIComponent(value.slice(0, 300).toWellFormed()));
const segment = fc.oneof(
  { weight: 6, arbitrary: thing("own", "friend") },
  { weight: 4, arbitrary: thing("OWN", "foreign", "absent", "me", "message", "publicRoom", "access") },
  { weight: 3, arbitrary: inUrl },
  { weight: 2, arbitrary: fc.constantFrom("%", "%zz", "%00", "%ff", "%c0%af", "%2e%2e", "%2f", "..", ".", ";", "create", "user", "%20", "-1", "0", "null", "undefined", "[object%20Object]", "%F0%9F%98%80", "a".repeat(3_000)) }, // prettier-ignore
);
const queryValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("", "0", "1", "2", "-1", "1e9", "999999999", "9999999999", "NaN", "Infinity", "0x10", "1.5", "٣", "200", "201", "1 ", "+1", "true", "null", "%", "%00", "%ff", "'", "%25", "_") }, // prettier-ignore
  { weight: 3, arbitrary: thing("message", "foreignMessage", "globalMessage", "absent", "own", "OWN") },
  { weight: 2, arbitrary: fc.constantFrom("2026-01-01", "2026-01-01T00:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00", "2026-01-01T00:00:00.123456789Z", "2026-01-01T24:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00-14:00", "2026-01-01T00:00:00+0530", "2026-01-01T00:00:00%2B01:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "+275760-09-13T00:00:00Z", "-000001-01-01T00:00:00Z", "2026-01-01T00:00:60Z", "2026-W01-1", "20260101T000000Z", "1700000000", "2026-01-01t00:00:00z") }, // prettier-ignore
  { weight: 2, arbitrary: inUrl },
);
const queryName = fc.oneof({ weight: 9, arbitrary: fc.constantFrom("page", "page_size", "search", "limit", "before", "after") }, { weight: 1, arbitrary: fc.constantFrom("token", "__proto__", "constructor", "page[]", "page%5B%5D", "", "%") }); // prettier-ignore
const query = fc
  .array(fc.tuple(queryName, queryValue), { maxLength: 3 })
  .map((all) => (all.length ? `?${all.map((pair) => pair.join("=")).join("&")}` : ""));

/** Header values are Latin-1 without control characters; what else there is no client can send. */
const headerValue = fc.oneof(fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((n) => String.fromCharCode(n)), maxLength: 80 }).map((value) => value.trim()), fc.constantFrom("", "é", "x".repeat(3_000), "*", "bytes=0-0,5-", "gzip;q=0", "\u00ff")); // prettier-ignore
const headerName = fc.constantFrom("Idempotency-Key", "Accept", "Accept-Language", "If-None-Match", "If-Modified-Since", "Range", "Origin", "Referer", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-HTTP-Method-Override", "X-Request-Id", "X-Session", "Cookie", "Sec-WebSocket-Protocol", "Access-Control-Request-Method", "Content-Encoding"); // prettier-ignore
const contentType = fc.oneof({ weight: 9, arbitrary: fc.constant("application/json") }, { weight: 1, arbitrary: fc.constantFrom("Application/JSON; charset=utf-8", "application/json;", "text/plain", "multipart/form-data", "application/json, text/plain", "") }); // prettier-ignore
const headers = fc.tuple(contentType, fc.array(fc.tuple(headerName, headerValue), { maxLength: 2 }))
  .map(([type, others]) => ({ ...Object.fromEntries(others), "Content-Type": type })); // prettier-ignore
const token = fc.oneof({ weight: 20, arbitrary: fc.constant("«access»") }, { weight: 1, arbitrary: fc.constantFrom("", "a.b.c", "«refresh»", "x".repeat(6_000)) }); // prettier-ignore

function bodyFor(route: string): fc.Arbitrary<string | undefined> {
  if (!/^(POST|PUT|PATCH|DELETE) /.test(route)) return fc.constant(undefined);
  const schema = BODIES[route];
  if (!schema) return fc.oneof(anyJson, text);
  const fits = fields(schema);
  return fc.oneof({ weight: 4, arbitrary: fits.map(objectOf) }, { weight: 5, arbitrary: nearly(fits) }, { weight: 1, arbitrary: anyJson }, { weight: 1, arbitrary: text }); // prettier-ignore
}

const requestTo = (route: string): fc.Arbitrary<Request> => {
  const [verb, pattern] = route.split(" ") as [string, string];
  const method = fc.oneof({ weight: 15, arbitrary: fc.constant(verb) }, { weight: 1, arbitrary: fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE") }); // prettier-ignore
  return fc.tuple(method, fc.tuple(segment, segment), fc.constantFrom("", "/", "/", "//"), query, token, headers, bodyFor(route)).map(([method, ids, slash, query, token, headers, body]) => ({
    route, method, token, headers, path: pattern.replace(":message_id", () => ids[1]).replace(/:\w+/, () => ids[0]) + (pattern === "/" ? "" : slash) + query,
    ...(body !== undefined && method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && { body: body.toWellFormed() }),
  })); // prettier-ignore
};

const routes = Object.keys(ANSWERS);
export const request: fc.Arbitrary<Request> = fc.oneof(
  ...routes.map((route) => ({ weight: SLOW.test(route) ? 1 : 20, arbitrary: requestTo(route) })),
);

/** One person who asks for anything at all. */
export class Asker {
  #n = 0;
  #keys = new Map<string, string>();
  constructor(
    readonly person: Person,
    readonly things: Things,
  ) {}

  /** All at once, then a good one; throws what was not as promised. */
  async ask(requests: Request[]): Promise<void> {
    await Promise.all(requests.map((request) => this.#one(request)));
    const content = `the end of ${++this.#n}`;
    const path = `/api/chat/conversations/${this.things.own}/messages/`;
    const { status, body } = await this.person.post(path, { content });
    if (status !== 201 || body.content !== content)
      throw new Error(`the next good request was answered with ${status}`);
  }

  async #one({ route, method, token, headers, ...request }: Request): Promise<void> {
    const path = named(request.path, this.things);
    const body = request.body === undefined ? undefined : named(request.body, this.things);
    const access = named(token, this.things);
    // Throws for what is not of the promised shape, problems included.
    const answer = await call(this.person.url, method, path, { token: access || undefined, body, headers });
    const told = `${method} ${path.slice(0, 200)}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`;
    if (answer.status >= 500) throw new Error(told);
    if (!answer.headers.get("x-request-id") && answer.status !== 400) throw new Error(`no request id: ${told}`);
    const room = route.endsWith("global/messages") ? "global" : this.things.own;
    const sends = method === "POST" && /(global|conversations\/:id)\/messages$/.test(route);
    const isOwn = room === "global" || new RegExp(`/conversations/${room}/messages/*$`, "i").test(path.split("?")[0]!);
    if (!sends || !isOwn || access !== this.person.access || headers["Content-Type"] !== "application/json") return;
    if (path.split("?")[0]!.endsWith("//")) return; // Another address.
    if (headers["Content-Encoding"]) {
      if (answer.status !== 415) throw new Error(`taken, though it is encoded somehow: ${told}`);
      return;
    }
    this.#expectStored(room, body!, headers["Idempotency-Key"], answer, told);
  }

  #expectStored(
    room: string,
    body: string,
    key: string | undefined,
    { status, body: got }: Answer,
    told: string,
  ): void {
    const due = shown(contentOf(body));
    const typed = due && (due.text ?? due.content);
    if (!due || (key !== undefined && !isId(key))) {
      if (status < 400) throw new Error(`taken, though it is no message: ${told}`);
      return;
    }
    const before = key === undefined ? undefined : this.#keys.get(`${room} ${key}`);
    // With the same key side by side, either may be first.
    if (status === 409 && key !== undefined) return;
    if (status !== 201 && !(status === 200 && key !== undefined))
      throw new Error(`not taken, though it is a message: ${told}`);
    if (key !== undefined && before === undefined) this.#keys.set(`${room} ${key}`, typed!);
    if (got.content !== due.content || got.text !== due.text)
      throw new Error(`shown otherwise: ${told}, due ${JSON.stringify(due)}`);
  }
}

function contentOf(body: string): unknown {
  try {
    // A mark of the byte order is no part of the text.
    const value = JSON.parse(body.replace(/^\ufeff/, ""));
    return Array.isArray(value) ? undefined : value?.content;
  } catch {
    return undefined;
  }
}
