import { createHash, randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Network } from "./ops/address.ts";

/** All that an operator can set; `.env.example` explains each. Times are in milliseconds here. */
export type Config = ReturnType<typeof readConfig>;

/** A setting that cannot work; the message names the variable and is for the operator. */
export class ConfigError extends Error {}

type Env = Record<string, string | undefined>;

const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** `mayWrite`: where a secret has to be generated, it is kept in `DATA_DIR`. A command that only looks must leave no file of another user there. */
export function readConfig(env: Env = process.env, mayWrite = true) {
  const dataDir = env.DATA_DIR || "./data";
  const databaseUrl = readDatabaseUrl(env);
  const redisUrl = readRedisUrl(env);
  const messageMaxLength = whole(env, "MESSAGE_MAX_LENGTH", 2000, 1, 1_000_000);
  const maxFrameBytes =
    whole(env, "MAX_FRAME_BYTES", Math.max(64 * 1024, 12 * messageMaxLength + 4096), 0, MAX_FRAME_BYTES) ||
    MAX_FRAME_BYTES;
  if (maxFrameBytes < 4096) throw new ConfigError("MAX_FRAME_BYTES: must be 0, or at least 4096: a token is a frame.");
  const workers = whole(env, "WORKERS", 1, 1, 1_000);
  const port = whole(env, "PORT", 8000, 0, 65535);
  if (workers > 1 && (!databaseUrl || !redisUrl)) {
    throw new ConfigError(
      "WORKERS: more than one process needs PostgreSQL and Redis. Set DATABASE_URL and REDIS_URL, or WORKERS=1.",
    );
  }
  if (workers > 1 && port === 0) throw new ConfigError("PORT: several workers share one port, so it cannot be 0.");
  return {
    port,
    host: env.HOST || "0.0.0.0",
    dataDir,
    databaseUrl,
    redisUrl,
    workers,
    secretKeys: readSecretKeys(env, dataDir, databaseUrl !== null, mayWrite),
    debug: flag(env, "DEBUG"),
    metrics: readMetrics(env, workers, port),
    messageMaxLength,
    maxFrameBytes,
    messageRate: { perSecond: number(env, "MESSAGE_RATE_LIMIT", 1, 0), burst: whole(env, "MESSAGE_RATE_BURST", 5, 1) },
    presence: {
      heartbeatMs: seconds(env, "PRESENCE_HEARTBEAT", 30),
      expiryMs: seconds(env, "PRESENCE_EXPIRY", 60, 2),
      graceMs: seconds(env, "PRESENCE_GRACE", 5),
    },
    accessTokenMs: number(env, "ACCESS_TOKEN_LIFETIME", 15, 0.1, 525_600) * 60_000,
    refreshTokenMs: number(env, "REFRESH_TOKEN_LIFETIME", 7, 0.001, 36_500) * 86_400_000,
    sessionMs: number(env, "SESSION_LIFETIME", 90, 0.001, 36_500) * 86_400_000,
    refreshGraceMs: seconds(env, "REFRESH_GRACE", 10),
    /** Per minute; 0 is off. */
    limitsByUser: {
      requests: whole(env, "REQUEST_RATE_LIMIT", 1200, 0),
      conversations: whole(env, "CONVERSATION_RATE_LIMIT", 30, 0),
    },
    /** Per minute and address; 0 is off. */
    limits: {
      signup: whole(env, "SIGNUP_RATE_LIMIT", 30, 0),
      login: whole(env, "LOGIN_RATE_LIMIT", 300, 0),
      connect: whole(env, "CONNECT_RATE_LIMIT", 3000, 0),
    },
    maxSocketsPerUser: whole(env, "MAX_SOCKETS_PER_USER", 20, 0) || Infinity,
    /** Of one process. */
    maxSockets: {
      all: whole(env, "MAX_SOCKETS", 20_000, 0) || Infinity,
      perAddress: whole(env, "MAX_SOCKETS_PER_ADDRESS", 3_000, 0) || Infinity,
      unauthenticated: whole(env, "MAX_UNAUTHENTICATED_SOCKETS", 1_000, 0) || Infinity,
    },
    /** How long messages are kept where a room says nothing of its own; 0 is for ever. */
    retentionDays: {
      public: whole(env, "RETENTION_DAYS", 0, 0, 36_500),
      conversations: whole(env, "CONVERSATION_RETENTION_DAYS", 0, 0, 36_500),
    },
    allowedOrigins: list(env, "ALLOWED_ORIGINS").map((value) => origin("ALLOWED_ORIGINS", value)),
    /** Where people open the page; null where nobody said. */
    publicUrl: env.PUBLIC_URL ? origin("PUBLIC_URL", env.PUBLIC_URL.replace(/\/$/, "")) : null,
    trustedProxies: list(env, "TRUSTED_PROXIES").map((value) => network(value)),
  };
}

/** From now on no proxy is asked about this machine itself, which would know another one by that name; `fetch` has no option for it. */
export function withoutProxy(): void {
  for (const name of ["http_proxy", "HTTP_PROXY"]) delete process.env[name];
}

function readDatabaseUrl(env: Env): string | null {
  if (env.DATABASE_URL) {
    if (!/^postgres(ql)?:\/\//.test(env.DATABASE_URL) || !URL.canParse(env.DATABASE_URL)) {
      throw new ConfigError("DATABASE_URL: must look like postgres://user:password@host:5432/name.");
    }
    try {
      decodeURIComponent(env.DATABASE_URL);
    } catch {
      throw new ConfigError("DATABASE_URL: a % is written as %25.");
    }
    return env.DATABASE_URL;
  }
  const names = ["DB_NAME", "DB_USER", "DB_PASSWORD", "DB_HOST", "DB_PORT"];
  if (!names.some((name) => env[name])) return null;
  const part = (name: string, fallback: string) => encodeURIComponent(env[name] || fallback);
  const port = whole(env, "DB_PORT", 5432, 1, 65535);
  return `postgres://${part("DB_USER", "liquidchat")}:${part("DB_PASSWORD", "")}@${hostName(env, "DB_HOST")}:${port}/${part("DB_NAME", "liquidchat")}`;
}

/** As it may stand in a URL: there whatever is behind a `/`, `?`, `#` or `@` is something else. */
function hostName(env: Env, name: string): string {
  const host = env[name]?.trim() || "localhost";
  if (!/^([\w.-]+|\[[\da-f:.]+\])$/i.test(host) || !URL.canParse(`redis://${host}`))
    throw new ConfigError(`${name}: must be the name or address of a machine alone, not "${env[name]}".`);
  return host;
}

/** Where /metrics is: on a port of its own, or on the main one for who has the token; nowhere by default. */
function readMetrics(env: Env, workers: number, mainPort: number) {
  const token = env.METRICS_TOKEN || null;
  const port = env.METRICS_PORT ? whole(env, "METRICS_PORT", 0, 0, 65535) : null;
  if (token !== null && !/^\S{16,}$/.test(token))
    throw new ConfigError(
      "METRICS_TOKEN: must have at least 16 characters, without spaces. Make one: openssl rand -hex 32",
    );
  if (token !== null && port === null && workers > 1)
    throw new ConfigError("METRICS_TOKEN: each of several workers has figures of its own, and they share the main port. Set METRICS_PORT."); // prettier-ignore
  if (port && port <= mainPort && mainPort < port + workers)
    throw new ConfigError("METRICS_PORT: it, or that of another worker above it, is PORT. Set one further away.");
  if (port !== null && port + workers - 1 > 65_535)
    throw new ConfigError("METRICS_PORT: each worker takes one more, and there is none above 65535. Set a lower one.");
  return { token, port, host: env.METRICS_HOST || "127.0.0.1" };
}

function readRedisUrl(env: Env): string | null {
  if (env.REDIS_URL) {
    if (!/^rediss?:\/\//.test(env.REDIS_URL) || !URL.canParse(env.REDIS_URL)) {
      throw new ConfigError("REDIS_URL: must look like redis://host:6379.");
    }
    return env.REDIS_URL;
  }
  if (!env.REDIS_HOST && !env.REDIS_PORT) return null;
  return `redis://${hostName(env, "REDIS_HOST")}:${whole(env, "REDIS_PORT", 6379, 1, 65535)}`;
}

/** Secrets that stand in public text, the first version's among them, or are made of such; whoever knows the secret is everybody. */
const KNOWN_SECRET = new RegExp(
  [
    "^(django-insecure|your[-_. ]|dev[-_. ](secret|key)|((super|my|jwt|app)[-_. ]?)?secret|insecure|example|password|placeholder)",
    "(change|replace)[-_. ]?(me|this|it|in[-_. ]prod)|keyboard.?cat|not[-_. ]so[-_. ]secret|(256|512)[-_. ]?bit",
    // From the manuals of FastAPI and Flask.
    "^09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7|^192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    // The same few characters over and over.
    "^(?<few>.{1,8})\\k<few>{3,}.{0,7}$",
  ].join("|"),
  "is",
);

function readSecretKeys(env: Env, dataDir: string, required: boolean, mayWrite: boolean) {
  const name = env.SECRET_KEY || !env.DJANGO_SECRET_KEY ? "SECRET_KEY" : "DJANGO_SECRET_KEY";
  const keys = list(env, name);
  if (!keys.length) {
    if (required)
      throw new ConfigError(
        "SECRET_KEY: with PostgreSQL every process needs the same secret. Make one: openssl rand -hex 32",
      );
    keys.push(generatedSecret(dataDir, mayWrite));
  }
  return keys.map((key) => {
    if (Buffer.byteLength(key) < 32)
      throw new ConfigError(`${name}: each key must have at least 32 bytes. Make one: openssl rand -hex 32`);
    if (KNOWN_SECRET.test(key))
      throw new ConfigError(`${name}: this key is publicly known, or easily guessed. Make one: openssl rand -hex 32`);
    return { id: createHash("sha256").update(key).digest("hex").slice(0, 8), bytes: new TextEncoder().encode(key) };
  });
}

function generatedSecret(dataDir: string, mayWrite: boolean): string {
  const file = join(dataDir, "secret_key");
  const fresh = randomBytes(32).toString("hex");
  try {
    const kept = existsSync(file) && readFileSync(file, "utf8").trim();
    if (kept) return kept;
    if (!mayWrite) return fresh;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // Whole or not at all, for the disk may be full. Of several processes the first one's counts; an empty file is of none.
    const made = `${file}.${process.pid}`;
    writeFileSync(made, fresh, { mode: 0o600 });
    try {
      if (existsSync(file)) renameSync(made, file);
      else linkSync(made, file);
    } catch (error) {
      // Some file systems know no links.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") renameSync(made, file);
    } finally {
      rmSync(made, { force: true });
    }
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new ConfigError(`DATA_DIR: cannot use ${dataDir} (${(error as Error).message}).`);
  }
}

function number(env: Env, name: string, fallback: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const text = env[name]?.trim();
  if (!text) return fallback;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most) {
    throw new ConfigError(
      `${name}: must be a number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : " up"}, not "${text}".`,
    );
  }
  return value;
}

function whole(env: Env, name: string, fallback: number, least: number, most?: number): number {
  const value = number(env, name, fallback, least, most);
  if (!Number.isInteger(value)) throw new ConfigError(`${name}: must be a whole number, not "${env[name]}".`);
  return value;
}

/** A day at most: timers know no month. */
const seconds = (env: Env, name: string, fallback: number, least = 0.1) =>
  number(env, name, fallback, least, 86_400) * 1000;

function flag(env: Env, name: string): boolean {
  const text = (env[name] ?? "").trim().toLowerCase();
  if (["", "0", "false", "no", "off"].includes(text)) return false;
  if (["1", "true", "yes", "on"].includes(text)) return true;
  throw new ConfigError(`${name}: must be true or false, not "${env[name]}".`);
}

function list(env: Env, name: string): string[] {
  return (env[name] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

function origin(name: string, value: string): string {
  if (!/^https?:/.test(value) || !URL.canParse(value) || new URL(value).origin !== value) {
    throw new ConfigError(`${name}: takes origins such as https://chat.example.org, not "${value}".`);
  }
  return value;
}

function network(value: string): Network {
  // Number("") is 0, and /0 is everybody.
  const [, address = "", bits] = /^([^/]+)(?:\/(\d+))?$/.exec(value) ?? [];
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : Number(bits);
  if (!version || prefix > most) {
    throw new ConfigError(`TRUSTED_PROXIES: must be addresses or networks such as 10.0.0.0/8, not "${value}".`);
  }
  return { address, bits: prefix, family: version === 4 ? "ipv4" : "ipv6" };
}
