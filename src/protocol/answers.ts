/** What the server answers, key by key: the source of the documents, and what every answer in any test is held against. An unknown key is a mistake. */
import { z } from "zod";
import { CODES, FIELD_CODES } from "./codes.ts";
import type { Conversation, Export, GlobalMessage, Me, PrivateMessage, Session, User } from "./models.ts";

export const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .meta({ description: "ISO 8601, UTC, three decimals.", examples: ["2026-11-23T08:45:17.123Z"] });
export const count = z.int().min(0);
/** Nothing that a browser would run. */
export const content = z
  .string()
  .refine((text) => !/<[A-Za-z/!?]/.test(text), "content has markup")
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "content is no plain text")
  .meta({ description: "What was typed, without markup." });
export const typed = z
  .string()
  .min(1)
  .optional()
  .meta({ description: "What was typed, where that differs from `content`. To be shown as text only." });
const token = z.jwt().meta({ description: "A JWT, HS256." });

export const user = z
  .strictObject({
    id: uuid,
    username: z.string(),
    is_online: z.boolean(),
    created_at: time,
    last_seen: time.nullable().meta({ description: "When the user last went offline; null before that." }),
  })
  .meta({ id: "User" }) satisfies z.ZodType<User>;

export const me = user.extend({ role: z.enum(["user", "admin"]) }).meta({ id: "Me" }) satisfies z.ZodType<Me>;

export const place = {
  seq: count.meta({ description: "The number among its room's events." }),
  version: count.meta({ description: "The `seq` of its last change. Never let a lower one overwrite a higher one." }),
};
const privateMessage = z.strictObject({
  ...place,
  stream: uuid,
  id: uuid,
  conversation: uuid,
  conversation_id: uuid,
  sender: user,
  content,
  text: typed,
  timestamp: time,
  is_read: z.boolean().meta({ description: "Whether the one who did not send it has read up to it." }),
}) satisfies z.ZodType<PrivateMessage>;
const globalMessage = z.strictObject({
  ...place,
  stream: z.literal("global"),
  id: count,
  sender: user,
  content,
  text: typed,
  timestamp: time,
}) satisfies z.ZodType<GlobalMessage>;
/** With the answer to a repeat of the same `Idempotency-Key`. */
const repeated = { duplicate: z.literal(true) };
export const message = {
  private: privateMessage.meta({ id: "PrivateMessage" }),
  global: globalMessage.meta({ id: "GlobalMessage" }),
  repeatedPrivate: privateMessage.extend(repeated),
  repeatedGlobal: globalMessage.extend(repeated),
};

export const conversation = z
  .strictObject({
    id: uuid,
    participants: z.array(user).length(2),
    created_at: time,
    updated_at: time.meta({ description: "The last message's time, of a removed one too, else the creation." }),
    last_message: z
      .strictObject({
        id: uuid,
        seq: count,
        content: z.string().meta({ description: "Its first 100 characters." }),
        timestamp: time,
        sender_id: uuid,
      })
      .nullable(),
    unread_count: count,
    head_seq: count.meta({ description: "The number of the last event, at which `unread_count` was counted." }),
    read_seq: count.meta({ description: "How far the one who asks has read." }),
  })
  .meta({ id: "Conversation" }) satisfies z.ZodType<Conversation>;
export const detail = z
  .strictObject({ conversation, messages: z.array(message.private) })
  .meta({ id: "ConversationDetail" });

const link = z.url().nullable();
export const page = (of: z.ZodType) => z.strictObject({ count, next: link, previous: link, results: z.array(of) });

/** With `X-Session: cookie` the refresh token is not in the body. */
export const withTokens = (rest: z.ZodRawShape) => {
  const inCookie = z.strictObject({ ...rest, access: token });
  return z.union([inCookie.extend({ refresh: token }), inCookie]);
};

export const session = z
  .strictObject({
    id: uuid,
    created_at: time,
    last_used_at: time.meta({ description: "When it last got new tokens." }),
    user_agent: z.string().max(256),
    current: z.boolean().meta({ description: "It is the one that asks." }),
  })
  .meta({ id: "Session" }) satisfies z.ZodType<Session>;

export const exported = z
  .strictObject({
    account: z.strictObject({
      id: uuid,
      username: z.string(),
      role: me.shape.role,
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
    messages: z.array(
      z.strictObject({
        stream: z.union([z.literal("global"), uuid]),
        id: z.union([count, uuid]),
        seq: count,
        content: z.string().min(1).meta({ description: "As it was typed." }),
        timestamp: time,
      }),
    ),
  })
  .meta({ id: "Export" }) satisfies z.ZodType<Export>;

export const done = z.strictObject({ detail: z.string() });
export const alive = z.strictObject({ status: z.literal("ok") });
export const health = z
  .strictObject({
    status: z.enum(["ready", "degraded", "draining", "unavailable"]),
    database: z.enum(["up", "away"]),
    redis: z.enum(["none", "up", "away"]),
  })
  .meta({ id: "Health" });

const codes = Object.keys(CODES) as [keyof typeof CODES];
export const code = z.enum(codes);

/** An error of HTTP: whole, whatever went wrong. */
export const problem = z
  .strictObject({
    type: z.literal("about:blank"),
    title: z.string().min(1),
    status: z.int().min(400).max(599),
    detail: z.string().min(1).meta({ description: "One sentence for a person." }),
    code: code.meta({ description: "For programs." }),
    errors: z
      .array(z.strictObject({ field: z.string(), code: z.enum(FIELD_CODES), message: z.string().min(1) }))
      .min(1)
      .optional()
      .meta({ description: "What is wrong with which field." }),
    request_id: z.string().optional().meta({ description: "With a 5xx: tell it to whoever runs the server." }),
    error: z
      .strictObject({
        status_code: z.int(),
        message: z.string(),
        details: z.record(z.string(), z.array(z.string())),
      })
      .meta({ description: "The same, as clients of the first version read it." }),
  })
  .refine(
    ({ status, code, title }) => CODES[code].status === status && CODES[code].title === title,
    "the code is of another status",
  )
  .refine(({ status, detail, error }) => error.status_code === status && error.message === detail, "error differs")
  .refine(({ status, request_id }) => status >= 500 === (request_id !== undefined), "a 5xx has a request id")
  .meta({ id: "Problem" });
