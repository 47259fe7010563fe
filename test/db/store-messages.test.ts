/** Two scripted sessions, step by step: why `store_messages` and `mark_read` are written as they are. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { freshDatabase, haveServices } from "../support/services.ts";

describe.skipIf(!haveServices)("two sessions that send at once", () => {
  let url: string;
  let a: postgres.Sql;
  let b: postgres.Sql;
  const [user, session] = [crypto.randomUUID(), crypto.randomUUID()];
  const rooms: string[] = [];

  beforeAll(async () => {
    url = await freshDatabase();
    const db = openPostgres(url, systemClock);
    await migrate(db);
    await db.close();
    [a, b] = [postgres(url, { max: 1, onnotice: () => {} }), postgres(url, { max: 1, onnotice: () => {} })];
    await a`INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES (${user}, 'u', 'u', 'u', true, 'x')`;
    await a`INSERT INTO sessions (id, user_id, user_agent, issued_at, expires_at, jti)
            VALUES (${session}, ${user}, '', now(), now() + interval '1 day', ${session})`;
    rooms.push(await room(), await room());
  });
  afterAll(() => Promise.all([a.end(), b.end()]));

  const room = async () => {
    const id = crypto.randomUUID();
    await a`INSERT INTO rooms (id, kind) VALUES (${id}, 'global')`;
    await a`INSERT INTO heads SELECT ${id}::uuid, 0, now()`;
    return id;
  };
  /** `times` messages in each of some rooms. */
  const store = (sql: postgres.Sql, ids: string[], { times = 1, clientId = "NULL" } = {}) => {
    const column = (value: () => string) => `{${Array.from({ length: ids.length * times }, value)}}`;
    return sql.unsafe<object[]>("SELECT seq::int, others FROM store_messages($1, $2, $3, $4, $5, $6)", [
      `{${ids}}`,
      `{${ids.map((_, i) => (i + 1) * times)}}`,
      column(() => session),
      column(() => crypto.randomUUID()),
      column(() => clientId),
      column(() => "x"),
    ]);
  };
  const seqs = async (id: string) =>
    (await a`SELECT seq::int FROM messages WHERE room_id = ${id} ORDER BY seq`).map((row) => row.seq);

  /** One statement that locks and numbers at once: its snapshot is from before the lock was granted. */
  const naive = (sql: postgres.Sql, id: string) =>
    sql.unsafe(`WITH head AS (SELECT seq FROM heads WHERE room_id = '${id}' FOR UPDATE),
      next AS (SELECT coalesce((SELECT max(seq) FROM messages WHERE room_id = '${id}'), 0) + 1 AS seq FROM head)
      INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at) SELECT '${id}', seq, gen_random_uuid(), '${user}', 'x', now() FROM next`);

  test("who waited for the other's commit numbers after it; one naive statement does not", async () => {
    const id = rooms[0]!;
    await a`BEGIN`;
    expect([...(await store(a, [id]))]).toEqual([{ seq: 0, others: null }]);
    const waiting = store(b, [id]).execute();
    await Bun.sleep(200);
    await a`COMMIT`;
    expect([...(await waiting)]).toEqual([{ seq: 1, others: null }]);
    expect(await seqs(id)).toEqual([1, 2]);

    await a`BEGIN`;
    await naive(a, id);
    const stale = naive(b, id);
    stale.catch(() => {});
    await Bun.sleep(200);
    await a`COMMIT`;
    await expect(stale).rejects.toMatchObject({ code: "23505" });
    await stale.catch(() => {});
  });

  test("a rolled back sender leaves no hole", async () => {
    const id = rooms[1]!;
    await a`BEGIN`;
    await store(a, [id], { times: 2 });
    const waiting = store(b, [id]).execute();
    await Bun.sleep(100);
    await a`ROLLBACK`;
    expect([...(await waiting)]).toEqual([{ seq: 0, others: null }]);
    expect(await seqs(id)).toEqual([1]);
  });

  test("a repeat that waited for the first one finds it", async () => {
    const id = await room();
    await a`BEGIN`;
    await store(a, [id], { clientId: "once" });
    const waiting = store(b, [id], { clientId: "once" }).execute();
    await Bun.sleep(100);
    await a`COMMIT`;
    expect([...(await waiting)]).toMatchObject([{ seq: 1, others: [{ n: 1, outcome: "duplicate", seq: 1 }] }]);
    expect(await seqs(id)).toEqual([1]);
  });

  test("a repeat of what retention deletes in that moment is no other message: the batch is stored again", async () => {
    const id = await room();
    await store(a, [id], { clientId: "c" });
    await a.unsafe(`CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
      CREATE TRIGGER pause AFTER INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION pause()`);
    await a`SELECT pg_advisory_lock(1)`;
    const repeat = store(b, [id], { clientId: "c" }).then(
      () => "stored",
      (error) => error.code,
    );
    await Bun.sleep(200);
    expect(await a`SELECT purge(${id}, now() + interval '1 day')`).toEqual([{ purge: 1 }] as never);
    await a`SELECT pg_advisory_unlock(1)`;
    expect(await repeat).toBe("40001");
    await a`DROP FUNCTION pause CASCADE`;
    expect([...(await store(b, [id], { clientId: "c" }))]).toEqual([{ seq: 1, others: null }]);
    expect(await seqs(id)).toEqual([2]);
  });

  test("two batches over the same rooms in opposite orders do not deadlock; locks in the order of arrival do", async () => {
    const [one, two] = [await room(), await room()].sort() as [string, string];
    for (let i = 0; i < 50; i++) await Promise.all([store(a, [one, two]), store(b, [two, one])]);
    const lock = (sql: postgres.Sql, id: string) =>
      sql.unsafe(`SELECT 1 FROM heads WHERE room_id = '${id}' FOR UPDATE`);
    await Promise.all([a`BEGIN`, b`BEGIN`]);
    await lock(a, one);
    await lock(b, two);
    const outcomes = await Promise.allSettled([lock(a, two), lock(b, one)]);
    expect(outcomes.filter((outcome) => outcome.status === "rejected").map((outcome) => outcome.reason.code)).toEqual([
      "40P01",
    ]);
    await Promise.all([a`ROLLBACK`, b`ROLLBACK`]);
  });

  test("what is unread is counted as of the head that is told with it, whatever is stored meanwhile", async () => {
    const [id, reader] = [await room(), crypto.randomUUID()];
    await a`INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES (${reader}, 'r', 'r', 'r', true, 'x')`;
    await a`INSERT INTO members (room_id, user_id) VALUES (${id}, ${reader})`;
    await store(a, [id], { times: 3 });
    // The mark waits for the row of its member, in the middle of the function.
    await a`BEGIN`;
    await a`SELECT FROM members WHERE user_id = ${reader} FOR UPDATE`;
    const marked = b`SELECT read_seq::int, head_seq::int, unread_count FROM mark_read(${id}, ${reader}, 2, NULL)`;
    marked.catch(() => {});
    await Bun.sleep(200);
    await store(a, [id]);
    await a`COMMIT`;
    expect([...(await marked)]).toEqual([{ read_seq: 2, head_seq: 4, unread_count: 2 }]);
  });
});
