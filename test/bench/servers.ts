/** What is measured, each as a fresh process that has core 0 to itself; this process and all else that it starts stay on core 1. */
import { cpus } from "node:os";
import { join } from "node:path";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { SECRET } from "../support/server.ts";
import { atExit, freshDatabase, startRedis, tempDir } from "../support/services.ts";
import { addPeople, type People } from "./people.ts";

const canPin = Bun.which("taskset") !== null && cpus().length > 1;
if (canPin) Bun.spawnSync(["taskset", "-acp", "1", String(process.pid)]);

/** Everything is on; the limits count, but nobody reaches them. */
const ENV = {
  HOST: "127.0.0.1",
  PORT: "0",
  SECRET_KEY: SECRET,
  MESSAGE_RATE_LIMIT: "1000000",
  MESSAGE_RATE_BURST: "1000000",
  CONNECT_RATE_LIMIT: "100000000",
  REQUEST_RATE_LIMIT: "100000000",
  MAX_SOCKETS_PER_ADDRESS: "100000000",
};

/** For a profile, which is written when a server ends in peace. */
const FLAGS = process.env.BENCH_SERVER_FLAGS?.split(" ") ?? [];

type Server = { url: string; pid: number; stop(): Promise<void> };

async function start(file: string, env: Record<string, string>): Promise<Server> {
  const pinned = canPin ? ["taskset", "-c", "0"] : [];
  const child = Bun.spawn([...pinned, process.execPath, ...FLAGS, join(import.meta.dir, file)], {
    env: { PATH: process.env.PATH!, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    cwd: await tempDir(),
  });
  atExit(() => child.kill("SIGKILL"));
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    const port = /ready on http:\/\/localhost:(\d+)/.exec(output)?.[1];
    if (port) return { url: `http://127.0.0.1:${port}`, pid: child.pid, stop: () => end(child) };
  }
  throw new Error(`the server did not start: ${output}`);
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill(FLAGS.length ? "SIGTERM" : "SIGKILL");
  await child.exited;
}

/** Servers of one deployment, its people, and how it is taken down. */
export type Deployment = { servers: Server[]; people: People; stop(): Promise<void> };
export type Deploy = (people: number) => Promise<Deployment>;

/** Nobody asks who one is. */
export const bare: Deploy = async (people) => {
  const server = await start("bare.ts", {});
  return {
    servers: [server],
    people: { tokens: Array.from({ length: people }, () => ""), rooms: [] },
    stop: server.stop,
  };
};

/** LiquidChat over a fresh PostgreSQL database. */
export const liquidchat: Deploy = async (count) => {
  const database = await emptyDatabase();
  return serve(database, await addPeople(database, count), 1, {});
};

/** Two processes of LiquidChat, over PostgreSQL and Redis. */
export const cluster: Deploy = async (count) => {
  const redis = await startRedis();
  const database = await emptyDatabase();
  const deployment = await serve(database, await addPeople(database, count), 2, { REDIS_URL: redis.url });
  return { ...deployment, stop: () => deployment.stop().then(redis.stop) };
};

export async function serve(
  database: string,
  people: People,
  processes: number,
  env: Record<string, string>,
): Promise<Deployment> {
  const all = { ...ENV, DATABASE_URL: database, ...env };
  const servers = await Promise.all(Array.from({ length: processes }, () => start("../../src/main.ts", all)));
  return { servers, people, stop: async () => void (await Promise.all(servers.map((server) => server.stop()))) };
}

/** A fresh database with all tables and nothing in them. */
export async function emptyDatabase(): Promise<string> {
  const url = await freshDatabase();
  const db = openPostgres(url, systemClock);
  await migrate(db);
  await db.close();
  return url;
}
