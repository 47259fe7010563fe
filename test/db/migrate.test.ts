import { expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Database } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { freshDatabase, haveServices, tempDir, silent } from "../support/services.ts";

const ROOT = join(import.meta.dir, "../..");

const databases: [string, () => Promise<Database>][] = [
  ["embedded", async () => openEmbedded(await tempDir(), systemClock, silent)],
];
if (haveServices) databases.push(["PostgreSQL", async () => openPostgres(await freshDatabase(), systemClock)]);

for (const [name, open] of databases) {
  test(`${name}: servers that start together migrate once, and a program that is older than its database refuses`, async () => {
    const db = await open();
    await Promise.all(Array.from({ length: 5 }, () => migrate(db)));
    expect(await db.query("SELECT id FROM migrations ORDER BY id", [])).toEqual([
      ...MIGRATIONS.map(({ id }) => ({ id })),
      { id: expect.stringMatching(/^functions /) },
    ]);
    expect(await db.query("SELECT kind FROM rooms", [])).toEqual([{ kind: "global" }]);
    await db.query("INSERT INTO migrations (id) VALUES ('9999_from_the_future')", []);
    // Not `rejects`: it waits in a way that a Worker\'s answers do not get through.
    expect(await migrate(db).catch(String)).toContain(
      "The database is newer than this program (it has migration 9999_from_the_future).",
    );
    await db.close();
  });

  test(`${name}: the same types come back from both`, async () => {
    const db = await open();
    const [row] = await db.query(
      "SELECT 9007199254740991::bigint AS n, timestamptz '2026-01-02 03:04:05.678Z' AS t, '{\"a\":[1]}'::jsonb AS j, NULL AS x, $1::text AS s, $2::jsonb AS p, $3::timestamptz AS d",
      ["it's", JSON.stringify({ b: 1 }), "2026-01-01T00:00:00.000Z"],
    );
    expect({ ...row }).toEqual({
      n: 9007199254740991,
      t: new Date("2026-01-02T03:04:05.678Z"),
      j: { a: [1] },
      x: null,
      s: "it's",
      p: { b: 1 },
      d: new Date("2026-01-01T00:00:00Z"),
    });
    expect(await db.query("SELECT 1/0", []).catch((error) => error.code)).toBe("22012");
    await db.query("SELECT 1", []);
    await db.close();
  });
}

test("every migration is embedded, and together they make the tables of schema.ts", async () => {
  const journal = await Bun.file(join(ROOT, "drizzle/meta/_journal.json")).json();
  expect(journal.entries.map((entry: { tag: string }) => entry.tag)).toEqual(MIGRATIONS.map(({ id }) => id));
  const out = join(await tempDir(), "drizzle");
  await cp(join(ROOT, "drizzle"), out, { recursive: true });
  const made = Bun.spawnSync(
    [
      join(ROOT, "node_modules/.bin/drizzle-kit"),
      "generate",
      "--dialect",
      "postgresql",
      "--schema",
      "./src/db/schema.ts",
      "--out",
      relative(ROOT, out),
    ],
    { cwd: ROOT },
  );
  expect(made.stdout.toString() + made.stderr.toString()).toContain("No schema changes");
});
