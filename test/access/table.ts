/**
 * Who may do what. Each route and each frame has one row here; the tests beside this file make the cells: who asks, for which id, with
 * which token. A route or a frame without its row fails them.
 *
 * A new route: one line in `ROUTES`, one in the other `ROUTES` (src/protocol/routes.ts). A new frame: one line in `FRAMES`. What takes an id of a
 * new kind (a session, say): one entry in `IDS`.
 */
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Endpoint } from "../../src/protocol/frames.ts";
import { PASSWORD, Person } from "../support/client.ts";

/** Alice and Bob talk. Mallory, with Carol, is another user. Dan talked with Alice, then was disabled. */
export type World = {
  people: Record<"alice" | "bob" | "mallory" | "carol" | "dan", Person>;
  /** Alice again, in a session that was ended. */
  ended: Person;
  /** Everyone's refresh token of another session, by user: to be logged out. */
  spare: Map<string, string>;
  /** Everyone's other sessions, by user: each can be ended once. */
  sessions: Map<string, string[]>;
  /** Their conversations. */
  theirs: string;
  malloryAndCarols: string;
  dansAndAlices: string;
  /** A message between Alice and Bob. */
  message: string;
  /** What each has said, by user, in their conversation and to all: each can be removed. */
  said: Map<string, { private: string[]; global: string[] }>;
  sessionId: string;
};

/** Who asks. `living`: the access token is of a living session. */
export const IDENTITIES = {
  nobody: { person: () => null, living: false },
  "a participant": { person: (w: World) => w.people.alice, living: true },
  "the other participant": { person: (w: World) => w.people.bob, living: true },
  "another user": { person: (w: World) => w.people.mallory, living: true },
  "a disabled participant": { person: (w: World) => w.people.dan, living: false },
  "a participant's ended session": { person: (w: World) => w.ended, living: false },
};

type Id = {
  id: (w: World, asks: Person) => string;
  fits: (w: World, asks: Person) => boolean;
  /** In a body, what is no id at all may be told so. In a path it is one more that does not exist. */
  malformed?: true;
};
export type Ids = Record<string, Id>;

const never = () => false;
const inTheirs = ({ people }: World, asks: Person) => asks.id === people.alice.id || asks.id === people.bob.id;
const inMallorys = ({ people }: World, asks: Person) => asks.id === people.mallory.id;
const sessionOf = ({ access }: Person): string =>
  JSON.parse(Buffer.from(access.split(".")[1]!, "base64url").toString()).sid;
const friendOf = ({ people }: World, asks: Person) =>
  asks.id === people.mallory.id ? people.carol : asks.id === people.alice.id ? people.bob : people.alice;

const talkOf = ({ people, ...w }: World, { id }: Person) =>
  id === people.dan.id
    ? w.dansAndAlices
    : id === people.alice.id || id === people.bob.id
      ? w.theirs
      : w.malloryAndCarols;
const othersTalk = (w: World, asks: Person) => (talkOf(w, asks) === w.theirs ? w.malloryAndCarols : w.theirs);
/** A path's two ids: `<conversation>/messages/<message>`. */
const saidIn = (conversation: string, message: string) => `${conversation}/messages/${message}`;
const privateOf = ({ said }: World, { id }: Person) => said.get(id)!.private.pop()!;

/** What stands in the place of an id, and for whom it is one that they may use. All others must answer alike. */
export const IDS = {
  conversation: {
    "Alice's and Bob's": { id: (w) => w.theirs, fits: inTheirs },
    "Alice's and Bob's, in capitals": { id: (w) => w.theirs.toUpperCase(), fits: inTheirs },
    "Mallory's and Carol's": { id: (w) => w.malloryAndCarols, fits: inMallorys },
    "Dan's and Alice's": { id: (w) => w.dansAndAlices, fits: (w, asks) => asks.id === w.people.alice.id },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "a uuid and a little more": { id: (w) => `${w.theirs}0`, fits: never, malformed: true },
    "the public room's": { id: () => GLOBAL_ROOM, fits: never },
    "a user's": { id: (w) => w.people.bob.id, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
    "a session's": { id: (w) => w.sessionId, fits: never },
  },
  person: {
    "a friend's": { id: (w, asks) => friendOf(w, asks).id, fits: () => true },
    "a friend's, in capitals": { id: (w, asks) => friendOf(w, asks).id.toUpperCase(), fits: () => true },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "the public room's": { id: () => GLOBAL_ROOM, fits: never },
    "a disabled user's": { id: (w) => w.people.dan.id, fits: never },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "a conversation's": { id: (w) => w.theirs, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
    "a session's": { id: (w) => w.sessionId, fits: never },
  },
  session: {
    "another of one's own": { id: ({ sessions }, asks) => sessions.get(asks.id)!.pop()!, fits: () => true },
    "another of one's own, in capitals": {
      id: ({ sessions }, asks) => sessions.get(asks.id)!.pop()!.toUpperCase(),
      fits: () => true,
    },
    "somebody else's": { id: (w, asks) => w.sessions.get(friendOf(w, asks).id)![0]!, fits: never },
    "one that is over": { id: (w) => sessionOf(w.ended), fits: never },
    "one that does not exist": { id: () => crypto.randomUUID(), fits: never },
    "no uuid": { id: () => "not-a-uuid", fits: never, malformed: true },
    "a user's": { id: (_, asks) => asks.id, fits: never },
    "a message's": { id: (w) => w.message, fits: never },
  },
  message: {
    "one's own": { id: (w, asks) => saidIn(talkOf(w, asks), privateOf(w, asks)), fits: () => true },
    "one's own, in capitals": {
      id: (w, asks) => saidIn(talkOf(w, asks).toUpperCase(), privateOf(w, asks).toUpperCase()),
      fits: () => true,
    },
    "somebody else's": { id: (w, asks) => saidIn(talkOf(w, asks), privateOf(w, friendOf(w, asks))), fits: never },
    "one's own, as if it were in a foreign conversation": {
      id: (w, asks) => saidIn(othersTalk(w, asks), privateOf(w, asks)),
      fits: never,
    },
    "one of a foreign conversation": {
      id: (w, asks) =>
        saidIn(othersTalk(w, asks), talkOf(w, asks) === w.theirs ? privateOf(w, w.people.carol) : w.message),
      fits: never,
    },
    "one in no conversation": { id: (w, asks) => saidIn(crypto.randomUUID(), privateOf(w, asks)), fits: never },
    "one that does not exist": { id: (w, asks) => saidIn(talkOf(w, asks), crypto.randomUUID()), fits: never },
    "no uuid": { id: (w, asks) => saidIn(talkOf(w, asks), "7"), fits: never, malformed: true },
    "a user's": { id: (w, asks) => saidIn(talkOf(w, asks), asks.id), fits: never },
  },
  publicMessage: {
    "one's own": { id: (w, asks) => w.said.get(asks.id)!.global.pop()!, fits: () => true },
    "somebody else's": { id: (w, asks) => w.said.get(friendOf(w, asks).id)!.global[0]!, fits: never },
    "one that does not exist": { id: () => "999999999", fits: never },
    zero: { id: () => "0", fits: never, malformed: true },
    "below zero": { id: () => "-1", fits: never, malformed: true },
    "more than a number can hold": { id: () => "99999999999999999999", fits: never, malformed: true },
    "one's own of a conversation": { id: (w) => w.message, fits: never, malformed: true },
  },
} satisfies Record<string, Ids>;

export type Row = {
  /**
   * `anybody`: no token is asked for. `tokens`: who has an access token, its session may be over. `users`: with a living session.
   * `participants`: and only who takes part in the conversation of the id.
   */
  may: "anybody" | "tokens" | "users" | "participants";
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

/** What is the same for everyone: pages, documents, health. */
const OPEN = "/ /reset /page.js /page.css /sw.js /manifest.webmanifest /icon.svg /icon-unread.svg /icon-192.png /icon-512.png /icon-maskable.png /apple-touch-icon.png /api/docs /api/docs/page.js /api/docs/page.css /healthz /api/openapi.json /api/asyncapi.json /readyz".split(" "); // prettier-ignore

export const ROUTES: Record<string, Row> = {
  ...Object.fromEntries(OPEN.map((path): [string, Row] => [`GET ${path}`, { may: "anybody", right: 200 }])),
  // The operators' token is nobody's here (test/ops/metrics.test.ts has it).
  "GET /metrics": { may: "anybody", right: 401 },
  // What speaks WebSocket says so to everyone; who may in there is FRAMES' matter.
  "GET /ws/chat/global": { may: "anybody", right: 400 },
  "GET /ws/chat/private": { may: "anybody", right: 400 },
  "GET /ws/chat": { may: "anybody", right: 400 },

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
