import type { Database } from "../db/client.ts";

export type Look = { horizon: string; heads: { room: string; seq: number }[]; endedSessions: string[] };

/**
 * What changed at or above a horizon, and the next horizon: the oldest transaction that was still running in this very snapshot.
 * All in one statement, so that a commit in flight now is seen by the next look. Costs by what changed, not by what exists.
 */
export async function look({ query }: Database, horizon: string | null): Promise<Look> {
  const [row] = await query<Look>(
    `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
            (SELECT coalesce(json_agg(h), '[]') FROM (SELECT room_id AS room, max(seq) AS seq FROM messages WHERE changed >= $1::xid8 GROUP BY room_id) h) AS heads,
            (SELECT coalesce(json_agg(id), '[]') FROM sessions WHERE changed >= $1::xid8 AND ended_at IS NOT NULL) AS "endedSessions"`,
    [horizon],
  );
  return row!;
}
