/** One connection commits messages of one room, `batch` at once; the reference inserts them and does nothing else. The client is this process. */
import postgres from "postgres";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Run, Scale } from "./case.ts";
import { startMeter } from "./processes.ts";
import { emptyDatabase } from "./servers.ts";

const OURS = "SELECT * FROM store_messages($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])";
const BARE = `INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
  SELECT $1, i + $2, m, u, c, now() FROM unnest($3::uuid[], $4::uuid[], $5::text[]) WITH ORDINALITY x (m, u, c, i)`;

export async function storing(batch: number, ours: boolean, { measureMs }: Scale): Promise<Run> {
  const sql = postgres(await emptyDatabase(), { max: 1, onnotice: () => {} });
  const column = (value: () => string) => `{${Array.from({ length: batch }, value)}}`;
  const [sender, session] = [crypto.randomUUID(), crypto.randomUUID()];
  await sql`INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES (${sender}, 'ada', 'ada', 'ada', true, '')`;
  await sql`INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
            VALUES (${session}, ${sender}, '', now(), now() + interval '1 day', ${crypto.randomUUID()})`;
  const senders = column(() => sender);
  const sessions = column(() => session);
  const contents = column(() => '"the quick brown fox jumps over the lazy dog"');
  let rows = 0;
  const store = async () => {
    const ids = column(() => crypto.randomUUID());
    const params = ours
      ? [`{${GLOBAL_ROOM}}`, `{${batch}}`, sessions, ids, column(() => "NULL"), contents]
      : [GLOBAL_ROOM, rows, ids, senders, contents];
    await sql.unsafe(ours ? OURS : BARE, params, { prepare: true });
    rows += batch;
  };
  for (let i = 0; i < 100; i++) await store();
  const before = rows;
  const meter = startMeter([], process.pid);
  for (const until = performance.now() + measureMs; performance.now() < until;) await store();
  const { wall, cores } = meter();
  await sql.end();
  return { figures: { rowsPerSecond: (rows - before) / wall }, cores };
}
