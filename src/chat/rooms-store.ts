import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { type Database, pgArray, readSnapshot } from "../db/client.ts";
import { members, rooms, userColumns, type UserRow, users } from "../db/schema.ts";
import type { StreamSnapshot } from "../protocol/frames.ts";
import type { ChatEvent } from "./rooms.ts";
import { eventOf, type EventRow } from "./store.ts";

export type RoomStore = ReturnType<typeof createRoomStore>;

export type ConversationRow = {
  id: string;
  created_at: Date;
  last_at: Date;
  last: { content: string; timestamp: string; sender_id: string } | null;
  unread: number;
  seq: number;
  read_seq: number;
};

/** What `catch_up` says about one person, at the snapshot `now`. */
export type CatchUpRow = {
  now: string;
  streams: (Omit<StreamSnapshot, "stream" | "last_message"> & {
    room: string;
    last_message: { id: string; seq: number; content: string; timestamp: string; sender_id: string } | null;
  })[];
  more: boolean;
  /** `events` is null where there are too many to tell. */
  news: { room: string; head: number; events: ChatEvent[] | null }[];
};

/** How far somebody has read now, whether that is news, and what is left above it, counted when the room's head was `headSeq`. */
export type ReadMark = { readSeq: number; headSeq: number; unread: number; rose: boolean };

/** Rooms, their members and read marks in the database. */
export function createRoomStore({ orm, query }: Database) {
  return {
    /** Empty for a room that does not exist, and for the global one. */
    async membersOf(room: string): Promise<string[]> {
      return (await orm.select({ id: members.userId }).from(members).where(eq(members.roomId, room))).map(
        (row) => row.id,
      );
    },

    /** How far each member has read. */
    async readMarks(room: string): Promise<Map<string, number>> {
      const rows = await orm
        .select({ id: members.userId, seq: members.readSeq })
        .from(members)
        .where(eq(members.roomId, room));
      return new Map(rows.map((row) => [row.id, row.seq]));
    },

    /** The room of two people, where there is one, the other is active, and the session lives: a body may take its time to come. */
    async direct(me: string, other: string, sessionId: string): Promise<string | null> {
      const [row] = await query<{ id: string }>(
        `SELECT r.id FROM rooms r, users o
         WHERE r.pair = least($1::uuid, $2::uuid) || ':' || greatest($1::uuid, $2::uuid) AND o.id = $2 AND o.disabled_at IS NULL
           AND EXISTS (SELECT FROM sessions s WHERE s.id = $3 AND s.user_id = $1 AND s.ended_at IS NULL)`,
        [me, other, sessionId],
      );
      return row?.id ?? null;
    },

    /** The room of two people, made if need be; null where the other is unknown or inactive, or the session is over. */
    async openDirect(me: string, other: string, sessionId: string): Promise<string | null> {
      const [row] = await query<{ id: string | null }>("SELECT open_direct($1, $2, $3, $4) AS id", [
        Bun.randomUUIDv7(),
        me,
        other,
        sessionId,
      ]);
      return row!.id;
    },

    async countConversations(userId: string): Promise<number> {
      const [row] = await orm
        .select({ n: sql<number>`count(*)::int` })
        .from(members)
        .innerJoin(rooms, eq(rooms.id, members.roomId))
        .where(and(eq(members.userId, userId), eq(rooms.kind, "direct")));
      return row!.n;
    },

    /** Latest activity first. The page is cut out before last messages and unread ones are looked at, so that they cost by the page. */
    conversations(
      userId: string,
      limit: number,
      offset: number,
      room: string | null = null,
    ): Promise<ConversationRow[]> {
      return query<ConversationRow>(
        `WITH page AS (
           SELECT r.id, r.created_at, h.last_at, h.seq, me.read_seq
           FROM members me JOIN rooms r ON r.id = me.room_id JOIN heads h ON h.room_id = r.id
           WHERE me.user_id = $1 AND r.kind = 'direct' AND ($4::uuid IS NULL OR r.id = $4)
           ORDER BY h.last_at DESC, r.id DESC LIMIT $2 OFFSET $3)
         SELECT page.id, page.created_at, page.last_at, page.seq, page.read_seq,
                (SELECT json_build_object('content', m.content, 'timestamp', m.sent_at, 'sender_id', m.sender_id)
                 FROM messages m WHERE m.room_id = page.id ORDER BY m.seq DESC LIMIT 1) AS last,
                (SELECT count(*)::int FROM messages m WHERE m.room_id = page.id AND m.seq > page.read_seq AND m.sender_id <> $1) AS unread
         FROM page ORDER BY page.last_at DESC, page.id DESC`,
        [userId, limit, offset, room],
      );
    },

    async participants(roomIds: string[]): Promise<Map<string, UserRow[]>> {
      const byRoom = new Map<string, UserRow[]>(roomIds.map((id) => [id, []]));
      if (!roomIds.length) return byRoom;
      const rows = await orm
        .select({ room: members.roomId, user: userColumns })
        .from(members)
        .innerJoin(users, eq(users.id, members.userId))
        .where(inArray(members.roomId, roomIds))
        .orderBy(asc(users.createdAt), asc(users.id));
      for (const { room, user } of rows) byRoom.get(room)!.push(user);
      return byRoom;
    },

    /** Raises the reader's watermark to a seq, or to the newest of these messages that is in this room; null where the room is not the reader's, or the session is over. */
    async markRead(room: string, userId: string, upTo: number | string[], sessionId: string): Promise<ReadMark | null> {
      const target =
        typeof upTo === "number"
          ? "$3::bigint"
          : "coalesce((SELECT max(m.seq) FROM messages m WHERE m.id = ANY ($3::uuid[]) AND m.room_id = $1), 0)";
      const [mark] = await query<ReadMark>(
        `SELECT read_seq AS "readSeq", head_seq AS "headSeq", unread_count AS unread, rose FROM mark_read($1, $2, ${target}, $4)`,
        [room, userId, typeof upTo === "number" ? upTo : pgArray(upTo), sessionId],
      );
      return mark ?? null;
    },

    /** What these people are owed, all in one snapshot. */
    async catchUp(asked: readonly { userId: string; since: string | null }[]): Promise<CatchUpRow[]> {
      const cursors = asked.map(({ since }) => (since === null ? null : readSnapshot(since)));
      const rows = await query<
        Omit<CatchUpRow, "news"> & { news: { room: string; head: number; events: EventRow[] | null }[] }
      >(
        `SELECT (SELECT lasting(pg_current_snapshot()::text, NULL)) AS now, c.*
         FROM unnest($1::uuid[], $2::xid8[], $3::text[]) WITH ORDINALITY a (user_id, next, running, n)
         CROSS JOIN LATERAL catch_up(a.user_id, a.next, a.running::xid8[]) c ORDER BY a.n`,
        [
          pgArray(asked.map(({ userId }) => userId)),
          pgArray(cursors.map((cursor) => cursor && cursor.next)),
          pgArray(cursors.map((cursor) => cursor && `{${cursor.running}}`)),
        ],
      );
      const iso = (time: string) => new Date(time).toISOString();
      return rows.map(({ streams, news, ...row }) => ({
        ...row,
        streams: streams.map(({ participants, updated_at, last_message, ...stream }) => ({
          ...stream,
          participants: participants.map((p) => ({ ...p, last_seen: p.last_seen && iso(p.last_seen) })),
          updated_at: iso(updated_at),
          last_message: last_message && { ...last_message, timestamp: iso(last_message.timestamp) },
        })),
        news: news.map(({ room, head, events }) => ({
          room,
          head,
          events: events && events.map((event) => eventOf(room, event, [])),
        })),
      }));
    },

    /** Whom each of these people shares a conversation with. */
    async partnersOf(userIds: string[]): Promise<Map<string, string[]>> {
      const rows = await query<{ who: string; partners: string[] }>(
        `SELECT me.user_id AS who, json_agg(DISTINCT o.user_id) AS partners
         FROM members me JOIN rooms r ON r.id = me.room_id AND r.kind <> 'global'
         JOIN members o ON o.room_id = me.room_id AND o.user_id <> me.user_id
         WHERE me.user_id = ANY ($1::uuid[]) GROUP BY me.user_id`,
        [pgArray(userIds)],
      );
      return new Map(rows.map(({ who, partners }) => [who, partners]));
    },
  };
}
