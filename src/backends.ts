/** What the server stands on. */
import { existsSync, statSync } from "node:fs";
import type { Bus } from "./bus/bus.ts";
import { createLocalBus } from "./bus/local.ts";
import { connectRedis, createRedisBus, type Redis } from "./bus/redis.ts";
import type { Config } from "./config.ts";
import { holdAlone } from "./db/alone.ts";
import type { Database, Session } from "./db/client.ts";
import { diskMark, openEmbedded } from "./db/embedded.ts";
import { mendRestored, migrate } from "./db/migrate.ts";
import { openPostgres, openSession } from "./db/postgres.ts";
import type { Clock } from "./ops/clock.ts";
import type { Log } from "./ops/log.ts";

/**
 * The database that the configuration names, embedded or not, with this program's tables. Of two processes that open the embedded one, the
 * second gets `InUse` as its error's cause. `serves`: it is for a server, of which there is only one on a PostgreSQL without Redis.
 */
export async function openDatabase(config: Config, serves: boolean, clock: Clock, log: Log): Promise<Database> {
  const db = await open(config, serves, clock, log);
  await migrate(db);
  const mark = config.databaseUrl ? null : await diskMark(config.dataDir);
  if (await mendRestored(db, mark)) log.warn("the database was restored: clients start anew");
  return db;
}

async function open(config: Config, serves: boolean, clock: Clock, log: Log): Promise<Database> {
  if (!config.databaseUrl) return openEmbedded(config.dataDir, clock, log);
  const db = openPostgres(config.databaseUrl, clock);
  if (!serves) return db;
  const release = await holdAlone(config.databaseUrl, config.redisUrl === null, clock, log);
  return { ...db, close: () => Promise.all([db.close(), release()]).then(() => {}) };
}

/** For whoever fills an empty one (`intoEmpty`): as it is, with or without our tables. Nobody else can have the embedded one meanwhile. */
export async function openToFill(config: Config, clock: Clock, log: Log): Promise<Session> {
  if (config.databaseUrl) return openSession(config.databaseUrl, clock);
  refuseForeign(config.dataDir);
  return (await openEmbedded(config.dataDir, clock, log)).session;
}

/** What root leaves in the folder of another user, or another user of root, stops the next start. */
export function refuseForeign(dataDir: string): void {
  const uid = existsSync(dataDir) ? statSync(dataDir).uid : process.geteuid!();
  if (uid !== process.geteuid!()) throw new Error(`DATA_DIR: ${dataDir} belongs to user ${uid}. Run this as that user`);
}

/** Channel and keys carry the deployment's id: two that share a Redis must not hear each other. */
export async function openBus(
  db: Database,
  config: Config,
  clock: Clock,
  log: Log,
): Promise<{ prefix: string; redis: Redis | null; bus: Bus }> {
  const [deployment] = await db.query<{ id: string }>("SELECT id FROM deployment", []);
  const prefix = `liquidchat:${deployment!.id}`;
  if (!config.redisUrl) return { prefix, redis: null, bus: createLocalBus() };
  const redis = connectRedis(config.redisUrl, log);
  return { prefix, redis, bus: createRedisBus(config.redisUrl, redis, `${prefix}:bus`, clock, log) };
}
