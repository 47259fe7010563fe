import { expect, mock, test } from "bun:test";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../src/config.ts";
import { createClientReader } from "../src/ops/address.ts";
import { call, Person } from "./support/client.ts";
import { eventually, freePort, tempDir } from "./support/services.ts";

const SECRET_KEY = "0123456789abcdef0123456789abcdefXYZ";

test("defaults are those of the first version's clients", () => {
  const config = readConfig({ SECRET_KEY });
  expect(config).toMatchObject({
    port: 8000,
    host: "0.0.0.0",
    databaseUrl: null,
    redisUrl: null,
    workers: 1,
    debug: false,
    messageMaxLength: 2000,
    maxFrameBytes: 65536,
    maxSocketsPerUser: 20,
    maxSockets: { all: 20_000, perAddress: 3_000, unauthenticated: 1_000 },
    refreshGraceMs: 10_000,
    accessTokenMs: 900_000,
    refreshTokenMs: 604_800_000,
    sessionMs: 7_776_000_000,
  });
  expect(config.presence).toEqual({ heartbeatMs: 30_000, expiryMs: 60_000, graceMs: 5_000 });
  expect(config.messageRate).toEqual({ perSecond: 1, burst: 5 });
});

test("any DB_ variable means PostgreSQL, DATABASE_URL wins, and so with Redis", () => {
  expect(readConfig({ SECRET_KEY, DB_HOST: "db" }).databaseUrl).toBe("postgres://liquidchat:@db:5432/liquidchat");
  expect(
    readConfig({ SECRET_KEY, DB_PASSWORD: "p@ss/word", DB_NAME: "chat", DB_USER: "me", DB_PORT: "5433" }).databaseUrl,
  ).toBe("postgres://me:p%40ss%2Fword@localhost:5433/chat");
  expect(readConfig({ SECRET_KEY, DB_HOST: "db", DATABASE_URL: "postgres://u@h/d" }).databaseUrl).toBe(
    "postgres://u@h/d",
  );
  expect(readConfig({ SECRET_KEY, REDIS_HOST: "r" }).redisUrl).toBe("redis://r:6379");
  expect(readConfig({ SECRET_KEY, REDIS_PORT: "7000", REDIS_URL: "redis://x:1" }).redisUrl).toBe("redis://x:1");
  expect(readConfig({ DJANGO_SECRET_KEY: SECRET_KEY, DB_HOST: "db" }).secretKeys.length).toBe(1);
  expect(readConfig({ SECRET_KEY: `${SECRET_KEY}, another-${SECRET_KEY}` }).secretKeys.length).toBe(2);
});

test("a bad value names its variable", () => {
  const bad: Record<string, string>[] = [
    { PORT: "http" }, { PORT: "70000" }, { PORT: "-1" }, { DEBUG: "maybe" }, { MESSAGE_MAX_LENGTH: "0" }, { MESSAGE_MAX_LENGTH: "1.5" }, { WORKERS: "0" }, { WORKERS: "2" },
    { PRESENCE_GRACE: "0" }, { ACCESS_TOKEN_LIFETIME: "x" }, { MESSAGE_RATE_LIMIT: "-1" }, { DATABASE_URL: "mysql://x" }, { REDIS_URL: "http://x" }, { DB_PORT: "x" },
    { ALLOWED_ORIGINS: "https://a.example/path" }, { ALLOWED_ORIGINS: "*" }, { TRUSTED_PROXIES: "10.0.0.0/33" }, { TRUSTED_PROXIES: "proxy" },
    { TRUSTED_PROXIES: "10.0.0.5/" }, { TRUSTED_PROXIES: "::1/" }, { TRUSTED_PROXIES: "10.0.0.0/8/16" }, { TRUSTED_PROXIES: "10.0.0.0/0x8" },
    { DATABASE_URL: "postgres://a:100%@db/chat" }, { DB_HOST: "localhost:5432" }, { DB_HOST: "db/x" }, { DB_HOST: "me@db" }, { DB_HOST: "d b" }, { DB_HOST: "[:]" },
    { REDIS_HOST: "localhost:6379" }, { REDIS_HOST: "r?x" }, { REDIS_HOST: "redis://r" }, { WORKERS: "9007199254740991" },
    { ACCESS_TOKEN_LIFETIME: "999999999999" }, { ACCESS_TOKEN_LIFETIME: "0.00001" }, { REFRESH_TOKEN_LIFETIME: "999999999" }, { SESSION_LIFETIME: "999999999" }, { SESSION_LIFETIME: "0" },
    { MESSAGE_MAX_LENGTH: "9007199254740991" }, { MAX_FRAME_BYTES: "9007199254740991" }, { MAX_FRAME_BYTES: "1" },
    { PRESENCE_HEARTBEAT: "100000000000" }, { PRESENCE_HEARTBEAT: "0.001" }, { PRESENCE_EXPIRY: "1" }, { REFRESH_GRACE: "100000" },
    { SECRET_KEY: "short" }, { SECRET_KEY: "django-insecure-0123456789abcdef0123456789" }, { SECRET_KEY: "x".repeat(40) }, { SECRET_KEY: "change-me-please-change-me-please-ok" },
  ]; // prettier-ignore
  for (const env of bad) expect(() => readConfig({ SECRET_KEY, ...env })).toThrow(`${Object.keys(env)[0]!}: `);
  expect(() => readConfig({ DATABASE_URL: "postgres://u@h/d" })).toThrow("SECRET_KEY");
});

test("names and addresses of machines stand as they are in the URLs made of them; the longest messages fit into a frame", () => {
  const urls = (host: string) => {
    const { databaseUrl, redisUrl } = readConfig({ SECRET_KEY, DB_HOST: host, REDIS_HOST: host });
    return [databaseUrl, redisUrl].map((url) => new URL(url!).host);
  };
  for (const host of ["db", "my_db-1", "db.example.org.", "10.0.0.5", "[::1]"])
    expect(urls(` ${host}`)).toEqual([`${host}:5432`, `${host}:6379`]);
  expect(readConfig({ SECRET_KEY, MESSAGE_MAX_LENGTH: "1000000" }).maxFrameBytes).toBeGreaterThan(12_000_000);
});

test("a secret that is short, stands in public text or is the same few characters over and over is refused; what a machine made never is", () => {
  const known = [
    "django-insecure-liquidchat-dev-key-change-in-production", "your-secret-key-here-change-in-production", "your_jwt_secret_key_change_this_in_production", "changeme".repeat(4),
    "supersecretkeysupersecretkeysupersecretkey", "SECRET_KEY_SECRET_KEY_SECRET_KEY_", "a-string-secret-at-least-256-bits-long", "keyboard cat keyboard cat keyboard cat",
    "please-replace-me-by-something-longer", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "deadbeef".repeat(5), "abcabcabc".repeat(5), "12345678".repeat(4) + "1234", "0".repeat(64),
  ]; // prettier-ignore
  for (const secret of known)
    for (const name of ["SECRET_KEY", "DJANGO_SECRET_KEY"])
      expect(() => readConfig({ [name]: secret })).toThrow(`${name}: this key is publicly known`);
  expect(() => readConfig({ SECRET_KEY: `${SECRET_KEY},short` })).toThrow("at least 32 bytes");
  expect(() => readConfig({ SECRET_KEY: `${SECRET_KEY},${"x".repeat(32)}` })).toThrow("publicly known");
  for (let i = 0; i < 2_000; i++)
    expect(readConfig({ SECRET_KEY: randomBytes(32).toString(i % 2 ? "hex" : "base64") }).secretKeys.length).toBe(1);
});

test("a secret's id gives nothing of it away, and is the same for all processes", () => {
  const [a, b] = readConfig({ SECRET_KEY: `${SECRET_KEY}, another-${SECRET_KEY}` }).secretKeys;
  expect([a!.id, b!.id]).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), expect.stringMatching(/^[0-9a-f]{8}$/)]);
  expect(a!.id).not.toBe(b!.id);
  expect(readConfig({ SECRET_KEY }).secretKeys[0]).toEqual(a!);
});

test("0 switches a limit off", () => {
  expect(
    readConfig({
      SECRET_KEY,
      MESSAGE_RATE_LIMIT: "0",
      MAX_SOCKETS_PER_USER: "0",
      MAX_FRAME_BYTES: "0",
      MAX_SOCKETS: "0",
      MAX_SOCKETS_PER_ADDRESS: "0",
      MAX_UNAUTHENTICATED_SOCKETS: "0",
      CONNECT_RATE_LIMIT: "0",
    }),
  ).toMatchObject({
    messageRate: { perSecond: 0 },
    maxSocketsPerUser: Infinity,
    maxSockets: { all: Infinity, perAddress: Infinity, unauthenticated: Infinity },
    limits: { connect: 0 },
  });
});

test("a secret that a first start could not write down whole is made by the next one", async () => {
  const dir = await tempDir();
  writeFileSync(join(dir, "secret_key"), "");
  const [first, next] = [readConfig({ DATA_DIR: dir }), readConfig({ DATA_DIR: dir })];
  expect(first.secretKeys[0]!.bytes.length).toBe(64);
  expect(next.secretKeys).toEqual(first.secretKeys);
  expect(readdirSync(dir)).toEqual(["secret_key"]);
});

test("where the file system knows no hard links, a secret is kept all the same", async () => {
  let linkless = true;
  const real = { ...fs };
  const linkSync = (from: string, to: string) => {
    if (linkless) throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
    real.linkSync(from, to);
  };
  mock.module("node:fs", () => ({ ...real, linkSync, default: { ...real, linkSync } }));
  const dir = await tempDir();
  try {
    const [first, next] = [readConfig({ DATA_DIR: dir }), readConfig({ DATA_DIR: dir })];
    expect(next.secretKeys).toEqual(first.secretKeys);
    expect(readdirSync(dir)).toEqual(["secret_key"]);
  } finally {
    linkless = false;
  }
});

test("a log that cannot be written changes no answer and ends nothing", async () => {
  const port = await freePort();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../src/main.ts")], {
    env: { PATH: process.env.PATH, PORT: String(port), DEBUG: "true" },
    cwd: await tempDir(),
    stdio: ["ignore", "ignore", Bun.file("/dev/full")],
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), 20_000);
  const ada = await Person.signUp(url, "Ada");
  const wrong = await call(url, "POST", "/api/auth/login/", { body: { username: "Ada", password: "not hers" } });
  expect(wrong.status).toBe(401);
  expect((await ada.get("/api/auth/me/")).status).toBe(200);
  child.kill();
  expect(await child.exited).toBe(0);
});

test("a bad value stops the start with one sentence and exit code 1", async () => {
  const dir = await tempDir();
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "../src/main.ts")], {
    env: { PATH: process.env.PATH, PORT: "x" },
    cwd: dir,
  });
  expect([child.exitCode, child.stdout.toString(), child.stderr.toString()]).toEqual([
    1,
    "",
    'PORT: must be a number from 0 to 65535, not "x".\n',
  ]);
});

test(".env.example tells every variable, and copying it changes nothing", async () => {
  const example = readFileSync(join(import.meta.dir, "../.env.example"), "utf8");
  expect(example.split("\n").filter((line) => line && !line.startsWith("#"))).toEqual([]);
  const named = [...example.matchAll(/^# ?([A-Z_]+)=/gm)].map((match) => match[1]!);
  const read = new Set(
    [
      ...readFileSync(join(import.meta.dir, "../src/config.ts"), "utf8").matchAll(
        /env\.([A-Z_]+)|env, "([A-Z_]+)"|"(DB_[A-Z]+|DJANGO_SECRET_KEY)"/g,
      ),
    ].map((match) => match[1] ?? match[2] ?? match[3]!),
  );
  expect(named.sort()).toEqual([...read].sort());
  const dir = await tempDir();
  writeFileSync(join(dir, ".env"), example);
  const child = Bun.spawnSync(
    [process.execPath, "-e", "process.stdout.write(JSON.stringify(Object.keys(process.env)))"],
    { env: { PATH: process.env.PATH }, cwd: dir },
  );
  expect(JSON.parse(child.stdout.toString()).filter((name: string) => named.includes(name))).toEqual([]);
});

test("the client's address is the right-most that is no trusted proxy", () => {
  const read = createClientReader([
    { address: "10.0.0.0", bits: 8, family: "ipv4" },
    { address: "::1", bits: 128, family: "ipv6" },
  ]);
  const request = (headers: Record<string, string>) => new Request("http://chat.internal:8000/x?y=1", { headers });
  const address = (peer: string, forwarded: string) => read(request({ "X-Forwarded-For": forwarded }), peer).address;
  expect(address("203.0.113.9", "1.2.3.4")).toBe("203.0.113.9");
  expect(address("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.1.1.1")).toBe("198.51.100.7");
  expect(address("::ffff:10.0.0.1", "198.51.100.7")).toBe("198.51.100.7");
  expect(address("::1", "2001:db8::1")).toBe("2001:db8::1");
  expect(address("::ffff:203.0.113.9", "")).toBe("203.0.113.9");
  expect(address("10.0.0.1", "")).toBe("10.0.0.1");
  expect(address("10.0.0.1", "nonsense, <script>")).toBe("10.0.0.1");
  const seen = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.org" };
  expect(read(request(seen), "10.0.0.1").url.href).toBe("https://chat.example.org/x?y=1");
  expect(read(request(seen), "203.0.113.9").url.href).toBe("http://chat.internal:8000/x?y=1");
  expect(
    read(request({ ...seen, "X-Forwarded-Host": "evil/..", "X-Forwarded-Proto": "javascript" }), "10.0.0.1").url
      .protocol,
  ).toBe("http:");
});
