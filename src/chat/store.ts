import { and, eq, sql } from "drizzle-orm";
import { type Database, pgArray, unseenBy } from "../db/client.ts";
import { GLOBAL_ROOM, messages, userColumns, type UserRow, users } from "../db/schema.ts";
import type { Clock } from "../ops/clock.ts";
import { createPeople } from "./people.ts";
import type { MessageEvent } from "./rooms.ts";
import type { Draft } from "./writer.ts";

export type ChatStore = ReturnType<typeof createChatStore>;

export type MessageRow = { seq: number; id: string; content: string; sentAt: Date; sender: UserRow };
type Outcome =
  | { kind: "stored" | "duplicate"; id: string; seq: number; sentAt: string }
  | { kind: "mismatch" }
  | { kind: "unauthenticated" }
  | { kind: "not_found" };

/** An event as the database tells it, in JSON. */
export type EventRow = Omit<MessageEvent["body"], "sender" | "audience"> & {
  seq: number;
  sender_id: string;
  username: string;
};

export function eventOf(
  room: string,
  { seq, sender_id, username, ...body }: EventRow,
  audience: string[],
): MessageEvent {
  const sentAt = new Date(body.sentAt).toISOString();
  return { room, seq, body: { ...body, sentAt, sender: { id: sender_id, username }, audience } };
}

/** One answer of `eventsSince`. */
const MAX_EVENTS = 1_000;

/** Messages in the database. */
export function createChatStore({ orm, query }: Database, clock: Clock) {
  // A page has few senders and many messages, and pages come in bursts: who wrote is asked for once a second.
  const people = createPeople(async (ids) => {
    return orm
      .select(userColumns)
      .from(users)
      .where(sql`${users.id} = ANY (${pgArray(ids)}::uuid[])`);
  }, clock);

  return {
    /** One transaction for all; the outcomes stand in the drafts' order. */
    async storeMessages(drafts: readonly Draft[]): Promise<Outcome[]> {
      // The function wants the messages of one room side by side; sorting keeps each room's own order.
      const order = drafts
        .map((draft, at) => ({ draft, at }))
        .sort((a, b) => (a.draft.room < b.draft.room ? -1 : a.draft.room > b.draft.room ? 1 : a.at - b.at));
      const column = (pick: (draft: Draft) => string | null) => pgArray(order.map(({ draft }) => pick(draft)));
      const rows = await query<{ n: number; outcome: Outcome["kind"]; id: string; seq: number; sent_at: Date }>(
        "SELECT * FROM store_messages($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[])",
        [
          column((d) => d.room),
          column((d) => d.sender.id),
          column(() => Bun.randomUUIDv7()),
          column((d) => d.clientId),
          column((d) => d.content),
          column((d) => d.sessionId),
        ],
      );
      const outcomes: Outcome[] = Array.from({ length: drafts.length });
      for (const { n, outcome, id, seq, sent_at } of rows) {
        outcomes[order[n - 1]!.at] =
          outcome === "stored" || outcome === "duplicate"
            ? { kind: outcome, id, seq, sentAt: sent_at.toISOString() }
            : { kind: outcome };
      }
      return outcomes;
    },

    /** What the sequencer missed: a room's events after `seq`, or, where it knows nothing of the room, those since the horizon; with the room's head. */
    async eventsSince(
      room: string,
      seq: number | null,
      horizon: string,
    ): Promise<{ head: number; events: MessageEvent[]; whole: boolean }> {
      const after = seq === null ? unseenBy(horizon, 2) : { sql: "m.seq > $2::bigint", params: [seq] };
      const [row] = await query<{ head: number | null; events: EventRow[]; audience: string[] }>(
        `SELECT (SELECT h.seq FROM heads h WHERE h.room_id = $1) AS head,
                (SELECT coalesce(json_agg(user_id), '[]') FROM members WHERE room_id = $1 AND room_id <> '${GLOBAL_ROOM}') AS audience,
                (SELECT coalesce(json_agg(e ORDER BY e.seq), '[]') FROM (
                   SELECT m.seq, m.id, m.sender_id, u.username, m.content, m.sent_at AS "sentAt", m.client_id AS "clientId"
                   FROM messages m JOIN users u ON u.id = m.sender_id
                   WHERE m.room_id = $1 AND ${after.sql} ORDER BY m.seq LIMIT ${MAX_EVENTS}) e) AS events`,
        [room, ...after.params],
      );
      const { head, events, audience } = row!;
      return {
        head: head ?? 0,
        whole: events.length < MAX_EVENTS,
        events: events.map((event) => eventOf(room, event, audience)),
      };
    },

    async seqOf(room: string, id: string): Promise<number | undefined> {
      return (
        await orm
          .select({ seq: messages.seq })
          .from(messages)
          .where(and(eq(messages.id, id), eq(messages.roomId, room)))
      )[0]?.seq;
    },

    async seqExists(room: string, seq: number): Promise<number | undefined> {
      return (
        await orm
          .select({ seq: messages.seq })
          .from(messages)
          .where(and(eq(messages.roomId, room), eq(messages.seq, seq)))
      )[0]?.seq;
    },

    /** The first seq at or after a time; the head + 1 where all is older. */
    async seqAt(room: string, time: Date): Promise<number> {
      const [row] = await query<{ seq: number }>("SELECT seq_at($1, $2::timestamptz) AS seq", [
        room,
        time.toISOString(),
      ]);
      return row!.seq;
    },

    /** As `reader` may see it: `above < seq < below`, oldest first: the lowest `limit` of them (`upwards`), else the highest; with the room's head. */
    async page({
      reader,
      room,
      above,
      below,
      limit,
      upwards,
    }: {
      reader: string;
      room: string;
      above: number;
      below: number;
      limit: number;
      upwards: boolean;
    }): Promise<{ rows: MessageRow[]; head: number }> {
      const rows = await query<{
        seq: number;
        id: string;
        sender_id: string;
        content: string;
        sent_at: Date;
        head: number;
      }>(
        // The limit is in the text: PostgreSQL would plan anew for each value of a parameter there.
        `SELECT m.seq, m.id, m.sender_id, m.content, m.sent_at, (SELECT h.seq FROM heads h WHERE h.room_id = $1) AS head
         FROM messages m WHERE m.room_id = $1 AND m.seq > $2::bigint AND m.seq < $3::bigint
           AND ($1 = '${GLOBAL_ROOM}' OR EXISTS (SELECT FROM members WHERE room_id = $1 AND user_id = $4))
         ORDER BY m.seq ${upwards ? "ASC" : "DESC"} LIMIT ${Number(limit)}`,
        [room, above, below, reader],
      );
      const senders = await people.find(new Set(rows.map((row) => row.sender_id)));
      const page = rows.map(({ seq, id, sender_id, content, sent_at }) => ({
        seq,
        id,
        content,
        sentAt: sent_at,
        sender: senders.get(sender_id)!,
      }));
      return { rows: upwards ? page : page.reverse(), head: rows[0]?.head ?? 0 };
    },
  };
}
