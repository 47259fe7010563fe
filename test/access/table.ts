/**
 * Who may do what. Each route and each frame has one row here; the tests beside this file make the cells: who asks, for which id, with
 * which token. A route or a frame without its row fails them.
 *
 * A new route: one line in `ROUTES`, one in the other `ROUTES` (src/protocol/routes.ts). A new frame: one line in `FRAMES`. What takes an id of a
 * new kind (a session, say): one entry in `IDS` (ids.ts).
 */
import type { Endpoint } from "../../src/protocol/frames.ts";
import { PASSWORD, Person } from "../support/client.ts";
import type { IDS } from "./ids.ts";

/** Alice and Bob talk. Mallory, with Carol, is another user. Dan talked with Alice, then was disabled. Erin is an admin. */
export type World = {
  people: Record<"alice" | "bob" | "mallory" | "carol" | "dan" | "erin", Person>;
  /** Alice again, in a session that was ended. */
  ended: Person;
  /** Everyone's refresh token of another session, by user: to be logged out. */
  spare: Map<string, string>;
  /** Everyone's other sessions, by user: each can be ended once. */
  sessions: Map<string, string[]>;
  /** Their conversations. */
  theirs: string;
  malloryAndCarols: string;
  erinAndMallorys: string;
  dansAndAlices: string;
  /** A message between Alice and Bob. */
  message: string;
  /** What each has said, by user, in their conversation and to all: each can be removed. */
  said: Map<string, { private: string[]; global: string[] }>;
  sessionId: string;
};

/** Who asks. `living`: the access token is of a living session. */
export type Who = { person: (w: World) => Person | null; living: boolean; admin?: boolean };
export const IDENTITIES = {
  nobody: { person: () => null, living: false },
  "a participant": { person: (w: World) => w.people.alice, living: true },
  "the other participant": { person: (w: World) => w.people.bob, living: true },
  "another user": { person: (w: World) => w.people.mallory, living: true },
  "an admin": { person: (w: World) => w.people.erin, living: true, admin: true },
  "a disabled participant": { person: (w: World) => w.people.dan, living: false },
  "a participant's ended session": { person: (w: World) => w.ended, living: false },
};

export type Row = {
  /**
   * `anybody`: no token is asked for. `tokens`: who has an access token, its session may be over. `users`: with a living session.
   * `participants`: and only who takes part in the conversation of the id. `admins`: others are told that they are none, whatever they ask.
   */
  may: "anybody" | "tokens" | "users" | "participants" | "admins";
  /** What the id in the path, or that `body` puts in, is of. */
  takes?: keyof typeof IDS;
  body?: (w: World, asks: Person, id: string) => unknown;
  /** The status for who may; the status and the code for an id that is not theirs to use. */
  right: number;
  wrong?: [status: number, code: string];
  /** Requests that are wrong in another way as well: those too must not tell a foreign id from an absent one. */
  mistakes?: { query?: (w: World) => string; body?: (w: World) => unknown }[];
};

let names = 0;
const notFound = [404, "not_found"] as [number, string];
const mistakenPages = ["limit=0", "limit=x", "before=nonsense", "after=7", "before=", "after=2026-01-01T00:00:00Z"].map(
  (query) => ({ query: () => `?${query}` }),
);

/** What answers anybody alike. */
const open = (paths: string, right = 200) =>
  Object.fromEntries(paths.split(/\s+/).map((path): [string, Row] => [`GET ${path}`, { may: "anybody", right }]));

export const ROUTES: Record<string, Row> = {
  ...open(`/ /reset /page.js /page.css /sw.js /manifest.webmanifest /icon.svg /icon-unread.svg /icon-192.png /icon-512.png /icon-maskable.png /apple-touch-icon.png
    /healthz /readyz /api/openapi.json /api/asyncapi.json /admin /admin/page.js /admin/page.css /api/docs /api/docs/page.js /api/docs/page.css`),
  // The operators' token is nobody's here (test/ops/metrics.test.ts has it).
  "GET /metrics": { may: "anybody", right: 401 },
  // What speaks WebSocket says so to everyone; who may in there is FRAMES' matter.
  ...open("/ws/chat /ws/chat/global /ws/chat/private", 400),

  "POST /api/auth/signup": {
    may: "anybody",
    right: 201,
    body: () => ({ username: `newcomer${++names}`, password: PASSWORD, password_confirm: PASSWORD }),
  },
  "POST /api/auth/login": {
    may: "anybody",
    right: 200,
    body: (w) => ({ username: w.people.carol.name, password: PASSWORD }),
  },
  "POST /api/auth/token/refresh": { may: "anybody", right: 200, body: (w) => ({ refresh: w.people.carol.refresh }) },
  // Again and again is fine, so a session that ended before may say so too. Only one's own: see refresh.test.ts.
  "POST /api/auth/logout": { may: "tokens", right: 200, body: (w, asks) => ({ refresh: w.spare.get(asks.id) }) },
  "GET /api/auth/users": { may: "users", right: 200 },
  "GET /api/auth/me": { may: "users", right: 200 },
  "GET /api/auth/me/export": { may: "users", right: 200 },
  // Who may is asked for the password, and has it wrong: all are needed here (test/auth/ has what comes of the right one).
  "DELETE /api/auth/me": { may: "users", right: 400, body: () => ({ password: "not theirs" }) },
  "POST /api/auth/password": {
    may: "users",
    right: 400,
    body: () => ({ password: "not theirs", new_password: `${PASSWORD}, too` }),
  },
  // Who has no link has a bad one.
  "POST /api/auth/reset": { may: "anybody", right: 400, body: () => ({ token: "no link's", password: PASSWORD }) },
  "GET /api/auth/sessions": { may: "users", right: 200 },
  "DELETE /api/auth/sessions/:id": { may: "users", takes: "session", right: 204, wrong: notFound },

  "GET /api/admin/users": { may: "admins", right: 200 },
  // With a wrong password, which is needed for every act: what comes of the right one is in test/admin/.
  "POST /api/admin/users/:id": {
    may: "admins",
    takes: "account",
    right: 400,
    body: () => ({ act: "disable", password: "not theirs" }),
  },
  "GET /api/admin/rooms": { may: "admins", right: 200 },
  "GET /api/admin/rooms/:stream/messages": { may: "admins", takes: "room", right: 200, wrong: notFound },
  // Of a message that is not there.
  "DELETE /api/admin/rooms/:stream/messages/:id": {
    may: "admins",
    takes: "room",
    right: 404,
    wrong: notFound,
    body: () => ({ password: PASSWORD }),
  },
  "GET /api/admin/live": { may: "admins", right: 200 },
  "GET /api/admin/log": { may: "admins", right: 200 },

  "GET /api/chat/conversations": { may: "users", right: 200 },
  "POST /api/chat/conversations/create": {
    may: "users",
    takes: "person",
    right: 200,
    wrong: [400, "invalid_field"],
    body: (_, __, user_id) => ({ user_id }),
  },
  "GET /api/chat/conversations/user/:user_id": { may: "users", takes: "person", right: 200, wrong: notFound },
  "GET /api/chat/conversations/:id": { may: "participants", takes: "conversation", right: 200, wrong: notFound },
  "GET /api/chat/conversations/:id/messages": {
    may: "participants",
    takes: "conversation",
    right: 200,
    wrong: notFound,
    mistakes: [...mistakenPages, { query: (w) => `?before=${w.message}` }, { query: (w) => `?after=${w.message}` }],
  },
  "POST /api/chat/conversations/:id/messages": {
    may: "participants",
    takes: "conversation",
    right: 201,
    wrong: notFound,
    body: () => ({ content: "hello" }),
    mistakes: [
      { content: "" },
      { content: 7 },
      { content: "<b>" },
      { content: "x".repeat(2_001) },
      {},
      [],
      "{",
      null,
    ].map((body) => ({ body: () => body })),
  },
  "POST /api/chat/conversations/:id/read": {
    may: "participants",
    takes: "conversation",
    right: 200,
    wrong: notFound,
    body: (w) => ({ up_to: w.message }),
    mistakes: [{ message_ids: [] }, { message_ids: ["x"] }, { up_to: crypto.randomUUID() }, {}, "{", null].map(
      (body) => ({ body: () => body }),
    ),
  },
  "DELETE /api/chat/conversations/:id/messages/:message_id": {
    may: "participants",
    takes: "message",
    right: 204,
    wrong: notFound,
  },
  "DELETE /api/chat/global/messages/:message_id": {
    may: "users",
    takes: "publicMessage",
    right: 204,
    wrong: notFound,
  },
  "GET /api/chat/global/messages": { may: "users", right: 200 },
  "POST /api/chat/global/messages": { may: "users", right: 201, body: () => ({ content: "hello, all" }) },
};

export type FrameRow = {
  /** `strangers`: before the socket knows who speaks. */
  may: "strangers" | "users" | "participants";
  takes?: keyof typeof IDS;
  frame: (w: World, asks: Person, id: string) => object;
  /** The type of the frame that answers who may; null where that is silence. */
  right: string | null;
};

const toConversation = { may: "participants", takes: "conversation" } as const;

export const FRAMES: Record<Endpoint, Record<string, FrameRow>> = {
  global: {
    send_global_message: { may: "users", frame: () => ({ content: "hello, all" }), right: "global_message" },
  },
  private: {
    send_private_message: {
      ...toConversation,
      frame: (_, __, conversation_id) => ({ conversation_id, content: "hello" }),
      right: "private_message_sent",
    },
    typing_start: { ...toConversation, frame: (_, __, conversation_id) => ({ conversation_id }), right: null },
    typing_stop: { ...toConversation, frame: (_, __, conversation_id) => ({ conversation_id }), right: null },
  },
  chat: {
    auth: { may: "strangers", frame: (_, asks) => ({ token: asks.access }), right: "hello" },
    resume: { may: "users", frame: () => ({ epoch: null, since: null }), right: "resumed" },
    ping: { may: "users", frame: () => ({ t: 1 }), right: "pong" },
    send_message: {
      ...toConversation,
      frame: (_, __, stream) => ({ stream, content: "hello", client_id: crypto.randomUUID() }),
      right: "ack",
    },
    read: { ...toConversation, frame: (_, __, stream) => ({ stream, seq: 1 }), right: "read" },
    typing_start: { ...toConversation, frame: (_, __, stream) => ({ stream }), right: null },
    typing_stop: { ...toConversation, frame: (_, __, stream) => ({ stream }), right: null },
  },
};
