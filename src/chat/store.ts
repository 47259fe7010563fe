import { sql } from "drizzle-orm";
import { type Database, pgArray, unseenBy } from "../db/client.ts";
import { GLOBAL_ROOM, userColumns, type UserRow, users } from "../db/schema.ts";
import type { Clock } from "../ops/clock.ts";
import { createPeople } from "./people.ts";
import type { ChatEvent, MessageEvent } from "./rooms.ts";
import type { Answer } from "../realtime/sequencer.ts";
import type { Draft } from "./writer.ts";

export type ChatStore = ReturnType<typeof createChatStore>;

export type MessageRow = { seq: number; id: string; content: string; sentAt: Date; sender: UserRow };
type Outcome =
  | { kind: "stored" | "duplicate"; id: string; seq: number; sentAt: string }
  | { kind: "mismatch" }
  | { kind: "unauthenticated" }
  | { kind: "not_found" };

/** As `store_messages` tells it. */
type NotStored = { n: number } & (
  | { outcome: "duplicate"; id: string; seq: number; sentAt: string }
  | { outcome: "mismatch" | "unauthenticated" | "not_found" }
);

function outcomeOf(other: NotStored): Outcome {
  if (other.outcome !== "duplicate") return { kind: other.outcome };
  return { kind: "duplicate", id: other.id, seq: other.seq, sentAt: new Date(other.sentAt).toISOString() };
}

/** An event as the database tells it, in JSON: a message, or the removal of one, whose `id` and `messageSeq` it has. */
export type EventRow = { seq: number; id: string } & (
  | (Omit<MessageEvent["body"], "id" | "sender" | "audience"> & {
      sender_id: string;
      username: string;
      messageSeq: null;
    })
  | { messageSeq: number }
);

export function eventOf(room: string, event: EventRow, audience: string[]): ChatEvent {
  if (event.messageSeq !== null)
    return { room, seq: event.seq, body: { removed: { id: event.id, seq: event.messageSeq }, audience } };
  const { seq, sender_id, username, messageSeq: _, ...body } = event;
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
      // The function wants the messages of one room side by side, in their order.
      const rooms = Map.groupBy(drafts.keys(), (i) => drafts[i]!.room);
      const order = [...rooms.values()].flat();
      let end = 0;
      const ends = [...rooms.values()].map((places) => (end += places.length));
      const ids = order.map(() => Bun.randomUUIDv7());
      const column = (pick: (draft: Draft) => string | null) => pgArray(order.map((i) => pick(drafts[i]!)));
      const rows = await query<{ seq: number | null; sent_at: Date; others: NotStored[] | null }>(
        "SELECT * FROM store_messages($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])",
        [
          pgArray([...rooms.keys()]),
          `{${ends}}`,
          column((d) => d.sessionId),
          pgArray(ids),
          column((d) => d.clientId),
          column((d) => d.content),
        ],
      );
      const outcomes: Outcome[] = Array.from({ length: drafts.length });
      let n = 0;
      for (const [r, { seq: head, sent_at, others }] of rows.entries()) {
        const notStored = new Map(others?.map((other) => [other.n, outcomeOf(other)]));
        const sentAt = sent_at?.toISOString();
        for (let seq = head ?? 0; n < ends[r]!; n++) {
          outcomes[order[n]!] =
            head === null
              ? { kind: "not_found" }
              : (notStored.get(n + 1) ?? { kind: "stored", id: ids[n]!, seq: ++seq, sentAt });
        }
      }
      return outcomes;
    },

    /** What the sequencer missed: a room's events after `seq`, or, where it knows nothing of the room, those since the horizon; with the room's head. */
    async eventsSince(room: string, seq: number | null, horizon: string): Promise<Answer<ChatEvent>> {
      const news = seq === null ? unseenBy(horizon, 2) : { sql: "seq > $2::bigint", params: [seq] };
      const lastBefore = (table: string) =>
        seq === null
          ? `(SELECT seq FROM ${table} WHERE room_id = $1 AND NOT ${news.sql} ORDER BY seq DESC LIMIT 1)`
          : "$2::bigint";
      const [row] = await query<{ head: number | null; after: number; events: EventRow[]; audience: string[] }>(
        `SELECT coalesce(greatest(${lastBefore("messages")}, ${lastBefore("removals")}), 0) AS after,
                (SELECT h.seq FROM heads h WHERE h.room_id = $1) AS head,
                (SELECT coalesce(json_agg(user_id), '[]') FROM members WHERE room_id = $1 AND room_id <> '${GLOBAL_ROOM}') AS audience,
                (SELECT coalesce(json_agg(e ORDER BY e.seq), '[]') FROM (
                   SELECT m.seq, m.id, m.sender_id, u.username, m.content, m.sent_at AS "sentAt", m.client_id AS "clientId", NULL::bigint AS "messageSeq"
                   FROM messages m JOIN users u ON u.id = m.sender_id WHERE m.room_id = $1 AND ${news.sql}
                   UNION ALL
                   SELECT seq, message_id, NULL, NULL, NULL, NULL, NULL, message_seq FROM removals WHERE room_id = $1 AND ${news.sql}
                   ORDER BY seq LIMIT ${MAX_EVENTS}) e) AS events`,
        [room, ...news.params],
      );
      const { head, after, events, audience } = row!;
      return {
        after,
        head: head ?? 0,
        whole: events.length < MAX_EVENTS,
        events: events.map((event) => eventOf(room, event, audience)),
      };
    },

    /** The place of a message, also of one that was removed. */
    async seqOf(room: string, id: string): Promise<number | undefined> {
      const [row] = await query<{ seq: number }>(
        `SELECT seq FROM messages WHERE room_id = $1 AND id = $2
         UNION ALL SELECT message_seq FROM removals WHERE room_id = $1 AND message_id = $2`,
        [room, id],
      );
      return row?.seq;
    },

    async seqExists(room: string, seq: number): Promise<number | undefined> {
      const [row] = await query<{ seq: number }>(
        `SELECT seq FROM messages WHERE room_id = $1 AND seq = $2::bigint
         UNION ALL SELECT message_seq FROM removals WHERE room_id = $1 AND message_seq = $2::bigint`,
        [room, seq],
      );
      return row?.seq;
    },

    /** The first seq at or after a time; the head + 1 where all is older. */
    async seqAt(room: string, time: Date): Promise<number> {
      const [row] = await query<{ seq: number }>("SELECT seq_at($1, $2::timestamptz) AS seq", [
        room,
        time.toISOString(),
      ]);
      return row!.seq;
    },

    /**
     * As `reader` may see it, oldest first: the first `limit` messages above `from` (`upwards`), else the last ones below it. `beyond`: there are some on the
     * other side too, or at `from` itself.
     */
    async page({
      reader,
      room,
      from,
      limit,
      upwards,
    }: {
      reader: string;
      room: string;
      from: number;
      limit: number;
      upwards: boolean;
    }): Promise<{ rows: MessageRow[]; beyond: boolean }> {
      const [next, edge, order] = upwards ? [">", "min", "ASC"] : ["<", "max", "DESC"];
      const one = room === GLOBAL_ROOM ? `'${GLOBAL_ROOM}'` : "$1";
      const rows = await query<{
        seq: number;
        id: string;
        sender_id: string;
        content: string;
        sent_at: Date;
        beyond: boolean;
      }>(
        // Where a range has both ends, the limit is a parameter, or the one room that is like no other is, PostgreSQL plans each page anew: half of its cost.
        `SELECT m.seq, m.id, m.sender_id, m.content, m.sent_at,
                NOT (SELECT ${edge}(seq) FROM messages WHERE room_id = ${one}) ${next} $2::bigint AS beyond
         FROM messages m WHERE m.room_id = ${one} AND m.seq ${next} $2::bigint
           AND ($1::uuid = '${GLOBAL_ROOM}' OR EXISTS (SELECT FROM members WHERE room_id = $1 AND user_id = $3))
         ORDER BY m.seq ${order} LIMIT ${Number(limit)}`,
        [room, from, reader],
      );
      const senders = await people.find(new Set(rows.map((row) => row.sender_id)));
      const page = rows.map(({ seq, id, sender_id, content, sent_at }) => ({
        seq,
        id,
        content,
        sentAt: sent_at,
        sender: senders.get(sender_id)!,
      }));
      return { rows: upwards ? page : page.reverse(), beyond: rows[0]?.beyond ?? false };
    },
  };
}
