import { type Database, pgArray } from "../db/client.ts";
import type { RemovalEvent } from "./rooms.ts";

export type RemovalStore = ReturnType<typeof createRemovalStore>;

/** `unauthenticated`: the session is not, or no longer, that user's. `not_found`: also what is not theirs. */
type Outcome = "removed" | "not_found" | "unauthenticated";
/** Messages of one room that were removed just now: each by an event, in their order. */
type Removed = { seq: number; id: string; messageSeq: number }[];

const NO_ROOM = "00000000-0000-0000-0000-000000000000";

export const removalEvents = (room: string, removed: Removed, audience: string[]): RemovalEvent[] =>
  removed.map(({ seq, id, messageSeq }) => ({ room, seq, body: { removed: { id, seq: messageSeq }, audience } }));

/** What takes messages away, in the database. */
export function createRemovalStore({ query }: Database) {
  return {
    /** One transaction. `session` null: the operator removes, in the name of `by`. Nothing new is in `removed` where it was done before. */
    async removeMessages(
      room: string,
      seqs: number[],
      by: string | null,
      session: string | null,
    ): Promise<{ outcome: Outcome; removed: Removed }> {
      const rows = await query<{ outcome: Outcome; seq: number | null; id: string; messageSeq: number }>(
        `SELECT outcome, seq, id, message_seq AS "messageSeq" FROM remove_messages($1, $2::bigint[], $3, $4) ORDER BY seq`,
        [room, pgArray(seqs.map(String)), by, session],
      );
      const removed = rows.flatMap(({ seq, id, messageSeq }) => (seq === null ? [] : [{ seq, id, messageSeq }]));
      return { outcome: rows[0]!.outcome, removed };
    },

    /** Removes some of what those said who asked for it when they left; null where nothing is left to do here. */
    async eraseStep(): Promise<{ room: string; removed: Removed; audience: string[] } | null> {
      const [row] = await query<{ step: { room: string; removed: Removed; audience: string[] } | null }>(
        "SELECT erase_step() AS step",
        [],
      );
      return row!.step;
    },

    /** False where there is no such room. `days`: 0 for ever, null as the configuration says. */
    async setRetention(room: string, days: number | null): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>("SELECT set_retention($1, $2) AS ok", [room, days]);
      return row!.ok;
    },

    /** Of the next rooms after one those that have something from before the time up to which theirs is kept. `last` is null at the end. */
    async outdated(
      after: string = NO_ROOM,
      days: { public: number; conversations: number },
      now: Date,
    ): Promise<{ rooms: { room: string; before: string }[]; last: string | null }> {
      const [row] = await query<{ rooms: { room: string; before: string }[]; last: string | null }>(
        "SELECT * FROM outdated($1, $2, $3, $4::timestamptz)",
        [after, days.public, days.conversations, now.toISOString()],
      );
      return row!;
    },

    /** Deletes some for good; how many, or null where another process is at it. */
    async purge(room: string, before: string): Promise<number | null> {
      const [row] = await query<{ n: number | null }>("SELECT purge($1, $2::timestamptz) AS n", [room, before]);
      return row!.n;
    },
  };
}
