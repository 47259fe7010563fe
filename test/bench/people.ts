/** Accounts that are logged in, put straight into the database: signing up hashes a password each time. */
import postgres from "postgres";
import { createTokens } from "../../src/auth/tokens.ts";
import { readConfig } from "../../src/config.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { SECRET } from "../support/server.ts";

/** Access tokens, and a conversation of the first with the second, of the third with the fourth, and so on. */
export type People = { tokens: string[]; rooms: string[] };

const SIGN_UP = `
  WITH person AS (
    INSERT INTO users (id, username, folded, skeleton, ascii, password)
    SELECT gen_random_uuid(), name, name, name, true, '' FROM generate_series(1, $1::int) n, concat('person', lpad(n::text, 6, '0')) name RETURNING id
  ), member AS (
    INSERT INTO members (room_id, user_id) SELECT '${GLOBAL_ROOM}', id FROM person
  )
  INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
  SELECT gen_random_uuid(), id, '', now(), now() + interval '7 days', gen_random_uuid() FROM person
  RETURNING id, user_id AS "userId", jti, issued_at AS "issuedAt", expires_at AS "expiresAt"`;

const OPEN_ROOMS = `
  WITH pair AS (SELECT gen_random_uuid() AS room, a, b FROM unnest($1::uuid[], $2::uuid[]) p (a, b)), room AS (
    INSERT INTO rooms (id, kind, pair) SELECT room, 'direct', least(a, b) || ':' || greatest(a, b) FROM pair
  ), head AS (
    INSERT INTO heads (room_id, seq, last_at) SELECT room, 0, now() FROM pair
  ), member AS (
    INSERT INTO members (room_id, user_id) SELECT room, unnest(ARRAY[a, b]) FROM pair
  )
  SELECT a, room FROM pair`;

export async function addPeople(databaseUrl: string, count: number): Promise<People> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const { secretKeys, accessTokenMs } = readConfig({ DATABASE_URL: databaseUrl, SECRET_KEY: SECRET });
  const { pair } = createTokens({ keys: secretKeys, accessTokenMs, clock: systemClock });
  const sessions = await sql.unsafe<Parameters<typeof pair>[0][]>(SIGN_UP, [count]);
  const ids = sessions.map((session) => session.userId);
  const firsts = ids.filter((_, i) => i % 2 === 0 && i + 1 < count);
  const seconds = ids.filter((_, i) => i % 2 === 1);
  const opened = await sql.unsafe<{ a: string; room: string }[]>(OPEN_ROOMS, [firsts, seconds]);
  await sql.unsafe("ANALYZE");
  await sql.end();
  const roomOf = new Map(opened.map(({ a, room }) => [a, room]));
  return {
    tokens: sessions.map((session) => pair(session).access),
    rooms: firsts.map((id) => roomOf.get(id)!),
  };
}
