/** A real PostgreSQL and a real Redis, private to this test run, on free ports. They end with it. */
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import postgres from "postgres";

export const silent = pino({ level: "silent" });

const PG_BIN = ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt"]
  .filter(existsSync)
  .flatMap((dir) => readdirSync(dir).map((version) => join(dir, version, "bin")))
  .filter((bin) => existsSync(join(bin, "initdb")))
  .sort()
  .at(-1);
const REDIS = Bun.which("redis-server");

/** Whether the tests that need the services can run. Loud when not; with CI=true a failure instead. */
export const haveServices = PG_BIN !== undefined && REDIS !== null;
if (!haveServices) {
  const sentence = `Tests over PostgreSQL and Redis need both: ${PG_BIN ? "" : "postgresql "}${REDIS ? "" : "redis-server "}(on Debian: apt-get install postgresql redis-server).`;
  if (process.env.CI) throw new Error(sentence);
  console.warn(`\n*** SKIPPED: ${sentence}\n`);
}

const cleanups: (() => unknown)[] = [];
const dirs: string[] = [];

/** Runs when the tests are done, newest first. (Processes end even when the run is killed: `bun --no-orphans`.) */
export function atExit(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

export function cleanUp(): void {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  Bun.spawnSync(["rm", "-rf", ...dirs.splice(0)]);
}

export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "liquidchat-test-"));
  dirs.push(dir);
  return dir;
}

/** Tests that run at the same time have ports of their own: a server that is away for a moment finds its port free again. */
const PORTS = 15_000 + 7_500 * (Number(process.env.BUN_TEST_WORKER_ID ?? 0) % 2);

/**
 * A port that was free a moment ago, with those after it where several are wanted. Below those that the system hands out by itself: a connection
 * of anything could get it meanwhile.
 */
export async function freePort(inARow = 1): Promise<number> {
  for (;;) {
    const port = PORTS + Math.floor(Math.random() * 7_000);
    const ports = await Promise.all(Array.from({ length: inARow }, (_, i) => isFree(port + i)));
    if (!ports.includes(false)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

let cluster: Promise<Postgres> | undefined;
let databases = 0;

/** A fresh, empty database. */
export async function freshDatabase(): Promise<string> {
  const { url } = await (cluster ??= startPostgres());
  const name = `test_${++databases}`;
  const sql = postgres(`${url}/postgres`, { max: 1 });
  await sql.unsafe(`CREATE DATABASE ${name}`);
  await sql.end();
  return `${url}/${name}`;
}

export type Postgres = {
  url: string;
  pid(): number;
  stop(signal: "SIGINT" | "SIGQUIT"): Promise<void>;
  start(): Promise<void>;
};

/** A PostgreSQL of one's own, which one may stop, gently (SIGINT) or as in a crash (SIGQUIT), and start again. */
export async function startPostgres(): Promise<Postgres> {
  const dir = await tempDir();
  const port = await freePort();
  const data = join(dir, "data");
  await mkdir(data);
  // PostgreSQL refuses root.
  const asUser = process.getuid?.() === 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  if (asUser.length) {
    await chmod(dir, 0o755);
    Bun.spawnSync(["chown", "postgres", dir, data]);
  }
  const init = Bun.spawnSync(
    [
      ...asUser,
      join(PG_BIN!, "initdb"),
      "-D",
      data,
      "-A",
      "trust",
      "-U",
      "postgres",
      "-E",
      "UTF8",
      "--locale=C.UTF-8",
      "-N",
    ],
    { cwd: dir },
  );
  if (init.exitCode !== 0) throw new Error(`initdb: ${init.stderr}`);
  const url = `postgres://postgres@127.0.0.1:${port}`;
  const settings = [`listen_addresses=127.0.0.1`, "max_connections=200"].flatMap((setting) => ["-c", setting]);
  const spawn = () =>
    Bun.spawn([...asUser, join(PG_BIN!, "postgres"), "-D", data, "-p", String(port), "-k", dir, ...settings], {
      cwd: dir,
      stdio: ["ignore", "ignore", Bun.file(join(dir, "postgres.log"))],
    });
  let server = spawn();
  atExit(() => server.kill("SIGQUIT"));
  const ready = () =>
    eventually(async () => {
      const sql = postgres(`${url}/postgres`, { max: 1, connect_timeout: 1, onnotice: () => {} });
      await sql`SELECT 1`.finally(() => sql.end());
    }, 30_000);
  await ready();
  return {
    url,
    pid: () => server.pid,
    stop: async (signal) => {
      server.kill(signal);
      await server.exited;
    },
    start: async () => {
      server = spawn();
      await ready();
    },
  };
}

/** A Redis of one's own, which one may stop and start. */
export async function startRedis(
  port?: number,
): Promise<{ url: string; port: number; pid: number; stop(): Promise<void> }> {
  const dir = await tempDir();
  const at = port ?? (await freePort());
  const server = Bun.spawn(
    [REDIS!, "--port", String(at), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir],
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  atExit(() => server.kill("SIGKILL"));
  await eventually(async () => {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: at, socket: { data() {} } });
    socket.end();
  });
  return {
    url: `redis://127.0.0.1:${at}`,
    port: at,
    pid: server.pid,
    stop: async () => {
      server.kill("SIGKILL");
      await server.exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Tries until it does not throw; the last error after `ms`. */
export async function eventually<T>(attempt: () => T | Promise<T>, ms = 10_000): Promise<T> {
  for (const until = performance.now() + ms; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw error;
      await Bun.sleep(25);
    }
  }
}
