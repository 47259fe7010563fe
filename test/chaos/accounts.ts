/** Accounts by the hundred, made as `sign_up` makes them, but without the hashing of passwords, which is slow on purpose. */
import type postgres from "postgres";
import { createTokens } from "../../src/auth/tokens.ts";
import { readConfig } from "../../src/config.ts";
import { type ChatStorage, memoryStorage } from "../../src/client/index.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { SECRET } from "../support/server.ts";

export type Account = { id: string; name: string; access: string; refresh: string };

const { secretKeys, accessTokenMs } = readConfig({ SECRET_KEY: SECRET });
const tokens = createTokens({ keys: secretKeys, accessTokenMs, clock: systemClock });

/** Everyone has read what was said in the public room before. */
export async function makeAccounts(sql: postgres.Sql, names: string[]): Promise<Account[]> {
  const issuedAt = new Date(Math.floor(Date.now() / 1_000) * 1_000);
  const expiresAt = new Date(issuedAt.getTime() + 86_400_000);
  const made = names.map((name) => ({
    name,
    id: crypto.randomUUID(),
    session: crypto.randomUUID(),
    jti: crypto.randomUUID(),
  }));
  await sql`
    INSERT INTO users (id, username, folded, skeleton, ascii, password)
    SELECT id, name, lower(name), lower(name), true, 'none' FROM unnest(${made.map(({ id }) => id)}::uuid[], ${names}::text[]) AS _ (id, name)`;
  await sql`
    INSERT INTO members (room_id, user_id, read_seq)
    SELECT r.id, u, h.seq FROM rooms r JOIN heads h ON h.room_id = r.id, unnest(${made.map(({ id }) => id)}::uuid[]) u WHERE r.kind = 'global'`;
  await sql`
    INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
    SELECT s, u, '', ${issuedAt}, ${expiresAt}, j
    FROM unnest(${made.map(({ session }) => session)}::uuid[], ${made.map(({ id }) => id)}::uuid[], ${made.map(({ jti }) => jti)}::uuid[]) AS _ (s, u, j)`;
  return made.map(({ name, id, session, jti }) => ({
    name,
    id,
    ...tokens.pair({ id: session, userId: id, jti, issuedAt, expiresAt }),
  }));
}

/** What a device keeps of somebody who is signed in: `restore` goes on from it. */
export function storageOf({ id, name, access, refresh }: Account): ChatStorage {
  const storage = memoryStorage();
  const user = { id, username: name, is_online: false, created_at: "", last_seen: null };
  void storage.set("session", { user, access, refresh, expires: Date.now() + accessTokenMs });
  return storage;
}

/** The conversation of two people. */
export async function openDirect(sql: postgres.Sql, one: { id: string }, other: { id: string }): Promise<string> {
  const [row] = await sql<
    { id: string }[]
  >`SELECT open_direct(${crypto.randomUUID()}, ${one.id}::uuid, ${other.id}::uuid, NULL) AS id`;
  return row!.id;
}

export type Said = { room: string; sender: string; content: string };

/** Stores as the servers do, a batch a transaction, in the order given for each room. Processes notice by themselves. */
export async function storeAll(sql: postgres.Sql, said: Said[], batch = 500): Promise<void> {
  for (let i = 0; i < said.length; i += batch) {
    const rooms = Map.groupBy(said.slice(i, i + batch), ({ room }) => room);
    const part = [...rooms.values()].flat();
    let end = 0;
    const rows = await sql`
      WITH session AS (
        SELECT array_agg((SELECT id FROM sessions WHERE user_id = sender LIMIT 1) ORDER BY i) AS ids
        FROM unnest(${part.map(({ sender }) => sender)}::uuid[]) WITH ORDINALITY _ (sender, i)
      )
      SELECT seq, others FROM session, store_messages(
        ${[...rooms.keys()]}::uuid[], ${[...rooms.values()].map(({ length }) => (end += length))}::int[], session.ids,
        ${part.map(() => crypto.randomUUID())}::uuid[], ${part.map(() => null) as never}::text[],
        ${part.map(({ content }) => content)}::text[])`;
    if (rows.some(({ seq, others }) => seq === null || others !== null)) throw new Error("what was to happen did not");
  }
}
