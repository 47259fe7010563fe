import type { Database } from "../db/client.ts";
import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Identity } from "../deps.ts";
import { unauthenticated } from "../errors.ts";
import type { Export } from "../protocol/models.ts";
import { streamOf } from "./rooms.ts";

/** Rows that are looked through for one piece, and how many of them it has at most. */
const WINDOW = 5_000;
const PIECE = 100;

/**
 * What somebody takes part in and has said, as the inside of a JSON object, piece by piece: whatever it comes to, a process holds a hundred
 * messages of it. Each question asks whether the session still lives. @throws {Refusal} when it does not
 */
export function createExport({ query }: Database) {
  const conversations = async ({ userId }: Identity): Promise<Export["conversations"]> => {
    const rows = await query<Omit<Export["conversations"][number], "created_at"> & { created_at: Date }>(
      `SELECT r.id, r.created_at, json_build_object('id', u.id, 'username', u.username) AS partner, me.read_seq
       FROM members me JOIN rooms r ON r.id = me.room_id AND r.kind = 'direct'
       JOIN members o ON o.room_id = r.id AND o.user_id <> me.user_id JOIN users u ON u.id = o.user_id
       WHERE me.user_id = $1 ORDER BY r.created_at, r.id`,
      [userId],
    );
    return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
  };

  /** What they said in a room after a seq, oldest first; `next`: where to go on, null at the end. */
  async function said({ userId, sessionId }: Identity, room: string, after: number) {
    type Said = { seq: number; id: string; content: string; sent_at: string };
    const [row] = await query<{ living: boolean; last: number | null; rows: Said[] }>(
      `WITH these AS MATERIALIZED (
         SELECT seq, id, sender_id, content, sent_at FROM messages WHERE room_id = $1 AND seq > $2::bigint ORDER BY seq LIMIT ${WINDOW})
       SELECT EXISTS (SELECT FROM sessions WHERE id = $4 AND user_id = $3 AND ended_at IS NULL) AS living,
              (SELECT max(seq) FROM these) AS last,
              (SELECT coalesce(json_agg(m ORDER BY m.seq), '[]') FROM (
                 SELECT seq, id, content, sent_at FROM these WHERE sender_id = $3 ORDER BY seq LIMIT ${PIECE}) m) AS rows`,
      [room, after, userId, sessionId],
    );
    const { living, last, rows } = row!;
    if (!living) throw unauthenticated();
    return { rows, next: rows.length === PIECE ? rows.at(-1)!.seq : last };
  }

  return async function* written(identity: Identity): AsyncGenerator<string> {
    const talks = await conversations(identity);
    yield `"conversations":${JSON.stringify(talks)},"messages":[`;
    let separator = "";
    for (const room of [GLOBAL_ROOM, ...talks.map(({ id }) => id)])
      for (let after: number | null = 0; after !== null;) {
        const { rows, next }: Awaited<ReturnType<typeof said>> = await said(identity, room, after);
        const messages = rows.map(({ seq, id, content, sent_at }): Export["messages"][number] => ({
          stream: streamOf(room),
          id: room === GLOBAL_ROOM ? seq : id,
          seq,
          content,
          timestamp: new Date(sent_at).toISOString(),
        }));
        // A blank where they said nothing: it keeps the connection, and who has gone away is noticed before the next look.
        yield messages.length ? separator + JSON.stringify(messages).slice(1, -1) : " ";
        if (messages.length) separator = ",";
        after = next;
      }
    yield "]";
  };
}
