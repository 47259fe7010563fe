import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

/** The public room: one row, made by the first migration. */
export const GLOBAL_ROOM = "00000000-0000-4000-8000-000000000001";

const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });

/** The transaction that made or ended the row. Once a second every process asks what is at or above its horizon. */
const changed = () =>
  xid8("changed")
    .notNull()
    .default(sql`pg_current_xact_id()`);

export const users = pgTable(
  "users",
  {
    id: uuid("id").primaryKey(),
    username: text("username").notNull(),
    folded: text("folded").notNull(),
    skeleton: text("skeleton").notNull(),
    ascii: boolean("ascii").notNull(),
    password: text("password").notNull(),
    email: text("email"),
    createdAt: time("created_at").notNull().defaultNow(),
    lastSeen: time("last_seen"),
    disabledAt: time("disabled_at"),
    /** An admin's counts only while the account is active. */
    role: text("role").$type<"user" | "admin">().notNull().default("user"),
  },
  (t) => [uniqueIndex("users_folded").on(sql`${t.folded} COLLATE "C"`), index("users_skeleton").on(t.skeleton)],
);

/**
 * Names of deleted accounts, which nobody may take: whoever knew their owner would take the newcomer for them. As hashes (SHA-256), since
 * whoever deletes an account wants the name gone too.
 */
export const retiredNames = pgTable(
  "retired_names",
  {
    folded: bytea("folded").primaryKey(),
    skeleton: bytea("skeleton").notNull(),
    ascii: boolean("ascii").notNull(),
  },
  (t) => [index("retired_names_skeleton").on(t.skeleton)],
);

/** One-time links that were made for setting a new password, as SHA-256 of their tokens: who reads the table can use none. */
export const passwordResets = pgTable(
  "password_resets",
  {
    tokenHash: bytea("token_hash").primaryKey(),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    expiresAt: time("expires_at").notNull(),
  },
  (t) => [index("password_resets_user").on(t.userId)],
);

/**
 * What was done with the power of an operator or an admin, written in the transaction that did it. Nobody changes or removes a row; of people
 * it has ids only.
 */
export const auditLog = pgTable(
  "audit_log",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    at: time("at").notNull().defaultNow(),
    /** The user who did it; null: a command, by whoever may run it on the server. */
    actorId: uuid("actor_id"),
    action: text("action").notNull(),
    /** The id of whom or what it was done to. */
    subject: uuid("subject"),
    details: jsonb("details").$type<Record<string, unknown>>().notNull().default({}),
  },
  (t) => [index("audit_log_subject").on(t.subject)],
);

/** What others may see of a user. */
export const userColumns = {
  id: users.id,
  username: users.username,
  createdAt: users.createdAt,
  lastSeen: users.lastSeen,
};
export type UserRow = Pick<typeof users.$inferSelect, keyof typeof userColumns>;

/** A session is one log-in: a family of refresh tokens, of which only the newest counts. */
export const sessions = pgTable(
  "sessions",
  {
    id: uuid("id").primaryKey(),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    userAgent: text("user_agent").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
    /** When the newest refresh token was issued. */
    issuedAt: time("issued_at").notNull(),
    expiresAt: time("expires_at").notNull(),
    /** The newest refresh token's id; the token itself lies nowhere: it is signed again from its claims. */
    jti: uuid("jti").notNull(),
    /** Used tokens whose grace may still run. */
    spent: jsonb("spent").$type<{ jti: string; at: number }[]>().notNull().default([]),
    endedAt: time("ended_at"),
    changed: changed(),
  },
  (t) => [
    index("sessions_user").on(t.userId),
    index("sessions_changed").on(t.changed),
    index("sessions_expires").on(t.expiresAt),
  ],
);

export const rooms = pgTable("rooms", {
  id: uuid("id").primaryKey(),
  kind: text("kind").$type<"global" | "direct">().notNull(),
  /** Both ids of a direct room, the lower first: one room per pair. */
  pair: text("pair").unique(),
  createdAt: time("created_at")
    .notNull()
    .default(sql`date_trunc('milliseconds', now())`),
  /** Messages older than this are deleted for good; 0: never; null: as the configuration says. */
  retentionDays: integer("retention_days"),
  /** The first seq that retention has left: below it there may be holes. */
  minSeq: bigint("min_seq", { mode: "number" }).notNull().default(1),
});

/** The end of each room, apart from `rooms` so that the row that every send updates stays narrow and HOT. */
export const heads = pgTable("heads", {
  roomId: uuid("room_id").primaryKey(),
  seq: bigint("seq", { mode: "number" }).notNull(),
  /** Time of the last message, else of the room's creation. */
  lastAt: time("last_at").notNull(),
  /** There is anything of this room in `removals`: sends look there only then. */
  removals: boolean("removals").notNull().default(false),
  /** Of the last event: who comes back skips the rooms where nothing changed. No index, or the updates would not be HOT. */
  changed: changed(),
});

/** Who takes part in a room, and how far they have read. Everyone takes part in the public room. */
export const members = pgTable(
  "members",
  {
    roomId: uuid("room_id")
      .notNull()
      .references(() => rooms.id, { onDelete: "cascade" }),
    userId: uuid("user_id")
      .notNull()
      .references(() => users.id),
    /** The watermark: everything up to this seq was read. It only rises. */
    readSeq: bigint("read_seq", { mode: "number" }).notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.roomId, t.userId] }), index("members_user").on(t.userId)],
);

/**
 * What can be read. A removed message goes from here into `removals`. No foreign keys here, it is the hot path: `store_messages` checks the
 * room and the membership, and users are disabled, never deleted: of an account that is, a tombstone stays (`delete_account`).
 */
export const messages = pgTable(
  "messages",
  {
    roomId: uuid("room_id").notNull(),
    seq: bigint("seq", { mode: "number" }).notNull(),
    id: uuid("id").notNull(),
    senderId: uuid("sender_id").notNull(),
    content: text("content").notNull(),
    sentAt: time("sent_at").notNull(),
    clientId: text("client_id"),
    /** SHA-256 of what was first sent under `client_id`; tells a retry from another message under the same id. */
    contentHash: bytea("content_hash"),
    changed: changed(),
  },
  (t) => [
    primaryKey({ columns: [t.roomId, t.seq] }),
    uniqueIndex("messages_id").on(t.id),
    uniqueIndex("messages_client_id")
      .on(t.roomId, t.senderId, t.clientId)
      .where(sql`client_id IS NOT NULL`),
    index("messages_changed").on(t.changed),
  ],
);

/**
 * Tombstones: what is left of a removed message, without its content, and the event by which everyone learns that it is gone. `seq` is
 * the event's, in the same count as the messages' own: an event of a room is a row here or in `messages`.
 */
export const removals = pgTable(
  "removals",
  {
    roomId: uuid("room_id").notNull(),
    seq: bigint("seq", { mode: "number" }).notNull(),
    messageSeq: bigint("message_seq", { mode: "number" }).notNull(),
    messageId: uuid("message_id").notNull(),
    senderId: uuid("sender_id").notNull(),
    sentAt: time("sent_at").notNull(),
    /** So that sending it again is still a repeat. */
    clientId: text("client_id"),
    contentHash: bytea("content_hash"),
    removedAt: time("removed_at").notNull(),
    /** Null: the operator. */
    removedBy: uuid("removed_by"),
    changed: changed(),
  },
  (t) => [
    primaryKey({ columns: [t.roomId, t.seq] }),
    uniqueIndex("removals_message").on(t.roomId, t.messageSeq),
    uniqueIndex("removals_id").on(t.messageId),
    uniqueIndex("removals_client_id")
      .on(t.roomId, t.senderId, t.clientId)
      .where(sql`client_id IS NOT NULL`),
    index("removals_changed").on(t.changed),
  ],
);

/** Whose messages are still to be removed, and how far that has come: up to `after_seq` of a room, in the order of the rooms' ids. */
export const erasures = pgTable("erasures", {
  userId: uuid("user_id").primaryKey(),
  askedAt: time("asked_at").notNull().defaultNow(),
  roomId: uuid("room_id")
    .notNull()
    .default(sql`'00000000-0000-0000-0000-000000000000'`),
  afterSeq: bigint("after_seq", { mode: "number" }).notNull().default(0),
});

/** One row: who this deployment is; `epoch` is new after a restore. */
export const deployment = pgTable("deployment", {
  id: uuid("id")
    .primaryKey()
    .default(sql`gen_random_uuid()`),
  epoch: uuid("epoch")
    .notNull()
    .default(sql`gen_random_uuid()`),
  /** Of an embedded database: how its mark on the disk looked; a copy looks otherwise. */
  mark: text("mark"),
});
