/** What the server may say, key by key: every answer and every frame that any test gets is held against this. An unknown key fails. */
import { z } from "zod";
import { CODES } from "../../src/protocol/codes.ts";
import type { ChatFrame, Endpoint, ErrorFrame, ServerFrame } from "../../src/protocol/frames.ts";
import type { Conversation, Export, GlobalMessage, PrivateMessage, Session, User } from "../../src/protocol/models.ts";

const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const count = z.int().min(0);
/** Nothing that a browser would run. */
const content = z
  .string()
  .refine((text) => !/<[A-Za-z/!?]/.test(text), "content has markup")
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "content is no plain text");
const text = z.string().min(1).optional();
const stream = z.union([z.literal("global"), uuid]);
const messageId = z.union([count, uuid]);

// REST.
const user = z.strictObject({
  id: uuid,
  username: z.string(),
  is_online: z.boolean(),
  created_at: time,
  last_seen: time.nullable(),
}) satisfies z.ZodType<User>;
const place = { seq: count, version: count };
const privateMessage = z.strictObject({
  ...place,
  stream: uuid,
  id: uuid,
  conversation: uuid,
  conversation_id: uuid,
  sender: user,
  content,
  text,
  timestamp: time,
  is_read: z.boolean(),
}) satisfies z.ZodType<PrivateMessage>;
const globalMessage = z.strictObject({
  ...place,
  stream: z.literal("global"),
  id: count,
  sender: user,
  content,
  text,
  timestamp: time,
}) satisfies z.ZodType<GlobalMessage>;
const conversation = z.strictObject({
  id: uuid,
  participants: z.array(user).length(2),
  created_at: time,
  updated_at: time,
  last_message: z.strictObject({ id: uuid, seq: count, content, timestamp: time, sender_id: uuid }).nullable(),
  unread_count: count,
  head_seq: count,
  read_seq: count,
}) satisfies z.ZodType<Conversation>;
const page = (of: z.ZodType) =>
  z.strictObject({ count, next: z.url().nullable(), previous: z.url().nullable(), results: z.array(of) });
/** With `X-Session: cookie` the refresh token is not in the body. */
const withTokens = (rest: z.ZodRawShape) => {
  const inCookie = z.strictObject({ ...rest, access: z.jwt() });
  return z.union([inCookie.extend({ refresh: z.jwt() }), inCookie]);
};
const session = z.strictObject({
  id: uuid,
  created_at: time,
  last_used_at: time,
  user_agent: z.string().max(256),
  current: z.boolean(),
}) satisfies z.ZodType<Session>;
const exported = z.strictObject({
  account: z.strictObject({
    id: uuid,
    username: z.string(),
    email: z.string().nullable(),
    created_at: time,
    last_seen: time.nullable(),
  }),
  sessions: z.array(session),
  conversations: z.array(
    z.strictObject({
      id: uuid,
      created_at: time,
      partner: z.strictObject({ id: uuid, username: z.string() }),
      read_seq: count,
    }),
  ),
  // As typed, markup too: it is for no page.
  messages: z.array(z.strictObject({ stream, id: messageId, seq: count, content: z.string().min(1), timestamp: time })),
}) satisfies z.ZodType<Export>;
const nothing = z.literal("");
const done = z.strictObject({ detail: z.string() });
const detail = z.strictObject({ conversation, messages: z.array(privateMessage) });
const sent = (message: typeof privateMessage | typeof globalMessage) => ({
  200: message.extend({ duplicate: z.literal(true) }),
  201: message,
});
const health = z.strictObject({
  status: z.enum(["ready", "degraded", "draining", "unavailable"]),
  database: z.enum(["up", "away"]),
  redis: z.enum(["none", "up", "away"]),
});

/** Every route as the server names it, with the body of each status that is no error. A new route needs its line here. */
export const ANSWERS: Record<string, Record<number, z.ZodType>> = {
  "GET /": { 200: z.string().startsWith("<!doctype html>") },
  "GET /page.js": { 200: z.string() },
  "GET /page.css": { 200: z.string() },
  "GET /icon.svg": { 200: z.string().startsWith("<svg") },
  "GET /healthz": { 200: z.strictObject({ status: z.literal("ok") }) },
  "GET /readyz": { 200: health, 503: health },
  "POST /api/auth/signup": { 201: withTokens({ user }) },
  "POST /api/auth/login": { 200: withTokens({ user }) },
  "POST /api/auth/token/refresh": { 200: withTokens({}) },
  "POST /api/auth/logout": { 200: done },
  "GET /api/auth/me": { 200: user },
  "DELETE /api/auth/me": { 204: nothing },
  "GET /api/auth/me/export": { 200: exported },
  "POST /api/auth/password": { 200: done },
  "GET /api/auth/sessions": { 200: z.array(session) },
  "DELETE /api/auth/sessions/:id": { 204: nothing },
  "GET /api/auth/users": { 200: page(user) },
  "GET /api/chat/conversations": { 200: page(conversation) },
  "POST /api/chat/conversations/create": { 200: detail },
  "GET /api/chat/conversations/user/:user_id": { 200: detail },
  "GET /api/chat/conversations/:id": { 200: detail },
  "GET /api/chat/conversations/:id/messages": { 200: z.array(privateMessage) },
  "POST /api/chat/conversations/:id/messages": sent(privateMessage),
  "POST /api/chat/conversations/:id/read": { 200: done },
  "DELETE /api/chat/conversations/:id/messages/:message_id": { 204: nothing },
  "DELETE /api/chat/global/messages/:message_id": { 204: nothing },
  "GET /api/chat/global/messages": { 200: z.array(globalMessage) },
  "POST /api/chat/global/messages": sent(globalMessage),
  "GET /ws/chat/global": {},
  "GET /ws/chat/private": {},
  "GET /ws/chat": {},
};

/** An error of HTTP: whole, whatever went wrong. */
export const problem = z
  .strictObject({
    type: z.literal("about:blank"),
    title: z.string().min(1),
    status: z.int().min(400).max(599),
    detail: z.string().min(1),
    code: z.enum(Object.keys(CODES) as [keyof typeof CODES]),
    errors: z
      .array(
        z.strictObject({
          field: z.string(),
          code: z.enum(["required", "invalid", "taken", "weak", "mismatch"]),
          message: z.string().min(1),
        }),
      )
      .min(1)
      .optional(),
    request_id: uuid.optional(),
    error: z.strictObject({
      status_code: z.int(),
      message: z.string(),
      details: z.record(z.string(), z.array(z.string())),
    }),
  })
  .refine(
    ({ status, code, title }) => CODES[code].status === status && CODES[code].title === title,
    "the code is of another status",
  )
  .refine(({ status, detail, error }) => error.status_code === status && error.message === detail, "error differs")
  .refine(({ status, request_id }) => status >= 500 === (request_id !== undefined), "a 5xx has a request id");

// Sockets.
const sender = z.strictObject({ id: uuid, username: z.string() });
const status = z.enum(["online", "offline"]);
const change = z.strictObject({ user_id: uuid, username: z.string(), status });
const client_id = z.string().min(1).max(64).optional();
const older = { sender, content, timestamp: time };
const typing = {
  type: z.literal("typing_indicator"),
  user_id: uuid,
  username: z.string(),
  status: z.enum(["typing", "stopped"]),
};
const privateFrame = z.strictObject({ ...older, id: uuid, conversation_id: uuid });

const error = z.strictObject({
  type: z.literal("error"),
  code: z.enum(Object.keys(CODES) as [keyof typeof CODES]),
  detail: z.string().min(1),
  // What came with the refused frame, cut; it may be empty, as it was.
  client_id: z.string().max(64).optional(),
  retry_after_ms: z.number().min(0).optional(),
}) satisfies z.ZodType<ErrorFrame>;

const snapshotStream = z.strictObject({
  stream,
  kind: z.enum(["global", "direct"]),
  participants: z.array(z.strictObject({ id: uuid, username: z.string(), last_seen: time.nullable() })),
  head_seq: count,
  read_seq: count,
  others_read_seq: count.nullable(),
  unread_count: count,
  last_message: z.strictObject({ id: messageId, seq: count, content, timestamp: time, sender_id: uuid }).nullable(),
  updated_at: time,
});
const cursor = z.string().regex(/^\d+:\d+:[\d,]*$/);

/** What each socket may be sent, by type. */
export const FRAMES: Record<Endpoint, Record<string, z.ZodType<ServerFrame>>> = {
  global: {
    error,
    global_message: z.strictObject({
      type: z.literal("global_message"),
      message: z.strictObject({ ...older, id: count, client_id }),
    }),
    user_presence: change.extend({ type: z.literal("user_presence") }),
  },
  private: {
    error,
    private_message: z.strictObject({ type: z.literal("private_message"), message: privateFrame }),
    private_message_sent: z.strictObject({
      type: z.literal("private_message_sent"),
      message: privateFrame.extend({ client_id }),
    }),
    typing_indicator: z.strictObject({ ...typing, conversation_id: uuid }),
  },
  chat: {
    error,
    hello: z.strictObject({
      type: z.literal("hello"),
      protocol: z.literal("liquidchat.v2"),
      epoch: z.string(),
      session_id: uuid,
      server_time: time,
      heartbeat_s: z.number().positive(),
      limits: z.strictObject({
        message_max_length: count,
        rate_per_s: z.number().min(0),
        burst: count,
        frame_max_bytes: count,
      }),
      user: sender,
    }),
    snapshot: z.strictObject({
      type: z.literal("snapshot"),
      streams: z.array(snapshotStream),
      more: z.boolean(),
      presence: z.array(change),
    }),
    message: z.strictObject({
      type: z.literal("message"),
      stream,
      seq: count,
      prev: count,
      message: z.strictObject({ ...older, ...place, id: messageId, text, client_id }),
    }),
    message_removed: z.strictObject({
      type: z.literal("message_removed"),
      stream,
      seq: count,
      prev: count,
      message_id: messageId,
    }),
    read: z.strictObject({
      type: z.literal("read"),
      stream,
      user_id: uuid,
      seq: count,
      unread_count: count.optional(),
      head_seq: count.optional(),
    }),
    ack: z.strictObject({
      type: z.literal("ack"),
      client_id: z.string().min(1).max(64),
      stream,
      seq: count,
      message_id: messageId,
      timestamp: time,
      duplicate: z.boolean(),
    }),
    resumed: z.strictObject({
      type: z.literal("resumed"),
      since: cursor,
      streams: z.record(stream, z.strictObject({ complete: z.boolean(), head_seq: count })),
      more: z.literal(true).optional(),
    }),
    presence_batch: z.strictObject({ type: z.literal("presence_batch"), changes: z.array(change) }),
    typing_indicator: z.strictObject({ ...typing, stream: uuid }),
    pong: z.strictObject({
      type: z.literal("pong"),
      t: z.union([z.number(), z.string()]).optional(),
      since: cursor.nullable(),
      heads: z.record(stream, count),
    }),
    reconnect: z.strictObject({ type: z.literal("reconnect"), after_ms: count }),
  } satisfies Record<ChatFrame["type"] | "error", z.ZodType<ServerFrame>>,
};
