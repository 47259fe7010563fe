/** What a crash takes back of a database, and what is held of it. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { rename, stat } from "node:fs/promises";
import postgres from "postgres";
import { createRoomStore } from "../../src/chat/rooms-store.ts";
import { type Database, isAhead } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { WorkerClient } from "../../src/db/embedded-client.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { look } from "../../src/realtime/store.ts";
import { eventually, haveServices, type Postgres, silent, startPostgres, tempDir } from "../support/services.ts";

/** Who asks how it stands, and keeps the answer. */
const askers: Record<string, (db: Database) => Promise<string>> = {
  "a look": async (db) => (await look(db, null)).horizon,
  "the next look": async (db) => (await look(db, "3:3:")).horizon,
  "who comes back": async (db) =>
    (await createRoomStore(db).catchUp([{ userId: crypto.randomUUID(), since: null }]))[0]!.now,
};
/** Takes a number and is rolled back, so that nobody waits until that is on the disk. */
const FAILS = "DO $$ BEGIN PERFORM pg_current_xact_id(); RAISE EXCEPTION 'no'; END $$";
const fail = async (run: (sql: string) => Promise<unknown>) => {
  for (let i = 0; i < 5; i++) await run(FAILS).catch(() => {});
};

describe("a snapshot that somebody keeps is not ahead of what a crash leaves", () => {
  let server: Postgres | undefined;
  afterAll(() => server?.stop("SIGQUIT"));

  test.skipIf(!haveServices)(
    "PostgreSQL, also where another application of the same server fails or does not wait",
    async () => {
      server = await startPostgres();
      const db = openPostgres(`${server.url}/postgres`, systemClock);
      await migrate(db);
      const other = await postgres(server.url, { max: 1, database: "template1", onnotice: () => {} });
      for (const [who, ask] of Object.entries(askers)) {
        // The walwriter has just been there, and comes again in 200 ms.
        for (let i = 0; i < 30; i++) {
          await fail((sql) => other.unsafe(sql));
          await Bun.sleep(20);
        }
        await fail((sql) => other.unsafe(sql));
        const kept = await ask(db);
        await server.stop("SIGQUIT");
        await server.start();
        const { horizon } = await eventually(() => look(db, null), 30_000);
        expect([who, isAhead(kept, horizon)]).toEqual([who, false]);
      }
      await other.end();
      await db.close();
    },
  );

  test("the embedded one", async () => {
    const dir = await tempDir();
    const first = await openEmbedded(dir, systemClock, silent);
    await migrate(first);
    await first.close();
    const open = async () => {
      const client = new WorkerClient(join(dir, "pg"), systemClock.after, () => {});
      await client.open();
      const query = (sql: string, params: unknown[]) => client.query({ sql, params, arrays: false });
      return { client, db: { query } as unknown as Database };
    };
    for (const [who, ask] of Object.entries(askers)) {
      const before = await open();
      await fail((sql) => before.client.query({ sql, params: [], arrays: false }));
      const kept = await ask(before.db);
      before.client.terminate();
      const after = await open();
      expect([who, isAhead(kept, (await look(after.db, null)).horizon)]).toEqual([who, false]);
      await after.client.close();
    }
  });
});

describe("an embedded database", () => {
  /** A closed one, and a client of it whose deadlines come sooner by that factor. */
  async function rig() {
    const dir = await tempDir();
    await (await openEmbedded(dir, systemClock, silent)).close();
    const self = { hurry: 1, said: [] as string[], dir };
    const after = (ms: number, callback: () => void) => systemClock.after(ms / self.hurry, callback);
    const client = new WorkerClient(join(dir, "pg"), after, (what) => self.said.push(what));
    await client.open();
    const ask = (sql: string) => client.query({ sql, params: [], arrays: false });
    return Object.assign(self, { client, ask });
  }

  test("is not taken for one that hangs while it does what takes as long as it takes, a migration for instance", async () => {
    const busy = await rig();
    busy.hurry = 50;
    const migration = busy.client.ask({ exec: "SELECT pg_sleep(1)" });
    for (let i = 0; i < 3; i++) expect(await busy.ask("SELECT 1").catch((error) => error.code)).toBe("unavailable");
    await migration;
    await eventually(() => busy.ask("SELECT 1"));
    expect(busy.said).toEqual([]);
    await busy.client.close();
  });

  test("that hung comes back also where it takes longer to open than a question may take", async () => {
    const hung = await rig();
    // 100 ms for a question, and asked more often than that.
    hung.hurry = 50;
    await hung.ask("SELECT pg_sleep(0.5)").catch(() => {});
    await eventually(() => hung.ask("SELECT 1"), 20_000);
    expect(hung.said).toEqual(["the embedded database does not answer; starting it again"]);
    await hung.client.close();
  });

  test("that hung is opened when what kept it from opening is gone, and not after it was closed", async () => {
    const hung = await rig();
    const file = join(hung.dir, "pg/global/pg_control");
    await rename(file, `${file}.away`);
    hung.hurry = 10;
    await hung.ask("SELECT pg_sleep(1)").catch(() => {});
    await eventually(() => expect(hung.said.length).toBeGreaterThanOrEqual(3), 20_000);
    await rename(`${file}.away`, file);
    await eventually(() => hung.ask("SELECT 1"), 20_000);
    await rename(file, `${file}.away`);
    await hung.ask("SELECT pg_sleep(1)").catch(() => {});
    await eventually(() => expect(hung.said.at(-1)).toContain("does not open"), 20_000);
    hung.client.terminate();
    const { length } = hung.said;
    await Bun.sleep(1_000);
    expect(hung.said.length).toBe(length);
  });

  /** One that hung and does not open, for as long as a file of it is away. */
  async function away() {
    const hung = await rig();
    const file = join(hung.dir, "pg/global/pg_control");
    await rename(file, `${file}.away`);
    hung.hurry = 10;
    await hung.ask("SELECT pg_sleep(1)").catch(() => {});
    await eventually(() => expect(hung.said.at(-1)).toContain("does not open"), 20_000);
    hung.hurry = 1;
    const written = async () => (await stat(file)).mtimeMs;
    return Object.assign(hung, { back: () => rename(`${file}.away`, file), written });
  }

  test("that does not open is not taken for one that rests: it would open while its files are copied", async () => {
    const hung = await away();
    let begun = false;
    let touched = false;
    const copying = hung.client.rest(async () => {
      begun = true;
      const before = await hung.written();
      await Bun.sleep(2_500);
      touched = (await hung.written()) !== before;
    });
    await Bun.sleep(1_500);
    expect(begun).toBe(false);
    await hung.back();
    await copying;
    expect(touched).toBe(false);
    await hung.client.close();
  }, 30_000);

  test("that does not open is over when it is closed, and whoever asks later starts nothing", async () => {
    for (const hung of [await away(), await rig()]) {
      await hung.client.close();
      const { length } = hung.said;
      const late = hung.ask("SELECT 1").catch((error) => error.code);
      hung.hurry = 10;
      await Bun.sleep(2_500);
      expect([await late, hung.said.length]).toEqual(["unavailable", length]);
    }
  }, 30_000);

  test("that takes its time for each question is not taken for one that hangs because another waited behind it", async () => {
    const slow = await rig();
    slow.hurry = 5;
    const both = await Promise.all([1, 2].map(() => slow.ask("SELECT pg_sleep(0.7)").then(() => "in time", (error) => error.code))); // prettier-ignore
    expect(both).toContain("in time");
    expect(await slow.ask("SELECT 1")).toBeTruthy();
    expect(slow.said).toEqual([]);
    await slow.client.close();
  });
});
