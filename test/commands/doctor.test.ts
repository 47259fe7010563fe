/** What is wrong, each with the real thing: a full disk, a port that is taken, a database of tomorrow. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { diagnose } from "../../src/commands/doctor.ts";
import { readConfig } from "../../src/config.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { MAIN, runProgram } from "../support/program.ts";
import { type Env, SECRET, startServer } from "../support/server.ts";
import { freePort, freshDatabase, haveServices, silent, startRedis, tempDir } from "../support/services.ts";

/** The lines of the doctor about what is wrong, and whether it said so by its exit code too. */
async function wrongs(env: Env): Promise<string[]> {
  const { code, out, err } = await runProgram(["doctor"], { HOST: "127.0.0.1", PORT: `${await freePort()}`, ...env });
  const lines = out.split("\n").filter((line) => line.startsWith("WRONG"));
  expect([err, code]).toEqual(["", lines.length ? 1 : 0]);
  return lines;
}
const inFolder = async (): Promise<Env> => ({ DATA_DIR: await tempDir(), SECRET_KEY: SECRET });
const one = (...words: string[]) => [
  expect.stringMatching(new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*"))),
];

test("where all is well, nothing is wrong, and nothing was made or changed", async () => {
  const dir = await tempDir();
  expect(await wrongs({ DATA_DIR: join(dir, "data") })).toEqual([]);
  expect(readdirSync(dir)).toEqual([]);
});

test("a folder without a database is told, for it may be the wrong one", async () => {
  const env = { DATA_DIR: join(await tempDir(), "data"), SECRET_KEY: SECRET, PORT: "0" };
  const none = `mind   No database in ${env.DATA_DIR} yet; the first start makes one.`;
  expect((await runProgram(["doctor"], env)).out).toContain(none);
  await runProgram(["migrate"], env);
  const { out } = await runProgram(["doctor"], env);
  expect([out.includes(none), out.includes("ok     database")]).toEqual([false, true]);
});

test("a folder that cannot be made, or written to", async () => {
  const dir = await tempDir();
  const cannot = (at: string, code: string) => one("DATA_DIR", `cannot write to ${at} (${code})`);
  writeFileSync(join(dir, "file"), "");
  const inTheWay = { DATA_DIR: join(dir, "file", "data"), SECRET_KEY: SECRET };
  expect(await wrongs(inTheWay)).toEqual(cannot(join(dir, "file"), "ENOTDIR"));
  expect((await runProgram(["doctor"], inTheWay)).out).not.toContain("database");
  const elsewhere = { ...inTheWay, DATABASE_URL: "postgres://x@127.0.0.1:1/x" };
  expect(await wrongs(elsewhere)).toEqual(one("The database at 127.0.0.1:1 cannot be used"));
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", dir]).exitCode !== 0) {
    if (process.env.CI) throw new Error("this test mounts a disk, which needs root");
    return console.warn("*** SKIPPED: mounting a disk needs root");
  }
  try {
    const readOnly = { DATA_DIR: join(dir, "data"), SECRET_KEY: SECRET };
    expect(await wrongs(readOnly)).toEqual(cannot(dir, "EROFS"));
    expect((await runProgram(["migrate"], readOnly)).code).toBe(1);
  } finally {
    Bun.spawnSync(["umount", dir]);
  }
});

test("two workers without Redis", async () => {
  expect(await wrongs({ WORKERS: "2", DATABASE_URL: "postgres://x@127.0.0.1/x", SECRET_KEY: SECRET })).toEqual(
    one("WORKERS", "Set DATABASE_URL and REDIS_URL, or WORKERS=1"),
  );
});

test("a secret that is too short", async () => {
  expect(await wrongs({ SECRET_KEY: "short" })).toEqual(one("SECRET_KEY", "at least 32 bytes", "openssl rand -hex 32"));
});

test("a database of a newer version, embedded", async () => {
  const env = await inFolder();
  expect((await runProgram(["migrate"], env)).code).toBe(0);
  const db = await openEmbedded(env.DATA_DIR!, systemClock, silent);
  await db.exec("INSERT INTO migrations (id) VALUES ('9999_tomorrow')");
  await db.close();
  expect(await wrongs(env)).toEqual(one("newer than this program", "9999_tomorrow", "Start the newer version"));
});

test("a full disk", async () => {
  const dir = await tempDir();
  if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", dir]).exitCode !== 0) {
    if (process.env.CI) throw new Error("this test mounts a small disk, which needs root");
    return console.warn("*** SKIPPED: mounting a small disk needs root");
  }
  try {
    expect(await wrongs({ DATA_DIR: join(dir, "data", "deep"), SECRET_KEY: SECRET })).toEqual(
      one("disk of DATA_DIR is full", "Make room"),
    );
  } finally {
    Bun.spawnSync(["umount", dir]);
  }
});

test("a port that is taken by something else; one's own server is nothing wrong", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ status: "ok" }) });
  expect(await wrongs({ ...(await inFolder()), PORT: `${other.port}` })).toEqual(
    one("PORT", `something else listens on 127.0.0.1:${other.port}`, "set another PORT"),
  );
  await other.stop(true);
  const env = { ...(await inFolder()), PORT: `${await freePort()}` };
  const server = await startServer(env);
  expect(await wrongs(env)).toEqual([]);
  await server.kill();
  expect(await wrongs({ ...env, HOST: "203.0.113.1" })).toEqual(one("HOST", "no address of this machine"));
});

test("a port for /metrics that is taken by something else, that of any worker; one's own server is nothing wrong", async () => {
  const listen = (port: number) =>
    Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("something_else 1") });
  // The port below has to be nobody's, and this one too.
  let other: ReturnType<typeof listen> | undefined;
  for (let below = await freePort(); !other; below = await freePort())
    try {
      other = listen(below + 1);
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    }
  const taken = other.port!;
  const says = one("METRICS_PORT", `something else listens on 127.0.0.1:${taken}`, "set another METRICS_PORT");
  expect(await wrongs({ ...(await inFolder()), METRICS_PORT: `${taken}` })).toEqual(says);
  const scaled = { SECRET_KEY: SECRET, DATABASE_URL: "postgres://x@127.0.0.1:1/x", REDIS_URL: "redis://127.0.0.1:1" };
  const ofTwo = await wrongs({ ...scaled, WORKERS: "2", METRICS_PORT: `${taken - 1}` });
  expect(ofTwo.filter((line) => line.includes("METRICS_PORT"))).toEqual(says);
  await other.stop(true);
  const env = { ...(await inFolder()), PORT: `${await freePort()}`, METRICS_PORT: `${await freePort()}` };
  for (const token of [{}, { METRICS_TOKEN: SECRET }] as Env[]) {
    const server = await startServer({ ...env, ...token });
    expect(await wrongs({ ...env, ...token })).toEqual([]);
    await server.kill();
  }
  const port = `${await freePort()}`;
  expect(await wrongs({ ...(await inFolder()), PORT: port, METRICS_PORT: port })).toEqual(
    one("METRICS_PORT", "is PORT"),
  );
}, 60_000);

test("a folder of another user, or one that all may look into", async () => {
  if (process.geteuid!() !== 0) return console.warn("*** SKIPPED: giving a folder away needs root");
  const env = await inFolder();
  chmodSync(env.DATA_DIR!, 0o755);
  const { out } = await runProgram(["doctor"], env);
  expect(out).toContain("mind   DATA_DIR: other users may look into");
  chownSync(env.DATA_DIR!, 12_345, 12_345);
  expect(await wrongs(env)).toEqual(one("DATA_DIR", "belongs to user 12345", "chown"));
  const refused = await runProgram(["migrate"], env);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("belongs to user 12345")]);
  expect([existsSync(join(env.DATA_DIR!, "lock")), existsSync(join(env.DATA_DIR!, "pg"))]).toEqual([false, false]);
});

test("services that are not there, and proxies that are trusted too much or too little", async () => {
  const gone = await freePort();
  expect(
    await wrongs({
      SECRET_KEY: SECRET,
      DATABASE_URL: `postgres://x@127.0.0.1:${gone}/x`,
      REDIS_URL: `redis://127.0.0.1:${gone}`,
      TRUSTED_PROXIES: "::/0",
      PUBLIC_URL: "https://chat.example.org",
    }),
  ).toEqual([
    ...one(`The database at 127.0.0.1:${gone} cannot be used`, "ECONNREFUSED", "correct DATABASE_URL"),
    ...one(`Redis at 127.0.0.1:${gone} cannot be used`, "ECONNREFUSED", "correct REDIS_URL"),
    ...one("TRUSTED_PROXIES: trusts everyone"),
  ]);
  expect(await wrongs({ ...(await inFolder()), PUBLIC_URL: "https://chat.example.org" })).toEqual(
    one("TRUSTED_PROXIES: is empty"),
  );
});

test("few open files", async () => {
  const { out } = await runProgram(["-c", `ulimit -n 1200; exec "$0" "$@"`, process.execPath, MAIN, "doctor"], await inFolder(), { program: ["bash"] }); // prettier-ignore
  expect(out).toContain("mind   This process may have 1200 files open, which is room for 200 sockets. Raise the limit");
});

test.skipIf(!haveServices)(
  "a PostgreSQL of a newer version, in another encoding, with too few connections, or not there",
  async () => {
    const url = await freshDatabase();
    const env = { DATABASE_URL: url, SECRET_KEY: SECRET };
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql`CREATE TABLE migrations (id text PRIMARY KEY)`;
    await sql`INSERT INTO migrations VALUES ('0000_tables'), ('9999_tomorrow')`;
    expect(await wrongs(env)).toEqual(one("newer than this program", "9999_tomorrow"));
    await sql`DROP TABLE migrations`;
    const redis = await startRedis();
    expect(await wrongs({ ...env, REDIS_URL: redis.url, WORKERS: "100" })).toEqual(
      one("PostgreSQL takes 197 connections, 100 processes need 1100", "max_connections"),
    );
    await sql.unsafe("CREATE DATABASE in_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    expect(await wrongs({ ...env, DATABASE_URL: url.replace(/[^/]+$/, "in_latin1") })).toEqual(one("LATIN1", "UTF8"));
    expect(await wrongs({ ...env, DATABASE_URL: url.replace(/[^/]+$/, "no_such") })).toEqual(
      one('"no_such" does not exist'),
    );
    await sql.end();
    await redis.stop();
  },
  60_000,
);

test.skipIf(!haveServices)(
  "a clock five minutes off, by the database's and by Redis's",
  async () => {
    const redis = await startRedis();
    const env = { DATABASE_URL: await freshDatabase(), REDIS_URL: redis.url, SECRET_KEY: SECRET, PORT: "0" };
    for (const [off, says] of [
      [300_000, "300 s ahead of"],
      [-300_000, "300 s behind"],
      [0, null],
    ] as const) {
      const clock = { ...systemClock, now: () => Date.now() + off };
      const all: string[] = [];
      for await (const { findings } of diagnose(() => readConfig(env, false), clock))
        all.push(...findings.filter(({ wrong }) => wrong).map((finding) => finding.says));
      expect(all).toEqual(says === null ? [] : [...one(says, "the database's", "NTP"), ...one(says, "Redis's", "NTP")]);
    }
    await redis.stop();
  },
  30_000,
);
