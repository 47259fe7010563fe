/** Backups and restores that do not come to their end. */
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { restore } from "../../src/moving/restore.ts";
import { systemClock as clock } from "../../src/ops/clock.ts";
import { MAIN } from "../support/program.ts";
import { SECRET } from "../support/server.ts";
import { eventually, haveServices, silent, tempDir } from "../support/services.ts";
import { archive, backUp, closeAll, count, epoch, failure, KINDS, make, populate, say } from "./databases.ts";

afterEach(closeAll);

for (const [kind, open] of KINDS)
  test(`${kind}: a restore that ends in the middle leaves the database as it was`, async () => {
    const old = await make(open);
    const people = await populate(old.db);
    for (let i = 0; i < 4; i++)
      await say(
        old.db,
        people,
        GLOBAL_ROOM,
        Array.from({ length: 500 }, (_, n) => `${n}`),
      );
    const file = await archive();
    await backUp(old.db, file);
    const fresh = await make(open);
    await migrate(fresh.db);
    const before = await epoch(fresh.db);
    const cut = restore(fresh.session, file, true, (done, of) => {
      if (done > of / 2) throw new Error("cut");
    });
    expect(await failure(cut)).toContain("cut");
    expect([await count(fresh.db, "users"), await count(fresh.db, "messages"), await epoch(fresh.db)]).toEqual([
      0,
      0,
      before,
    ]);
    const full = { ...fresh.session, hasRoom: () => false };
    expect(await failure(restore(full, file, true))).toContain("nearly full");
    expect((await restore(fresh.session, file, true)).counts.messages).toBe(2_005);
  }, 120_000);

test.skipIf(!haveServices)(
  "a restore whose connection breaks is taken back by PostgreSQL, and nothing of it lands outside of its transaction",
  async () => {
    const old = await make(KINDS[0]![1]);
    const people = await populate(old.db);
    for (let i = 0; i < 4; i++)
      await say(
        old.db,
        people,
        GLOBAL_ROOM,
        Array.from({ length: 500 }, (_, n) => `${n}`),
      );
    const file = await archive();
    await backUp(old.db, file);
    const fresh = await make(KINDS[1]![1]);
    const [backend] = await fresh.session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid", []);
    let ended: Promise<unknown> | undefined;
    const broken = restore(fresh.session, file, true, (done, of) => {
      if (done > of / 3) ended ??= fresh.db.query("SELECT pg_terminate_backend($1)", [backend!.pid]);
    });
    expect(await failure(broken)).not.toBe("it worked");
    await ended;
    expect(await failure(fresh.session.exec("SELECT 1"))).not.toBe("it worked");
    expect(await fresh.db.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", [])).toEqual([]); // prettier-ignore
  },
  60_000,
);

test("a restore into the embedded database that is killed leaves it empty, and the next one fills it", async () => {
  const old = await make(KINDS[0]![1]);
  const people = await populate(old.db);
  const texts = Array.from({ length: 500 }, () => crypto.getRandomValues(Buffer.alloc(900)).toString("base64"));
  for (let i = 0; i < 10; i++) await say(old.db, people, GLOBAL_ROOM, texts);
  const file = await archive();
  await backUp(old.db, file);
  const dir = await tempDir();
  const child = Bun.spawn([process.execPath, MAIN, "restore", file], {
    env: { PATH: process.env.PATH, SECRET_KEY: SECRET, DATA_DIR: dir },
    cwd: await tempDir(),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const size = () => readdirSync(dir, { recursive: true, encoding: "utf8" }).reduce((sum, name) => sum + (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0), 0); // prettier-ignore
  await eventually(() => expect(existsSync(join(dir, "pg"))).toBe(true));
  const before = size();
  await eventually(() => expect(size() - before).toBeGreaterThan(4e6), 30_000);
  child.kill("SIGKILL");
  await child.exited;
  const db = await openEmbedded(dir, clock, silent);
  expect(await db.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", [])).toEqual([]); // prettier-ignore
  expect((await restore(db.session, file, true)).counts.messages).toBe(5_005);
  await db.close();
}, 120_000);

test("where there is no room for a copy of the embedded database, a backup is refused and the chat goes on", async () => {
  const dir = await tempDir();
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=140m", "tmpfs", dir]).exitCode !== 0) {
    if (process.env.CI) throw new Error("this test mounts a small disk, which needs root");
    return console.warn("*** SKIPPED: mounting a small disk needs root");
  }
  const db = await openEmbedded(join(dir, "data"), clock, silent);
  try {
    const people = await populate(db);
    expect(await failure(backUp(db, await archive()))).toContain("no room beside the database for a copy of it");
    expect(await say(db, people, people.room, ["goes on"])).toMatchObject([{ kind: "stored" }]);
  } finally {
    await db.close();
    Bun.spawnSync(["umount", dir]);
  }
}, 120_000);

test("a disk that is full, and a folder that is not there, are told, and leave the backup before as it was", async () => {
  const { db } = await make(KINDS[0]![1]);
  await populate(db);
  const dir = await tempDir();
  const file = join(dir, "backup");
  await backUp(db, file);
  const before = readFileSync(file);
  expect(await failure(backUp(db, join(dir, "none", "backup")))).toContain("ENOENT");
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir]).exitCode !== 0) {
    if (process.env.CI) throw new Error("this test mounts a small disk, which needs root");
    return console.warn("*** SKIPPED: mounting a small disk needs root");
  }
  try {
    appendFileSync(file, "the backup before");
    appendFileSync(join(dir, "ballast"), Buffer.alloc(8 * 1024));
    const people = (await db.query<{ id: string }>("SELECT id FROM sessions WHERE ended_at IS NULL LIMIT 1", []))[0]!;
    const [owner] = await db.query<{ user_id: string }>("SELECT user_id FROM sessions WHERE id = $1", [people.id]);
    const noise = Array.from({ length: 100 }, () => crypto.getRandomValues(Buffer.alloc(300)).toString("base64"));
    await say(db, { ids: [owner!.user_id], sessions: [people.id], room: "" }, GLOBAL_ROOM, noise);
    expect(await failure(backUp(db, file))).toMatch(/cannot be written.*(ENOSPC|no space)/i);
    expect(readFileSync(file, "utf8")).toBe("the backup before");
    expect(readdirSync(dir).sort()).toEqual(["backup", "ballast"]);
  } finally {
    Bun.spawnSync(["umount", dir]);
  }
  expect(readFileSync(file)).toEqual(before);
  truncateSync(file, 10);
  await backUp(db, file);
  expect(readFileSync(file).length).toBeGreaterThan(before.length);
  expect(readdirSync(dir)).toEqual(["backup"]);
}, 120_000);
