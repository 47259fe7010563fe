/** What an operator trips over. Each check looks without changing anything, and tells what is wrong with the way to mend it. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { askRedisTime } from "../bus/redis.ts";
import { type Config, withoutProxy } from "../config.ts";
import type { Database } from "../db/client.ts";
import { InUse, LEAST_FREE_BYTES, openEmbedded } from "../db/embedded.ts";
import { expectNotNewer } from "../db/migrate.ts";
import { openPostgres } from "../db/postgres.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { BESIDE_SOCKETS, openFiles } from "../ops/open-files.ts";
import { probePort } from "../ops/port.ts";
import { reasons } from "./command.ts";

/** `wrong`: it will not work, or not as it should. Else it is worth a thought. */
export type Finding = { wrong: boolean; says: string };
/** Null: there is nothing to look at. */
export type Check = { of: string; look: (config: Config, clock: Clock, log: Log) => Promise<Finding[] | null> };

const wrong = (says: string): Finding[] => [{ wrong: true, says }];
const mind = (says: string): Finding[] => [{ wrong: false, says }];

const MIB = 1024 * 1024;
/** Sessions end by the database's clock and tokens by this machine's; proxies and clients take some seconds for granted. */
const CLOCKS_APART_MS = 30_000;
const PATIENCE_MS = 5_000;
/** Each process takes up to eleven of a PostgreSQL's connections. */
const CONNECTIONS = 11;

export const CHECKS: Check[] = [
  {
    of: "database",
    look: (config, clock, log) => (config.databaseUrl ? postgres(config, clock) : embedded(config, clock, log)),
  },
  { of: "redis", look: redis },
  // PostgreSQL has its own.
  { of: "data folder", look: async ({ databaseUrl, dataDir }) => (databaseUrl ? null : folder(dataDir)) },
  { of: "disk", look: async ({ databaseUrl, dataDir }) => (databaseUrl ? null : disk(dataDir)) },
  { of: "port", look: port },
  { of: "port of /metrics", look: metricsPorts },
  { of: "open files", look: async ({ maxSockets }) => files(maxSockets.all) },
  { of: "proxies and origins", look: async (config) => outside(config) },
];

async function postgres(config: Config, clock: Clock): Promise<Finding[]> {
  const { databaseUrl, workers } = config;
  const db = openPostgres(databaseUrl!, clock);
  try {
    const before = clock.now();
    const [row] = await db.query<{ now: Date; version: number; encoding: string; room: number; trgm: boolean }>(
      `SELECT clock_timestamp() AS now, current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
              current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS room,
              EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS trgm`,
      [],
    );
    const { now, version, encoding, room, trgm } = row!;
    return [
      ...clocks("the database's", now.getTime(), before, clock.now()),
      ...(version < 150_000 ? wrong(`PostgreSQL is older than 15. Install 15 or later.`) : []),
      ...(encoding === "UTF8" ? [] : wrong(`The database is in ${encoding}. Make one with ENCODING 'UTF8'.`)),
      ...(trgm ? [] : wrong("PostgreSQL has no pg_trgm. Install its contrib package (postgresql-contrib).")),
      ...(room < workers * CONNECTIONS
        ? wrong(
            `PostgreSQL takes ${room} connections, ${workers} processes need ${workers * CONNECTIONS}. Raise its max_connections.`,
          )
        : []),
      ...(await notNewer(db)),
    ];
  } catch (error) {
    return wrong(
      `The database at ${new URL(databaseUrl!).host} cannot be used (${told(error)}). Start it, or correct DATABASE_URL.`,
    );
  } finally {
    await db.close();
  }
}

/** Opened only where there is one, nobody holds it, and it is ours: a look must not leave files of another user. */
async function embedded({ dataDir }: Config, clock: Clock, log: Log): Promise<Finding[] | null> {
  if (folder(dataDir).some((finding) => finding.wrong)) return null;
  if (!existsSync(join(dataDir, "pg")))
    return mind(`No database in ${resolve(dataDir)} yet; the first start makes one.`);
  try {
    const db = await openEmbedded(dataDir, clock, log);
    try {
      return await notNewer(db);
    } finally {
      await db.close();
    }
  } catch (error) {
    if ((error as Error).cause instanceof InUse) return []; // A server has it open, and so has found it well.
    return wrong(`The database does not open (${told(error)}). Restore a backup into an empty DATA_DIR.`);
  }
}

const notNewer = (db: Database): Promise<Finding[]> =>
  expectNotNewer(db).then(
    () => [],
    (error: Error) => wrong(error.message),
  );

async function redis({ redisUrl }: Config, clock: Clock): Promise<Finding[] | null> {
  if (!redisUrl) return null;
  const before = clock.now();
  try {
    return clocks("Redis's", await askRedisTime(redisUrl, PATIENCE_MS), before, clock.now());
  } catch (error) {
    return wrong(
      `Redis at ${new URL(redisUrl).host} cannot be used (${told(error)}): presence stands still, and limits are counted by each process. Start it, or correct REDIS_URL.`,
    );
  }
}

function clocks(whose: string, theirs: number, before: number, after: number): Finding[] {
  const apart = Math.round((theirs - (before + after) / 2) / 1_000);
  if (Math.abs(apart) * 1_000 < CLOCKS_APART_MS) return [];
  return wrong(
    `The clock of this machine is ${Math.abs(apart)} s ${apart > 0 ? "behind" : "ahead of"} ${whose}. Let both keep time by NTP (timedatectl set-ntp true).`,
  );
}

function folder(dataDir: string): Finding[] {
  const dir = resolve(dataDir);
  const at = nearest(dir);
  const { uid, mode } = statSync(at);
  const me = process.geteuid!();
  if (at === dir && uid !== me)
    return wrong(
      `DATA_DIR: ${dataDir} belongs to user ${uid}, and this is user ${me}. Run the server and its commands as its owner, or chown -R ${me} ${dir}.`,
    );
  if (at === dir && (mode & 0o700) !== 0o700)
    return wrong(`DATA_DIR: its owner may not write to ${dataDir}. chmod 700 ${dir}.`);
  try {
    accessSync(`${at}/.`, constants.W_OK | constants.X_OK);
  } catch (error) {
    return wrong(
      `DATA_DIR: user ${me} cannot write to ${at} (${(error as NodeJS.ErrnoException).code}). Let them, or set another DATA_DIR.`,
    );
  }
  return at === dir && mode & 0o077 ? mind(`DATA_DIR: other users may look into ${dataDir}. chmod 700 ${dir}.`) : [];
}

/** The folder that there is on the way to one that need not be there yet. */
function nearest(dir: string): string {
  let at = resolve(dir);
  while (!existsSync(at)) at = dirname(at);
  return at;
}

async function disk(dataDir: string): Promise<Finding[]> {
  const { bavail, bsize, files, ffree } = await statfs(nearest(dataDir));
  const free = bavail * bsize;
  const isFull = free < LEAST_FREE_BYTES || (files > 0 && ffree === 0);
  if (isFull)
    return wrong(
      `The disk of DATA_DIR is full: ${Math.floor(free / MIB)} MiB are free, and below ${LEAST_FREE_BYTES / MIB} sends are refused. Make room.`,
    );
  return free < 1024 * MIB ? mind(`The disk of DATA_DIR has ${Math.floor(free / MIB)} MiB left.`) : [];
}

async function port({ host, port }: Config): Promise<Finding[]> {
  const isOurs = async (answer: Response) =>
    ((await answer.json()) as { status?: unknown }).status === "ok" && answer.headers.has("x-request-id");
  return listening({ host, port, hostIs: "HOST", portIs: "PORT", path: "/healthz", token: null, isOurs });
}

/** As many as there are workers: where one is taken, one worker does not start. */
async function metricsPorts({ metrics: { host, port, token }, workers }: Config): Promise<Finding[] | null> {
  if (port === null) return null;
  const places = Array.from({ length: workers }, (_, i) => ({ host, port: port + i }));
  const isOurs = async (answer: Response) => (await answer.text()).includes("liquidchat_");
  const names = { hostIs: "METRICS_HOST", portIs: "METRICS_PORT", path: "/metrics", token, isOurs };
  return (await Promise.all(places.map((place) => listening({ ...place, ...names })))).flat();
}

type Listener = {
  host: string;
  port: number;
  hostIs: string;
  portIs: string;
  path: string;
  token: string | null;
  isOurs: (answer: Response) => Promise<boolean>;
};

async function listening({ host, port, hostIs, portIs, path, token, isOurs }: Listener): Promise<Finding[]> {
  const at = `${host}:${port}`;
  const error = await probePort(host, port).then(
    () => null,
    (error: NodeJS.ErrnoException) => error,
  );
  if (!error) return [];
  if (error.code === "EACCES")
    return wrong(
      `${portIs}: this user may not listen on ${port}. Take one above 1023${portIs === "PORT" ? ", and a proxy before it" : ""}.`,
    );
  if (error.code === "EADDRNOTAVAIL")
    return wrong(`${hostIs}: ${host} is no address of this machine. Take one, or 0.0.0.0 for all.`);
  if (error.code === "EADDRINUSE") {
    const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
    withoutProxy();
    const ours = await fetch(localUrl(host, port) + path, { headers, signal: AbortSignal.timeout(PATIENCE_MS) })
      .then(isOurs)
      .catch(() => false); // It speaks something else.
    if (ours) return mind(`A LiquidChat runs on ${at} already. That is fine if it is this one.`);
    return wrong(`${portIs}: something else listens on ${at}. Stop it, or set another ${portIs}.`);
  }
  return wrong(`${hostIs}, ${portIs}: cannot listen on ${at} (${error.message}).`);
}

/** Where a server that listens on `host` is reached from its own machine. */
export function localUrl(host: string, port: number): string {
  const address = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function files(maxSockets: number): Finding[] {
  const limit = openFiles();
  const room = Math.max(0, limit - BESIDE_SOCKETS);
  if (room >= Math.min(maxSockets, 1_000_000)) return [];
  return mind(
    `This process may have ${limit} files open, which is room for ${room} sockets. Raise the limit (ulimit -n, LimitNOFILE=), or lower MAX_SOCKETS.`,
  );
}

function outside({ allowedOrigins, publicUrl, trustedProxies }: Config): Finding[] {
  const isHere = (origin: string) => /^(localhost|127\.|\[::1\])/.test(new URL(origin).hostname);
  const trustsAll = trustedProxies.some(({ bits }) => bits === 0);
  return [
    ...(trustsAll
      ? wrong(
          "TRUSTED_PROXIES: trusts everyone, so anyone can pretend to be any address. Name the proxy's address alone.",
        )
      : []),
    ...(publicUrl?.startsWith("https:") && !trustedProxies.length
      ? wrong(
          "TRUSTED_PROXIES: is empty, though PUBLIC_URL is https, which a proxy speaks: all limits count everyone as one. Name the proxy's address.",
        )
      : []),
    ...allowedOrigins
      .filter((origin) => origin.startsWith("http:") && !isHere(origin))
      .flatMap((origin) =>
        mind(
          `ALLOWED_ORIGINS: ${origin} is not https: whoever is in between can change its pages, and so act as its users.`,
        ),
      ),
    ...(publicUrl && allowedOrigins.includes(publicUrl)
      ? mind("ALLOWED_ORIGINS: need not have PUBLIC_URL; it is for pages from elsewhere.")
      : []),
  ];
}

const told = (error: unknown) => reasons(error).slice(-1)[0]!.replace(/\.$/, "");
