/** What admins are told, and what they may ask for (`/api/admin/`). */
import { z } from "zod";
import { count, page, time, uuid } from "./answers.ts";
import { text } from "./api.ts";
import { BODY, ok, pages, type Route } from "./route.ts";

const ACTS = ["disable", "enable", "end_sessions", "reset_password", "make_admin", "unmake_admin"] as const;
/** What an admin can do to an account. */
export type Act = (typeof ACTS)[number];

const part = text.refine((value) => [...value].length <= 64, "at most 64 characters").default("");
/** Where a page begins that goes backwards: below this number. */
const before = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional();

export const act = z.object({ act: z.enum(ACTS), password: text });
export const remove = z.object({ password: text });
export const users = z.object({ search: part, only: z.enum(["", "online", "admins", "disabled"]).default("") });
export const rooms = z.object({ search: part });
export const messages = z.object({ search: part, before });
export const log = z.object({ before });

const named = z.strictObject({ id: uuid, username: z.string() });
export type Named = z.infer<typeof named>;

const user = z
  .strictObject({
    id: uuid,
    username: z.string(),
    email: z.string().nullable(),
    role: z.enum(["user", "admin"]),
    created_at: time,
    last_seen: time.nullable(),
    is_online: z.boolean(),
    disabled_at: time.nullable(),
    is_deleted: z.boolean().meta({ description: "By its owner: it cannot come back." }),
    sessions: count.meta({ description: "Living ones." }),
  })
  .meta({ id: "AdminUser" });
export type AdminUser = z.infer<typeof user>;

const room = z
  .strictObject({
    stream: z.string().meta({ description: "`global`, or the conversation's id." }),
    participants: z.array(named).meta({ description: "None in the public room." }),
    head_seq: count,
    updated_at: time,
  })
  .meta({ id: "AdminRoom" });
export type AdminRoom = z.infer<typeof room>;

const message = z
  .strictObject({
    id: z.union([count, uuid]),
    seq: count,
    sender: named,
    text: z.string().meta({ description: "As it was typed. To be shown as text only." }),
    timestamp: time,
  })
  .meta({ id: "AdminMessage" });
export type AdminMessage = z.infer<typeof message>;

const nextPage = count.nullable().meta({ description: "The next page's `before`; null at the end." });
const messagesPage = z.strictObject({ results: z.array(message), before: nextPage });
export type AdminMessages = z.infer<typeof messagesPage>;

const entry = z
  .strictObject({
    id: count,
    at: time,
    by: named.nullable().meta({ description: "Null: the operator, by a command." }),
    action: z.string(),
    user: named.nullable().meta({ description: "Whom it was done to." }),
    details: z.record(z.string(), z.unknown()).meta({ description: "Ids of what else it was about." }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof entry>;

const figures = z
  .strictObject({
    process: uuid,
    uptime_s: z.number(),
    memory_bytes: count,
    cpu_s: z.number(),
    sockets: z.strictObject({ global: count, private: count, chat: count }),
    messages: count.meta({ description: "Stored by this process." }),
    frames: count.meta({ description: "That left it." }),
    commits: z
      .array(z.tuple([z.number().nullable(), count]))
      .meta({ description: "How many commits took up to so many ms, cumulative; the last bound is null." }),
  })
  .meta({ id: "Figures", description: "Counters run from the start of the process." });
export type Figures = z.infer<typeof figures>;

const live = z.strictObject({ now: time, users_online: count, processes: z.array(figures) });
export type Live = z.infer<typeof live>;

const admins = { tag: "Administration", may: "admins" } as const;
const refuses = ["forbidden"] as const;

export const ADMIN_ROUTES: Record<string, Route> = {
  "GET /api/admin/users": {
    ...admins,
    summary: "Everyone, the newest first",
    query: users.extend(pages.shape),
    answers: { 200: ok("A page of people.", page(user)) },
    refuses: [...refuses, "not_found", "invalid_field"],
  },
  "POST /api/admin/users/:id": {
    ...admins,
    summary: "Do something to an account",
    about: "`password` is one's own. The last admin can neither be disabled nor be made a user.",
    path: z.object({ id: uuid }),
    body: act,
    answers: {
      200: ok(
        "It is done.",
        z.strictObject({
          user,
          link: z.url().optional().meta({ description: "For `reset_password`: to be handed over." }),
        }),
      ),
    },
    refuses: [...refuses, ...BODY, "not_found"],
  },
  "GET /api/admin/rooms": {
    ...admins,
    summary: "The public room, then conversations, the latest first",
    query: rooms.extend(pages.shape),
    answers: { 200: ok("A page of rooms.", page(room)) },
    refuses: [...refuses, "not_found", "invalid_field"],
  },
  "GET /api/admin/rooms/:stream/messages": {
    ...admins,
    summary: "What was said in a room, the newest first",
    about:
      "Looking into a conversation of others is written into the log. A search looks at 20,000 messages at a time: a page may be empty and not the last.",
    path: z.object({ stream: z.string() }),
    query: messages,
    answers: { 200: ok("At most 50 messages.", messagesPage) },
    refuses: [...refuses, "not_found", "invalid_field"],
  },
  "DELETE /api/admin/rooms/:stream/messages/:id": {
    ...admins,
    summary: "Remove a message of anyone",
    about: "`password` is one's own.",
    path: z.object({ stream: z.string(), id: z.string() }),
    body: remove,
    answers: { 204: ok("It is gone, for everyone.") },
    refuses: [...refuses, ...BODY, "not_found"],
  },
  "GET /api/admin/live": {
    ...admins,
    summary: "What the processes are doing",
    answers: { 200: ok("Of all that answered.", live) },
    refuses,
  },
  "GET /api/admin/log": {
    ...admins,
    summary: "What admins and the operator's commands did",
    query: log,
    answers: {
      200: ok("At most 50 entries, the newest first.", z.strictObject({ results: z.array(entry), before: nextPage })),
    },
    refuses: [...refuses, "invalid_field"],
  },
};
