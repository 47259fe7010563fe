import { and, asc, count, desc, eq, gt, isNull, lt, or, ne, type SQL, sql } from "drizzle-orm";
import { type Database, pgArray } from "../db/client.ts";
import { sessions, userColumns, type UserRow, users } from "../db/schema.ts";
import type { Person } from "../deps.ts";
import type { Name } from "./names.ts";
import type { TokenSource } from "./tokens.ts";

export type AuthStore = ReturnType<typeof createAuthStore>;
export type SessionRow = typeof sessions.$inferSelect;
/** Somebody's own account, as checked before a password is. */
export type Account = UserRow & { folded: string; password: string; role: "user" | "admin" };

/** Accounts and sessions in the database. */
export function createAuthStore({ orm, query }: Database) {
  /** Active accounts only. */
  async function account(which: SQL): Promise<Account | undefined> {
    const [row] = await orm
      .select({ ...userColumns, folded: users.folded, password: users.password, role: users.role })
      .from(users)
      .where(and(which, isNull(users.disabledAt)));
    return row;
  }

  return {
    /** False where the name, or one that looks like it, is taken. */
    async signUp(
      user: Name & { id: string; password: string; email: string | null },
      session: TokenSource,
      userAgent: string,
    ) {
      const [row] = await query<{ ok: boolean }>("SELECT sign_up($1::jsonb, $2::jsonb) AS ok", [
        JSON.stringify(user),
        JSON.stringify(sessionJson(session, userAgent)),
      ]);
      return row!.ok;
    },

    async isTaken({ folded, skeleton, ascii }: Name): Promise<boolean> {
      const [row] = await query<{ taken: boolean }>("SELECT is_taken($1, $2, $3) AS taken", [folded, skeleton, ascii]);
      return row!.taken;
    },

    async userById(id: string): Promise<UserRow | undefined> {
      return (await orm.select(userColumns).from(users).where(eq(users.id, id)))[0];
    },

    accountByName: (folded: string) => account(sql`${users.folded} COLLATE "C" = ${folded}`),
    accountById: (id: string) => account(eq(users.id, id)),

    /**
     * Active users but one, by name: those whose folded name has `search` in it, or begins with it where it is shorter than the trigrams
     * of the index.
     */
    async listUsers(
      except: string,
      search: string,
      limit: number,
      offset: number,
    ): Promise<{ total: number; rows: UserRow[] }> {
      const byPart = [...search].length > 2;
      const name = sql`${users.folded} COLLATE "C"`;
      const matching = and(
        isNull(users.disabledAt),
        ne(users.id, except),
        byPart
          ? sql`${users.folded} LIKE ${`%${search.replace(/[\\%_]/g, "\\$&")}%`}`
          : search
            ? sql`${name} BETWEEN ${search} AND ${`${search}\u{10ffff}`}`
            : undefined,
      );
      const [[total], rows] = await Promise.all([
        orm.select({ n: count() }).from(users).where(matching),
        orm
          .select(userColumns)
          .from(users)
          .where(matching)
          // An expression of its own: or the planner would rather walk through all names in order, until it has found a page full.
          .orderBy(byPart ? sql`(${users.folded} || '') COLLATE "C"` : name, asc(users.id))
          .limit(limit)
          .offset(offset),
      ]);
      return { total: total!.n, rows };
    },

    /**
     * False where the account was disabled, or has another hash, since its row was read. `renewed`: a hash of the same password to keep from
     * now on.
     */
    async startSession(
      session: TokenSource,
      userAgent: string,
      { password }: Account,
      renewed: string | null,
    ): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>("SELECT start_session($1::jsonb) AS ok", [
        JSON.stringify({ ...sessionJson(session, userAgent), verified: password, renewed }),
      ]);
      return row!.ok;
    },

    /** Ends all other sessions and says which; null where the password is another by now, or the session is over. */
    async changePassword({ id, password }: Account, sessionId: string, to: string): Promise<string[] | null> {
      const [row] = await query<{ ended: string[] | null }>("SELECT change_password($1, $2, $3, $4) AS ended", [
        id,
        sessionId,
        password,
        to,
      ]);
      return row!.ended;
    },

    /** Makes an account that is an admin's; false where the name is taken. `actor`: the admin who does it, null for the operator. */
    async addAdmin(user: Name & { id: string; password: string }, actor: string | null): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>("SELECT add_admin($1::jsonb, $2) AS ok", [
        JSON.stringify(user),
        actor,
      ]);
      return row!.ok;
    },

    /** False where the account is an admin's already, or inactive. */
    async promote(id: string, actor: string | null): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>("SELECT promote($1, $2) AS ok", [id, actor]);
      return row!.ok;
    },

    /** Keeps the hash of a new link's token, the only one that is good; false where the account is inactive. */
    async makeReset(id: string, tokenHash: string, actor: string | null): Promise<boolean> {
      const [row] = await query<{ ok: boolean }>("SELECT make_reset($1, decode($2, 'hex'), $3) AS ok", [
        id,
        tokenHash,
        actor,
      ]);
      return row!.ok;
    },

    /** Whose password a link's token can reset. */
    async accountOfReset(tokenHash: string): Promise<Account | undefined> {
      return account(
        sql`${users.id} = (SELECT user_id FROM password_resets WHERE token_hash = decode(${tokenHash}, 'hex') AND expires_at > now())`,
      );
    },

    /** Uses a link up, ends all sessions and says which; null where it is not good any more. */
    async resetPassword(tokenHash: string, to: string): Promise<string[] | null> {
      const [row] = await query<{ ended: string[] | null }>("SELECT reset_password(decode($1, 'hex'), $2) AS ended", [
        tokenHash,
        to,
      ]);
      return row!.ended;
    },

    /** Ends all sessions and says which; null as above. `erase`: notes in the same transaction that their messages are to go too. */
    async deleteAccount({ id, password }: Account, sessionId: string, erase: boolean): Promise<string[] | null> {
      const [row] = await query<{ ended: string[] | null }>(
        `WITH deleted AS MATERIALIZED (SELECT delete_account($1, $2, $3) AS ended),
              noted AS (INSERT INTO erasures (user_id) SELECT $1 FROM deleted WHERE ended IS NOT NULL AND $4)
         SELECT ended FROM deleted`,
        [id, sessionId, password, erase],
      );
      return row!.ended;
    },

    /** The operator's and its owner's to see. */
    async emailOf(id: string): Promise<string | null> {
      return (await orm.select({ email: users.email }).from(users).where(eq(users.id, id)))[0]?.email ?? null;
    },

    async session(id: string): Promise<SessionRow | undefined> {
      return (await orm.select().from(sessions).where(eq(sessions.id, id)))[0];
    },

    /** Who living sessions belong to; undefined for one that ended, expired or whose account was disabled. */
    async livingSessions(ids: string[], now: Date): Promise<(Person | undefined)[]> {
      const rows = await query<Person & { session: string }>(
        `SELECT s.id AS session, u.id, u.username FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = ANY ($1::uuid[]) AND s.ended_at IS NULL AND s.expires_at > $2::timestamptz AND u.disabled_at IS NULL`,
        [pgArray(ids), now.toISOString()],
      );
      const bySession = new Map(rows.map(({ session, id, username }) => [session, { id, username }]));
      return ids.map((id) => bySession.get(id));
    },

    /** Those of some sessions that are over, by their end or by time. */
    async overAmong(ids: string[], now: Date): Promise<string[]> {
      const rows = await query<{ id: string }>(
        `SELECT x.id FROM unnest($1::uuid[]) x (id)
         WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.id = x.id AND s.ended_at IS NULL AND s.expires_at > $2::timestamptz)`,
        [pgArray(ids), now.toISOString()],
      );
      return rows.map((row) => row.id);
    },

    /** Puts the next token in the place of `from.jti`; false when another request was faster, or the session ended. */
    async rotate(from: SessionRow, to: TokenSource, spent: SessionRow["spent"]): Promise<boolean> {
      const rotated = await orm
        .update(sessions)
        .set({ jti: to.jti, issuedAt: to.issuedAt, expiresAt: to.expiresAt, spent })
        .where(and(eq(sessions.id, from.id), eq(sessions.jti, from.jti), isNull(sessions.endedAt)))
        .returning({ id: sessions.id });
      return rotated.length === 1;
    },

    /** Somebody's living sessions, the latest used first. */
    async sessionsOf(userId: string, now: Date) {
      return orm
        .select({
          id: sessions.id,
          createdAt: sessions.createdAt,
          issuedAt: sessions.issuedAt,
          userAgent: sessions.userAgent,
        })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(sessions.expiresAt, now)))
        .orderBy(desc(sessions.issuedAt), desc(sessions.id));
    },

    /** False where it is not this user's, has ended, or never was. */
    async endSession(id: string, userId: string): Promise<boolean> {
      const ended = await orm
        .update(sessions)
        .set({ endedAt: sql`now()`, changed: sql`pg_current_xact_id()` })
        .where(and(eq(sessions.id, id), eq(sessions.userId, userId), isNull(sessions.endedAt)))
        .returning({ id: sessions.id });
      return ended.length === 1;
    },

    /** Sessions that ended after `since`, for a process that starts: their access tokens may still run. */
    async endedSince(since: Date): Promise<string[]> {
      return (await orm.select({ id: sessions.id }).from(sessions).where(gt(sessions.endedAt, since))).map(
        (row) => row.id,
      );
    },

    /** Those that ended or ran out before: nothing that they signed is good any more. Who logs in all day would have thousands. */
    async deleteOver(before: Date): Promise<void> {
      await orm.delete(sessions).where(or(lt(sessions.expiresAt, before), lt(sessions.endedAt, before)));
    },

    /** A later time than what is there wins: several processes may tell it. */
    async setLastSeen(ids: string[], at: Date): Promise<void> {
      if (ids.length)
        await query(
          "UPDATE users SET last_seen = greatest(last_seen, $1::timestamptz) WHERE id = ANY ($2::uuid[]) AND disabled_at IS NULL",
          [at.toISOString(), pgArray(ids)],
        );
    },
  };
}

function sessionJson(session: TokenSource, userAgent: string) {
  return {
    id: session.id,
    user_id: session.userId,
    user_agent: userAgent,
    issued_at: session.issuedAt,
    expires_at: session.expiresAt,
    jti: session.jti,
  };
}
