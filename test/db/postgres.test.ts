/** A database behind a network that fails: nobody ever gets another one's answer, and recovery needs no restart. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { holdAlone } from "../../src/db/alone.ts";
import { type Database, DatabaseUnavailable, sqlState } from "../../src/db/client.ts";
import { openPostgres, openSession, unhurried } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { startProxy } from "../support/proxy.ts";
import { eventually, freshDatabase, haveServices, silent } from "../support/services.ts";

describe.skipIf(!haveServices)("PostgreSQL over a bad network", () => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let db: Database;
  let url: URL;
  beforeAll(async () => {
    url = new URL(await freshDatabase());
    proxy = await startProxy(Number(url.port));
    url.port = String(proxy.port);
    db = openPostgres(url.href, systemClock);
  });
  afterAll(async () => {
    await db.close();
    proxy.stop();
  });

  /** Many at once, each with an answer of its own. */
  const ask = (n: number, sleep = 0) =>
    Promise.all(
      Array.from({ length: n }, (_, i) =>
        db.query<{ mine: string }>(`SELECT $1::text AS mine, pg_sleep($2)`, [`answer ${i}`, sleep]).then(
          ([row]) => row!.mine === `answer ${i}` || row!.mine,
          (error) => (error instanceof DatabaseUnavailable ? "unavailable" : String(error)),
        ),
      ),
    );
  const all = (n: number, value: string | true) => Array.from({ length: n }, () => value);

  test("more questions than connections wait their turn", async () => {
    expect(await ask(200, 0.005)).toEqual(all(200, true));
  });

  test("a slow spell is over when it is over: late questions are refused, the others get their own answers", async () => {
    // Ten connections, two seconds each: the third ten start at four, the rest never.
    const outcomes = await ask(60, 2);
    expect(outcomes.slice(0, 20)).toEqual(all(20, true));
    expect(new Set(outcomes)).toEqual(new Set([true, "unavailable"]));
    expect(await ask(100)).toEqual(all(100, true));
  });

  test("connections that fall silent are given up after the deadline, and others take their place", async () => {
    await ask(50);
    proxy.freeze();
    const startedAt = performance.now();
    expect(await ask(5)).toEqual(all(5, "unavailable"));
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    await ask(10);
    expect(await ask(100)).toEqual(all(100, true));
  });

  test("a database that is gone for a while and comes back serves at once", async () => {
    proxy.refuse();
    const outcomes = await ask(30);
    expect(new Set(outcomes)).toEqual(new Set(["unavailable"]));
    await Bun.sleep(7_000);
    proxy.accept();
    await eventually(async () => expect(await ask(1)).toEqual([true]), 2_000);
    expect(await ask(100)).toEqual(all(100, true));
  });

  test("a lone server waits for its database to come up, and takes its lock again when the connection breaks", async () => {
    proxy.refuse();
    const alone = holdAlone(url.href, true, systemClock, silent);
    await Bun.sleep(1_500);
    proxy.accept();
    const release = await alone;
    const holders = async () => {
      // Of this database: others of the same PostgreSQL have servers of their own.
      const rows = await db.query(
        "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND granted AND datname = current_database()",
        [],
      );
      return rows.length;
    };
    expect(await holders()).toBe(1);
    proxy.refuse();
    proxy.accept();
    await eventually(async () => expect(await holders()).toBe(0), 5_000).catch(() => {});
    await eventually(async () => expect(await holders()).toBe(1), 10_000);
    await release();
    await eventually(async () => expect(await holders()).toBe(0));
  });

  test("a server that has no room or no files left is away for now, and what asked it is told so", async () => {
    for (const state of ["53100", "53200", "53000"]) {
      await db.exec(
        `CREATE OR REPLACE FUNCTION no_room() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'none' USING ERRCODE = '${state}'; END $$`,
      );
      const error = await db.query("SELECT no_room()", []).catch((reason) => reason);
      expect([state, error instanceof DatabaseUnavailable, error.code]).toEqual([state, true, "unavailable"]);
    }
    // Its connection goes on, and what is wrong in another way is still a defect.
    expect(await ask(3)).toEqual([true, true, true]);
    expect(await db.query("SELECT 1 / 0", []).catch((reason) => reason)).not.toBeInstanceOf(DatabaseUnavailable);
  });

  test("a question that fails halfway leaves nothing to the next one", async () => {
    const session = openSession(url.href, systemClock);
    const broken = "SELECT i, 1 / (3 - i) FROM generate_series(1, 9) i";
    for (const { query } of [db, session]) {
      expect(await query(broken, []).catch(sqlState)).toBe("22012");
      const rows = await query("SELECT 'mine' AS whose", []);
      expect([rows.length, ...rows]).toEqual([1, { whose: "mine" }]);
    }
    expect(await db.query("SELECT i, pg_sleep(i - 1) FROM generate_series(1, 9) i", []).catch((error) => error.code)).toBe("unavailable"); // prettier-ignore
    expect((await db.query("SELECT 'mine' AS whose", [])).length).toBe(1);
    await session.close();
  });

  test("a connection that comes up after its client was given up is closed, not kept by the server for an hour", async () => {
    const { socket } = unhurried(systemClock, () => true) as { socket(target: object): Promise<unknown> };
    const closed = Promise.withResolvers<void>();
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: () => {}, close: () => closed.resolve() },
    });
    for (const ssl of [undefined, "require"]) {
      const late = socket({ host: ["127.0.0.1"], port: [server.port], ssl });
      expect(await late.catch((error) => error.code)).toBe("unavailable");
    }
    await closed.promise;
    server.stop(true);
  });

  test("something that accepts and closes is not stormed", async () => {
    let connects = 0;
    const closing = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { open: (socket) => void (connects++, socket.end()), data: () => {} },
    });
    const there = `postgres://postgres@127.0.0.1:${closing.port}/x`;
    const other = openPostgres(there, systemClock);
    const started = performance.now();
    expect(await other.query("SELECT 1", []).catch((error) => error.code)).toBe("unavailable");
    expect([performance.now() - started < 6_000, connects < 100]).toEqual([true, true]);
    await other.close();
    closing.stop(true);
  });
});
