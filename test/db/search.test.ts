/** A hundred thousand people: whom one finds, by which index, and who is not found. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { fold } from "../../src/auth/names.ts";
import { createAuthStore } from "../../src/auth/store.ts";
import type { Database } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { explaining, type Node, type Plans } from "../support/plans.ts";
import { SECRET, startServer } from "../support/server.ts";
import { freshDatabase, haveServices, silent, tempDir } from "../support/services.ts";

const databases: [string, () => Promise<Database>][] = [
  ["embedded", async () => openEmbedded(await tempDir(), systemClock, silent)],
];
if (haveServices) databases.push(["PostgreSQL", async () => openPostgres(await freshDatabase(), systemClock)]);

const PEOPLE = 100_000;

for (const [name, open] of databases) {
  describe(`${name}: among a hundred thousand people`, () => {
    let db: Database;
    let plans: Plans;
    const me = crypto.randomUUID();

    beforeAll(async () => {
      ({ db, plans } = explaining(await open()));
      await migrate(db);
      // As many as there are of 3bf or иван; all with the same e-mail domain, every thousandth disabled.
      await db.exec(`
        INSERT INTO users (id, username, folded, skeleton, ascii, password, email, disabled_at)
          SELECT CASE WHEN i = 0 THEN '${me}'::uuid ELSE gen_random_uuid() END, n, n, n, true, 'x', 'q' || i || '@secret-mail.example',
            CASE WHEN i % 1000 = 999 THEN now() END
          FROM (SELECT i, CASE WHEN i % 1000 = 999 THEN 'gone-away' WHEN i % 10 = 0 THEN 'x.иван' ELSE substr(md5(i::text), 1, 6) || '_' END || i AS n
                FROM generate_series(0, ${PEOPLE}) i) x;
        INSERT INTO users (id, username, folded, skeleton, ascii, password)
          SELECT gen_random_uuid(), n, n, n, true, 'x' FROM unnest(ARRAY['50%off', '50_off', '5\\0', 'z😀z', '${"y".repeat(32)}']) n;
        ANALYZE users;`);
    }, 60_000);
    afterAll(() => db.close());

    const search = async (text: string, limit = 20, offset = 0) =>
      createAuthStore(db).listUsers(me, fold(text), limit, offset);

    test("three characters and more find a part of the name, by the index of its parts, however few or many match", async () => {
      for (const text of ["3bf", "3BF_", "иван", "ИВАН7", "zzz", "_12345", "f_9", "x".repeat(64)]) {
        const nodes = (await plans(() => search(text))).flat();
        expect([text, ...scans(nodes)]).toEqual([text, "users_parts", "users_parts"]);
      }
    });

    test("one or two characters find who begins with them, by the index of the names", async () => {
      for (const text of ["a", "3b", "x.", "é"]) {
        const nodes = (await plans(() => search(text))).flat();
        expect([text, ...scans(nodes)]).toEqual([text, "users_folded", "users_folded"]);
        expect((await search(text)).rows.every(({ username }) => username.startsWith(text))).toBe(true);
      }
      expect((await search("f_")).total).toBe(0);
    });

    test("the count is that of all pages, each user is on one of them, in order", async () => {
      for (const text of ["3bf", "3b", "x.", "ван12"]) {
        const all = await everyone(text);
        const { total } = await search(text);
        expect(total).toBe(all.length);
        const paged = [];
        for (let at = 0; at < total; at += 97) paged.push(...(await search(text, 97, at)).rows);
        expect(paged.map(({ username }) => username)).toEqual(all);
      }
    }, 60_000);

    test("what is searched means itself: wildcards, a backslash, emoji and quotes", async () => {
      const found = async (text: string) => (await search(text)).rows.map(({ username }) => username);
      expect([
        await found("0%o"),
        await found("0_o"),
        await found("5\\0"),
        await found("z😀z"),
        await found("50%"),
      ]).toEqual([["50%off"], ["50_off"], ["5\\0"], ["z😀z"], ["50%off"]]);
      for (const text of [
        "%",
        "_",
        "\\",
        "%%%",
        "___",
        "\\\\\\",
        "5__off",
        "😀",
        "😀😀😀",
        "'; --",
        "\u{10ffff}",
        "^50",
        ".*off",
        "$1",
      ])
        expect([text, await found(text)]).toEqual([text, []]);
    });

    test("an e-mail address, or a part of one, finds nobody; nor does anything find the disabled", async () => {
      for (const text of [
        "secret",
        "mail",
        "@secret-mail.example",
        "q1@",
        "q77@secret-mail.example",
        "example",
        "q5",
        "@",
      ])
        expect([text, (await search(text)).total]).toEqual([text, 0]);
      for (const text of ["gone", "go", "away999", "gone-away1999"])
        expect([text, (await search(text)).total]).toEqual([text, 0]);
      expect((await search("")).total).toBe(PEOPLE - PEOPLE / 1000 + 5);
    });

    test("a new name is found at once", async () => {
      await db.query(
        "INSERT INTO users (id, username, folded, skeleton, ascii, password) VALUES (gen_random_uuid(), $1, $1, $1, false, 'x')",
        ["brandnewname"],
      );
      expect([(await search("dnewn")).total, (await search("BR")).rows.map((row) => row.username)]).toEqual([
        1,
        ["brandnewname"],
      ]);
    });

    /** The names that a search should find, by looking at each. */
    const everyone = async (text: string) => {
      const rows = await db.query<{ username: string }>(
        `SELECT username FROM users WHERE disabled_at IS NULL AND id <> $1 AND ${[...text].length > 2 ? "position($2 in folded) > 0" : "left(folded, length($2)) = $2"} ORDER BY folded COLLATE "C"`,
        [me, text],
      );
      return rows.map(({ username }) => username);
    };
  });
}

/** The indexes that users were looked up by, and scans of all of them. */
const scans = (nodes: Node[]) =>
  nodes.flatMap((node) =>
    /Scan/.test(node["Node Type"]) && !/Heap/.test(node["Node Type"]) ? [node["Index Name"] ?? node["Node Type"]] : [],
  );

test.skipIf(!haveServices)(
  "a role that may not create the extension is told what to do, and does not start before it is done",
  async () => {
    const url = await freshDatabase();
    const admin = postgres(url, { max: 1, onnotice: () => {} });
    await admin.unsafe("CREATE ROLE modest LOGIN; GRANT CREATE ON SCHEMA public TO modest");
    const env = { DATABASE_URL: url.replace("//postgres@", "//modest@"), SECRET_KEY: SECRET };
    const refusal = await startServer(env).then(() => "started", String);
    expect(refusal).toContain("Let a superuser run in the database");
    expect(refusal).toContain("CREATE EXTENSION pg_trgm");
    await admin.unsafe("CREATE EXTENSION pg_trgm");
    const server = await startServer(env);
    await server.kill();
    await admin.end();
  },
  30_000,
);
