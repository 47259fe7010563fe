import type { Database } from "../db/client.ts";
import type { Identity } from "../deps.ts";
import type { Act, AdminMessage, AdminRoom, AuditEntry, Named } from "../protocol/admin.ts";

export type AdminStore = ReturnType<typeof createAdminStore>;

export type UserRow = Named & {
  email: string | null;
  role: "user" | "admin";
  created_at: Date;
  last_seen: Date | null;
  disabled_at: Date | null;
  is_deleted: boolean;
  sessions: number;
};

type Administered = { outcome: "done" | "not_found" | "inactive" | "last_admin"; ended: string[] };
/** `seq` is the event's; null where the message was removed before. */
type Removed = {
  outcome: "removed" | "not_found";
  seq: number | null;
  id: string;
  messageSeq: number;
  audience: string[];
};

/** One look at a room when something is searched in it. */
const MAX_LOOKED_AT = 20_000;
const PAGE = 50;

/** What administrators see, of everyone's. */
export function createAdminStore({ query }: Database) {
  const usersWhere = (condition: string, page: string) => `
    SELECT u.id, u.username, u.email, u.role, u.created_at, u.last_seen, u.disabled_at, u.folded = 'deleted-' || u.id AS is_deleted,
           (SELECT count(*)::int FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()) AS sessions
    FROM users u WHERE ${condition} ${page}`;

  return {
    /** Whether a living session is an administrator's, now. */
    async isAdmin({ userId, sessionId }: Identity): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>(
        `SELECT EXISTS (SELECT FROM users u JOIN sessions s ON s.user_id = u.id
           WHERE u.id = $1 AND u.role = 'admin' AND u.disabled_at IS NULL
             AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > now()) AS ok`,
        [userId, sessionId],
      );
      return row!.ok;
    },

    /** Newest first. `online` are the ids of those who are, where only they are asked for. */
    async users(
      { search, only, online }: { search: string; only: string; online: string[] | null },
      limit: number,
      offset: number,
    ): Promise<{ total: number; rows: UserRow[] }> {
      const condition = `($1 = '' OR u.folded LIKE '%' || $1 || '%' OR u.email ILIKE '%' || $1 || '%')
        AND ($2 <> 'disabled' OR u.disabled_at IS NOT NULL) AND ($2 <> 'admins' OR u.role = 'admin')
        AND ($3::uuid[] IS NULL OR (u.id = ANY ($3::uuid[]) AND u.disabled_at IS NULL))`;
      const like = search.replace(/[\\%_]/g, "\\$&");
      const params = [like, only, online && `{${online.join(",")}}`];
      const [[total], rows] = await Promise.all([
        query<{ n: number }>(`SELECT count(*)::int AS n FROM users u WHERE ${condition}`, params),
        query<UserRow>(usersWhere(condition, "ORDER BY u.created_at DESC, u.id LIMIT $4 OFFSET $5"), [
          ...params,
          limit,
          offset,
        ]),
      ]);
      return { total: total!.n, rows };
    },

    user: async (id: string): Promise<UserRow | undefined> =>
      (await query<UserRow>(usersWhere("u.id = $1", ""), [id]))[0],

    /** Latest activity first, the public room before all. `search`: a part of the name of somebody in it. */
    async rooms(search: string, limit: number, offset: number): Promise<{ total: number; rows: AdminRoom[] }> {
      const condition = `($1 = '' OR EXISTS (SELECT FROM members m JOIN users u ON u.id = m.user_id
        WHERE m.room_id = r.id AND r.kind = 'direct' AND u.folded LIKE '%' || $1 || '%'))`;
      const like = search.replace(/[\\%_]/g, "\\$&");
      const [[total], rows] = await Promise.all([
        query<{ n: number }>(`SELECT count(*)::int AS n FROM rooms r WHERE ${condition}`, [like]),
        query<Omit<AdminRoom, "updated_at"> & { updated_at: Date }>(
          `SELECT CASE r.kind WHEN 'global' THEN 'global' ELSE r.id::text END AS stream, h.seq AS head_seq, h.last_at AS updated_at,
                  (SELECT coalesce(json_agg(json_build_object('id', u.id, 'username', u.username) ORDER BY u.created_at, u.id), '[]')
                   FROM members m JOIN users u ON u.id = m.user_id WHERE m.room_id = r.id AND r.kind = 'direct') AS participants
           FROM rooms r JOIN heads h ON h.room_id = r.id WHERE ${condition}
           ORDER BY r.kind = 'global' DESC, h.last_at DESC, r.id LIMIT $2 OFFSET $3`,
          [like, limit, offset],
        ),
      ]);
      return { total: total!.n, rows: rows.map((row) => ({ ...row, updated_at: row.updated_at.toISOString() })) };
    },

    /** A room's messages before a seq, newest first; where something is searched, those of the next 20,000 that have it. Undefined where there is no such room. */
    async messages(by: string, room: string, search: string, before: number) {
      const [known] = await query("SELECT note_reading($1, id) FROM rooms WHERE id = $2", [by, room]);
      if (!known) return undefined;
      const rows = await query<Omit<AdminMessage, "timestamp"> & { timestamp: Date }>(
        `SELECT m.id, m.seq, json_build_object('id', u.id, 'username', u.username) AS sender, m.content AS text, m.sent_at AS timestamp
         FROM (SELECT * FROM messages WHERE room_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT ${MAX_LOOKED_AT}) m
         JOIN users u ON u.id = m.sender_id
         WHERE $3 = '' OR m.content ILIKE '%' || $3 || '%' ORDER BY m.seq DESC LIMIT ${PAGE}`,
        [room, before, search.replace(/[\\%_]/g, "\\$&")],
      );
      // Where the page is not full, all that was looked at is done with.
      const [lowest] =
        rows.length === PAGE
          ? [{ seq: rows.at(-1)!.seq }]
          : await query<{ seq: number }>(
              "SELECT seq FROM messages WHERE room_id = $1 AND seq < $2 ORDER BY seq DESC OFFSET $3 LIMIT 1",
              [room, before, MAX_LOOKED_AT - 1],
            );
      return { rows, before: lowest?.seq ?? null };
    },

    /** Null where the password is another by now, the session is over, or its user no admin any more; so below. */
    async administer(
      { userId, sessionId }: Identity,
      verified: string,
      act: Act,
      user: string,
      tokenHash: string | null,
    ) {
      const [row] = await query<{ done: Administered | null }>(
        "SELECT administer($1, $2, $3, $4, $5, decode($6, 'hex')) AS done",
        [userId, sessionId, verified, act, user, tokenHash],
      );
      return row!.done;
    },

    async remove({ userId, sessionId }: Identity, verified: string, room: string, seq: number) {
      const [row] = await query<{ done: Removed | null }>("SELECT remove_as_admin($1, $2, $3, $4, $5) AS done", [
        userId,
        sessionId,
        verified,
        room,
        seq,
      ]);
      return row!.done;
    },

    /** What was done, newest first. */
    async log(before: number | null): Promise<{ results: AuditEntry[]; before: number | null }> {
      const rows = await query<Omit<AuditEntry, "at"> & { at: Date }>(
        `SELECT a.id, a.at, a.action, a.details,
                CASE WHEN a.actor_id IS NOT NULL THEN json_build_object('id', a.actor_id, 'username', coalesce(b.username, '')) END AS by,
                CASE WHEN u.id IS NOT NULL THEN json_build_object('id', u.id, 'username', u.username) END AS user
         FROM audit_log a LEFT JOIN users b ON b.id = a.actor_id LEFT JOIN users u ON u.id = a.subject
         WHERE a.id < $1::bigint ORDER BY a.id DESC LIMIT ${PAGE}`,
        [before ?? Number.MAX_SAFE_INTEGER],
      );
      const results = rows.map((row) => ({ ...row, at: row.at.toISOString() }));
      return { results, before: results.length === PAGE ? results.at(-1)!.id : null };
    },
  };
}
