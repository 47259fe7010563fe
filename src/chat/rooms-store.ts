import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { type Database, pgArray } from "../db/client.ts";
import { members, rooms, userColumns, type UserRow, users } from "../db/schema.ts";

export type RoomStore = ReturnType<typeof createRoomStore>;

export type ConversationRow = {
  id: string;
  created_at: Date;
  last_at: Date;
  last_content: string | null;
  last_sent_at: Date;
  last_sender_id: string;
  unread: number;
};

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

    /** The room of two people, made if need be; null where the other is unknown or inactive. */
    async openDirect(me: string, other: string): Promise<string | null> {
      const [row] = await query<{ id: string | null }>("SELECT open_direct($1, $2, $3) AS id", [
        Bun.randomUUIDv7(),
        me,
        other,
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
         SELECT page.id, page.created_at, page.last_at, last.content AS last_content, last.sent_at AS last_sent_at, last.sender_id AS last_sender_id,
                (SELECT count(*)::int FROM messages m WHERE m.room_id = page.id AND m.seq > page.read_seq AND m.sender_id <> $1) AS unread
         FROM page
         LEFT JOIN LATERAL (SELECT m.content, m.sent_at, m.sender_id FROM messages m WHERE m.room_id = page.id ORDER BY m.seq DESC LIMIT 1) last ON true
         ORDER BY page.last_at DESC, page.id DESC`,
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

    /** Raises the reader's watermark to the newest of these that is in this room; false where the room is not the reader's. */
    async markRead(room: string, userId: string, messageIds: string[]): Promise<boolean> {
      const rows = await query(
        `UPDATE members SET read_seq = greatest(read_seq, (SELECT max(m.seq) FROM messages m WHERE m.id = ANY ($3::uuid[]) AND m.room_id = $1))
         WHERE room_id = $1 AND user_id = $2 RETURNING 1 AS ok`,
        [room, userId, pgArray(messageIds)],
      );
      return rows.length === 1;
    },
  };
}
