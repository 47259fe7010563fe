/** A million messages in one room: every page goes by an index. The plans are asserted, not the time. */
import { beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { createConversations } from "../../src/chat/conversations.ts";
import { readHistory } from "../../src/chat/history.ts";
import { createRoomStore } from "../../src/chat/rooms-store.ts";
import { createBucket } from "../../src/realtime/rate-limit.ts";
import { createChatStore } from "../../src/chat/store.ts";
import type { Database } from "../../src/db/client.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { look } from "../../src/realtime/store.ts";
import { explaining, type Node, type Plans } from "../support/plans.ts";
import { freshDatabase, haveServices } from "../support/services.ts";

const MILLION = 1_000_000;
const CONVERSATIONS = 1_000;

describe.skipIf(!haveServices)("with a million messages and a thousand conversations", () => {
  let db: Database;
  let plans: Plans;
  let url: string;
  const me = crypto.randomUUID();

  beforeAll(async () => {
    url = await freshDatabase();
    ({ db, plans } = explaining(openPostgres(url, systemClock)));
    await migrate(db);
    await db.exec(`
      INSERT INTO users (id, username, folded, skeleton, ascii, password)
        SELECT CASE WHEN i = 0 THEN '${me}'::uuid ELSE gen_random_uuid() END, 'u' || i, 'u' || i, 'u' || i, true, 'x' FROM generate_series(0, ${CONVERSATIONS}) i;
      INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
        SELECT '${GLOBAL_ROOM}', i, gen_random_uuid(), '${me}', 'message ' || i, timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, ${MILLION}) i;
      UPDATE heads SET seq = ${MILLION}, last_at = timestamptz '2026-01-01' + ${MILLION} * interval '1 second' WHERE room_id = '${GLOBAL_ROOM}';
      INSERT INTO rooms (id, kind, pair) SELECT gen_random_uuid(), 'direct', id FROM users WHERE id <> '${me}';
      INSERT INTO members (room_id, user_id) SELECT id, pair::uuid FROM rooms WHERE kind = 'direct' UNION ALL SELECT id, '${me}' FROM rooms WHERE kind = 'direct';
      INSERT INTO heads (room_id, seq, last_at) SELECT id, 20, now() FROM rooms WHERE kind = 'direct';
      INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
        SELECT id, i, gen_random_uuid(), pair::uuid, 'private ' || i, now() FROM rooms, generate_series(1, 20) i WHERE kind = 'direct';
      ANALYZE;`);
  }, 120_000);

  /** No scan of the whole table, and no node that touched more than it had to. */
  const expectIndexed = (nodes: Node[], most: number) => {
    expect(
      nodes.filter((node) => /Seq Scan|Bitmap/.test(node["Node Type"]) && node["Relation Name"] === "messages"),
    ).toEqual([]);
    expect(
      Math.max(
        ...nodes.map((node) => (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"]),
      ),
    ).toBeLessThanOrEqual(most);
  };

  test("a page of 50 anywhere goes by the primary key", async () => {
    const store = createChatStore(db, systemClock);
    const queries = [
      {},
      { before: "500000" },
      { after: "500000" },
      { after: "7", before: "999999" },
      { before: "2026-01-06T00:00:00Z" },
      { after: "2026-01-06T00:00:00Z", limit: "50" },
    ];
    for (const query of queries) {
      for (const nodes of await plans(async () =>
        expect((await readHistory(store, me, GLOBAL_ROOM, query)).rows.length).toBe(50),
      ))
        expectIndexed(nodes, 51);
    }
  }, 60_000);

  test("pages, whatever their cursors, are planned once", async () => {
    const fresh = openPostgres(url, systemClock);
    const store = createChatStore(fresh, systemClock);
    const [{ room } = { room: "" }] = await fresh.query<{ room: string }>(
      "SELECT id AS room FROM rooms WHERE kind = 'direct' LIMIT 1",
      [],
    );
    // From some time after the fifth on PostgreSQL goes by one plan for all, where it takes that for as good.
    for (let n = 1; n < 10; n++) {
      await readHistory(store, me, GLOBAL_ROOM, { before: `${n}00000` });
      await readHistory(store, me, GLOBAL_ROOM, { after: `${n}00000` });
      await readHistory(store, me, room, {});
    }
    const kept = await fresh.query<{ once: number }>(
      "SELECT generic_plans AS once FROM pg_prepared_statements WHERE statement LIKE '%ORDER BY m.seq%' AND NOT statement LIKE '%pg_prepared%'",
      [],
    );
    expect(kept.length).toBe(3);
    for (const { once } of kept) expect(once).toBeGreaterThan(0);
    await fresh.close();
  });

  test("a time finds its place among a million", async () => {
    const [row] = await db.query<{ seq: number }>("SELECT seq_at($1, $2) AS seq", [
      GLOBAL_ROOM,
      "2026-01-06T00:00:00Z",
    ]);
    expect(row!.seq).toBe(432_000);
  });

  test("a list of a thousand conversations takes as many queries as one of ten, and reads no more than its page", async () => {
    const conversations = createConversations({
      store: createChatStore(db, systemClock),
      roomStore: createRoomStore(db),
      viewUser: (row) => ({ ...row, is_online: false, created_at: "", last_seen: null }),
      openings: createBucket({ perSecond: 0, burst: 0 }, null, "", systemClock),
    });
    const page = (size: number) => async () => {
      const { count, results } = await conversations.list(me, size, 0);
      expect([count, results.length, results[0]!.unread_count, results[0]!.last_message?.content]).toEqual([
        CONVERSATIONS,
        size,
        20,
        "private 20",
      ]);
    };
    const [ten, hundred] = [await plans(page(10)), await plans(page(100))];
    expect([ten.length, hundred.length]).toEqual([3, 3]);
    for (const nodes of hundred) {
      const ofMessages = nodes.filter((node) => node["Relation Name"] === "messages");
      for (const node of ofMessages)
        expect([node["Node Type"], node["Actual Rows"] * node["Actual Loops"] <= 2_000]).toEqual([
          expect.stringMatching(/Index/),
          true,
        ]);
    }
  }, 60_000);

  test("the look at the horizon costs by what changed, however long somebody's transaction has been open", async () => {
    const other = postgres(url, { max: 1, onnotice: () => {} });
    await other.unsafe("BEGIN; SELECT pg_current_xact_id()");
    await db.query("UPDATE messages SET changed = pg_current_xact_id() WHERE room_id = $1 AND seq <= 1000", [
      GLOBAL_ROOM,
    ]);
    const { horizon } = await look(db, null);
    for (const nodes of await plans(() => look(db, horizon))) {
      expect(nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] === "messages")).toEqual(
        [],
      );
      expect(Math.max(...nodes.map((node) => node["Actual Rows"] * node["Actual Loops"]))).toBeLessThanOrEqual(10);
    }
    await other.end({ timeout: 1 });
  });
});
