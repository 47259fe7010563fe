import { type Database, unseenBy } from "../db/client.ts";

/**
 * `horizon`: a snapshot of the database, in PostgreSQL's own text form; what it does not see is news. `epoch`: which history that
 * snapshot is of.
 */
export type Look = {
  horizon: string;
  epoch: string;
  heads: { room: string; seq: number }[];
  endedSessions: { id: string; disabled: boolean }[];
};

/**
 * What an earlier snapshot did not see, and the snapshot that this very statement works on, for the next look: a commit that is in flight
 * now is seen then. Costs by what changed, not by what exists, nor by how long anybody's transaction has been open.
 */
export async function look({ query }: Database, horizon: string | null): Promise<Look> {
  if (horizon === null) {
    const [row] = await query<Look>(
      "SELECT lasting(pg_current_snapshot()::text, NULL) AS horizon, epoch() AS epoch",
      [],
    );
    return { ...row!, heads: [], endedSessions: [] };
  }
  const unseen = unseenBy(horizon, 1);
  const [row] = await query<Look>(
    `SELECT lasting(pg_current_snapshot()::text, $3) AS horizon, epoch() AS epoch,
            (SELECT coalesce(json_agg(h), '[]') FROM (
               SELECT room_id AS room, max(seq) AS seq FROM (
                 SELECT room_id, seq FROM messages WHERE ${unseen.sql} UNION ALL SELECT room_id, seq FROM removals WHERE ${unseen.sql}) e
               GROUP BY room_id) h) AS heads,
            (SELECT coalesce(json_agg(e), '[]') FROM (
               SELECT s.id, u.disabled_at IS NOT NULL AS disabled FROM sessions s JOIN users u ON u.id = s.user_id
               WHERE ${unseen.sql} AND s.ended_at IS NOT NULL) e) AS "endedSessions"`,
    [...unseen.params, horizon],
  );
  return row!;
}
