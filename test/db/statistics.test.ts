/** What the planner knows of a table is counted by somebody, some time. What it plans before must do for long rooms, too. */
import { afterAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import type { Database } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { freshDatabase, haveServices, silent, tempDir } from "../support/services.ts";

const LONG = 20_000;
const someone = crypto.randomUUID();
const SOMEONE = `INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES ('${someone}', 'u', 'u', 'u', true, 'x');
  INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
    VALUES ('${someone}', '${someone}', '', now(), now() + interval '1 day', '${someone}')`;
const TALK = `
  INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at, client_id, content_hash)
    SELECT '${GLOBAL_ROOM}', 1000 + i, gen_random_uuid(), '${someone}', 'message', now(), 'talk' || i, '' FROM generate_series(1, ${LONG}) i;
  UPDATE heads SET seq = ${1000 + LONG} WHERE room_id = '${GLOBAL_ROOM}'`;

describe.skipIf(!haveServices)("a room that grew since its plans were made", () => {
  const connections: postgres.Sql[] = [];
  afterAll(async () => void (await Promise.all(connections.map((sql) => sql.end()))));

  test.each([1, 32])("costs a batch of %i as little as a new one", async (size) => {
    const url = await freshDatabase();
    const db = openPostgres(url, systemClock);
    await migrate(db);
    await db.close();
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    connections.push(sql);
    await sql.unsafe("ALTER TABLE messages SET (autovacuum_enabled = off)");
    await sql.unsafe(SOMEONE);
    const store = () => {
      const column = (value: () => string) => `{${Array.from({ length: size }, value)}}`;
      return sql.unsafe<object[]>("SELECT seq, others FROM store_messages($1, $2, $3, $4, $5, $6)", [
        `{${GLOBAL_ROOM}}`,
        `{${size}}`,
        column(() => someone),
        column(() => crypto.randomUUID()),
        column(() => crypto.randomUUID()),
        column(() => "x"),
      ]);
    };
    for (let i = 0; i < 10; i++) await store();
    await sql.unsafe(TALK);
    await sql.unsafe("BEGIN");
    expect([...(await store())]).toEqual([{ seq: String(1_000 + LONG), others: null }]);
    const [read] = await sql.unsafe(
      "SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'messages'",
    );
    await sql.unsafe("ROLLBACK");
    expect(read!.rows).toBeLessThanOrEqual(size);
  });
});

describe("the embedded database, which no autovacuum sees to", () => {
  let db: Database;
  afterAll(() => db.close());

  test("counts and tidies up what changed, once a minute, and answers meanwhile", async () => {
    const minute = Promise.withResolvers<() => void>();
    const every = (ms: number, callback: () => void) => {
      if (ms === 60_000) minute.resolve(callback);
      return () => {};
    };
    db = await openEmbedded(await tempDir(), { ...systemClock, every }, silent);
    await migrate(db);
    await db.exec(SOMEONE);
    await db.exec(TALK);
    const known = async () =>
      (
        await db.query<{ rows: number }>("SELECT reltuples::int AS rows FROM pg_class WHERE relname = 'messages'", [])
      )[0]!.rows;
    expect(await known()).toBe(-1);
    const tidyUp = await minute.promise;
    const deadline = Date.now() + 20_000;
    // PostgreSQL itself sums up what changed once a second.
    for (; (await known()) < 0 && Date.now() < deadline; await Bun.sleep(500)) tidyUp();
    expect(await known()).toBe(LONG);
  });
});
