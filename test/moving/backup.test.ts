import { afterEach, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { migrate } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { pipeArchive } from "../../src/moving/archive.ts";
import { archiveText } from "../../src/moving/backup.ts";
import { restore } from "../../src/moving/restore.ts";
import { readAll } from "../../src/moving/rows.ts";
import { archive, backUp, closeAll, count, epoch, failure, KINDS, make, populate, say } from "./databases.ts";

afterEach(closeAll);

for (const [from, openFrom] of KINDS)
  for (const [to, openTo] of KINDS)
    test(`a backup of ${from} restores into ${to} with the same rows, as another deployment of another epoch, and what is sent next goes on`, async () => {
      const [old, fresh] = [await make(openFrom), await make(openTo)];
      const people = await populate(old.db);
      const file = await archive();
      const sums = await backUp(old.db, file);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      // Somebody started a server there once.
      await migrate(fresh.db);
      const { counts } = await restore(fresh.session, file, true);
      expect(counts).toMatchObject({ users: 3, rooms: 2, messages: 5, sessions: 3, retired_names: 1 });
      expect(await backUp(fresh.db, await archive())).toMatchObject({ tables: sums.tables });
      expect(await epoch(fresh.db)).not.toBe(await epoch(old.db));
      const ids = await Promise.all([old, fresh].map(({ db }) => db.query("SELECT id, epoch FROM deployment", [])));
      expect(ids[0]).not.toEqual(ids[1]!);
      // Nothing of it is news to who comes with a cursor of this database.
      expect(await fresh.db.query("SELECT DISTINCT changed::text FROM messages UNION SELECT changed::text FROM heads", [])).toEqual([{ changed: "0" }]); // prettier-ignore
      const [next] = await say(fresh.db, people, people.room, ["goes on"]);
      expect(next).toMatchObject({ kind: "stored", seq: 6 });
    }, 120_000);

for (const [kind, open] of KINDS) {
  test(`${kind}: a backup under load has every send that was acknowledged before it, and no half of a batch`, async () => {
    const { db } = await make(open);
    const people = await populate(db);
    const acknowledged: number[] = [];
    let slowest = 0;
    let going = true;
    const talk = async () => {
      while (going) {
        const startedAt = performance.now();
        const outcomes = await say(db, people, GLOBAL_ROOM, ["one", "two", "three"]);
        slowest = Math.max(slowest, performance.now() - startedAt);
        acknowledged.push(...outcomes.map((outcome) => (outcome as { seq: number }).seq));
      }
    };
    const talking = Promise.all([talk(), talk(), talk()]);
    while (acknowledged.length < 300) await Bun.sleep(5);
    const before = Math.max(...acknowledged);
    const file = await archive();
    await backUp(db, file);
    const after = Math.max(...acknowledged);
    going = false;
    await talking;
    // It went on meanwhile, and nobody's deadline (5 s) was missed.
    expect(after).toBeGreaterThan(before);
    expect(slowest).toBeLessThan(4_000);

    const fresh = await make(open);
    await restore(fresh.session, file, true);
    const [room] = await fresh.db.query<{ head: number; rows: number; last: number }>(
      `SELECT (SELECT seq FROM heads WHERE room_id = $1) AS head, count(*) AS rows, max(seq) AS last FROM messages WHERE room_id = $1`,
      [GLOBAL_ROOM],
    );
    expect(room!.head).toBeGreaterThanOrEqual(before);
    expect(room!.head % 3).toBe(0);
    expect(room).toEqual({ head: room!.head, rows: room!.head, last: room!.head });
  }, 120_000);

  test(`${kind}: rows are read by some megabytes, also where large ones follow upon many small ones`, async () => {
    const { session } = await make(open);
    await session.exec("BEGIN");
    const sql =
      "SELECT repeat('x', CASE WHEN n <= 3000 THEN 10 ELSE 100000 END) AS row FROM generate_series(1, 3600) n";
    const sizes: number[] = [];
    let rows = 0;
    for await (const batch of readAll<{ row: string }>(session, sql)) {
      rows += batch.length;
      sizes.push(batch.reduce((sum, { row }) => sum + row.length, 0));
    }
    await session.exec("ROLLBACK");
    expect(rows).toBe(3_600);
    expect(Math.max(...sizes)).toBeWithin(1_000_000, 10_000_000);
  });

  test(`${kind}: sessions end with a restore, unless they are to be kept`, async () => {
    const old = await make(open);
    await populate(old.db);
    const file = await archive();
    await backUp(old.db, file);
    for (const [keep, living] of [
      [false, 0],
      [true, 2],
    ] as const) {
      const fresh = await make(open);
      await restore(fresh.session, file, keep);
      expect(await count(fresh.db, "sessions WHERE ended_at IS NULL")).toBe(living);
    }
  }, 120_000);

  test(`${kind}: a restore into a database that somebody uses changes nothing and says so`, async () => {
    const old = await make(open);
    await populate(old.db);
    const file = await archive();
    const sums = await backUp(old.db, file);
    expect(await failure(restore(old.session, file, true))).toContain("The database is not empty");
    expect((await backUp(old.db, await archive())).tables).toEqual(sums.tables);

    const foreign = await make(open);
    await foreign.db.exec("CREATE TABLE users (name text); INSERT INTO users VALUES ('of another program')");
    expect(await failure(restore(foreign.session, file, true))).toContain("a table users that is not of LiquidChat");
    expect(await foreign.db.query("SELECT * FROM users", [])).toEqual([{ name: "of another program" }]);
  }, 120_000);

  test(`${kind}: a file that is no backup, is cut off, damaged, or of a newer version restores nothing`, async () => {
    const old = await make(open);
    await populate(old.db);
    const file = await archive();
    await backUp(old.db, file);
    const whole = readFileSync(file);
    const lines = gunzipSync(whole).toString().split("\n");
    const rewritten = (change: (lines: string[]) => string[]) => gzipSync(change([...lines]).join("\n"));
    const fresh = await make(open);
    const bad: [string, Uint8Array, string][] = [
      ["another file", Buffer.from("hello"), "is no backup of LiquidChat"],
      ["another gzip", gzipSync("hello\n"), "is no backup of LiquidChat"],
      ["nothing", Buffer.alloc(0), "is no backup of LiquidChat"],
      ["cut off", whole.subarray(0, whole.length - 400), "cannot be read to its end"],
      ["cut off at a line", rewritten((all) => [...all.slice(0, -3), ""]), "is cut off"],
      ["more behind it", rewritten((all) => [...all, "{}", ""]), "is damaged"],
      ["a word changed", gzipSync(gunzipSync(whole).toString().replace("goes", "went").replace("name1", "name9")), "is damaged"],
      ["a newer format", rewritten(([head, ...rest]) => [head!.replace('"version":1', '"version":2'), ...rest]), "newer version of LiquidChat"],
      ["newer tables", remade(lines, (head) => ({ ...head, migrations: [...head.migrations, "9999_later"] })), "newer version of LiquidChat (migration 9999_later)"],
      ["no such file", Buffer.alloc(0), ""],
    ]; // prettier-ignore
    for (const [what, bytes, sentence] of bad) {
      const path = await archive();
      if (sentence) writeFileSync(path, bytes);
      expect([what, await failure(restore(fresh.session, path, true))]).toEqual([what, expect.stringContaining(sentence || "ENOENT")]); // prettier-ignore
    }
    expect(await fresh.db.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", [])).toEqual([]); // prettier-ignore
    // And then the good one.
    expect((await restore(fresh.session, file, true)).counts.users).toBe(3);
  }, 120_000);

  test(`${kind}: a backup of an older version comes to this one's tables`, async () => {
    const old = await make(open);
    await migrate(
      old.db,
      MIGRATIONS.slice(0, 2).map(({ id }) => id),
    );
    const user = crypto.randomUUID();
    await old.db.query("INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES ($1, 'old', 'old', 'old', true, 'x')", [user]); // prettier-ignore
    await old.db.query("UPDATE heads SET seq = 1", []);
    await old.db.query("INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at) VALUES ($1, 1, gen_random_uuid(), $2, 'hello', now())", [GLOBAL_ROOM, user]); // prettier-ignore
    const file = await archive();
    await backUp(old.db, file);
    const fresh = await make(open);
    await migrate(fresh.db);
    await restore(fresh.session, file, true);
    // As its own migration does it: everyone takes part in the public room.
    expect(await fresh.db.query("SELECT user_id, read_seq FROM members", [])).toEqual([{ user_id: user, read_seq: 1 }]);
    expect(await fresh.db.query("SELECT count(*) AS n FROM retired_names", [])).toEqual([{ n: 0 }]);
  }, 120_000);
}

test("a text that breaks off is no backup, also where it went to a pipe and cannot be read again", async () => {
  const { db } = await make(KINDS[0]![1]);
  await populate(db);
  const text: string[] = [];
  for await (const piece of archiveText(db, new Date())) text.push(piece);
  const piped = (pieces: string[]) => {
    const out: Uint8Array[] = [];
    const sink = new Writable({ write: (chunk, _, done) => (out.push(chunk), done()) });
    return pipeArchive(sink, (async function* () { yield* pieces; })(), () => {}).then((sums) => [sums, gunzipSync(Buffer.concat(out)).toString()]); // prettier-ignore
  };
  const sums = JSON.parse(text.at(-1)!);
  expect(await piped(text)).toEqual([{ ...sums, rows: expect.any(Number) }, text.join("")]);
  for (const cut of [text.slice(0, -1), text.slice(0, 1), [], [...text.slice(0, -1), text.at(-1)!.slice(0, -1)]])
    expect(await failure(piped(cut))).toContain("cannot be written");
});

/** With another header, and checksums that fit it. */
function remade(lines: string[], change: (head: { migrations: string[] }) => object): Uint8Array {
  const body = [JSON.stringify(change(JSON.parse(lines[0]!))), ...lines.slice(1, -2)];
  const sha256 = new Bun.CryptoHasher("sha256").update(`${body.join("\n")}\n`).digest("hex");
  return gzipSync([...body, JSON.stringify({ ...JSON.parse(lines.at(-2)!), sha256 }), ""].join("\n"));
}
