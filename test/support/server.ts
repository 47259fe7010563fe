/** The real program, as processes of its own. */
import { join } from "node:path";
import postgres from "postgres";
import { openEmbedded } from "../../src/db/embedded.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { logs } from "./witness.ts";
import { atExit, freePort, freshDatabase, startRedis, tempDir, silent } from "./services.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
export const SECRET = "5f0c1d6e9b7a43c2a8e4d0f3b6c9e2a15f0c1d6e";

/** Short times and no limits, so that tests need not wait; each test of a limit sets its own. */
const TEST_ENV = {
  HOST: "127.0.0.1",
  PORT: "0",
  MESSAGE_RATE_LIMIT: "0",
  REQUEST_RATE_LIMIT: "0",
  CONVERSATION_RATE_LIMIT: "0",
  SIGNUP_RATE_LIMIT: "0",
  LOGIN_RATE_LIMIT: "0",
  CONNECT_RATE_LIMIT: "0",
  PRESENCE_HEARTBEAT: "0.5",
  PRESENCE_GRACE: "0.6",
  PRESENCE_EXPIRY: "2",
  REFRESH_GRACE: "2",
  // In tests, though not under load: whatever is logged must be fit to be read (witness.ts).
  ...(process.env.NODE_ENV === "test" && { DEBUG: "true" }),
};

export type Env = Record<string, string>;
export type TestServer = {
  url: string;
  pid: number;
  output: () => string;
  exited: Promise<number>;
  kill(signal?: NodeJS.Signals): Promise<void>;
};

/** Starts a server and waits until it is ready; rejects with what it printed when it ends instead. `spawned`: its process is there. */
export async function startServer(
  env: Env,
  args: string[] = [],
  program = [process.execPath, MAIN],
  spawned: (kill: () => void) => void = () => {},
): Promise<TestServer> {
  const child = Bun.spawn([...program, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...TEST_ENV, ...env } as Env,
    stdio: ["ignore", "pipe", "pipe"],
    cwd: await tempDir(),
  });
  atExit(() => child.kill("SIGKILL"));
  spawned(() => child.kill("SIGKILL"));
  let output = "";
  logs.push(() => output);
  let isReady = false;
  const url = await new Promise<string>((resolve, reject) => {
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const chunk of stream) {
        output += new TextDecoder().decode(chunk);
        const ready = !isReady && /ready on http:\/\/localhost:(\d+)/.exec(output);
        isReady ||= ready !== null;
        if (ready) resolve(`http://127.0.0.1:${ready[1]}`);
      }
    };
    Promise.all([read(child.stdout), read(child.stderr), child.exited]).then(() =>
      reject(new Error(`the server ended: ${output}`)),
    );
  });
  return {
    url,
    pid: child.pid,
    output: () => output,
    exited: child.exited,
    kill: async (signal = "SIGTERM") => {
      child.kill(signal);
      await child.exited;
    },
  };
}

type Query = (text: string) => Promise<Record<string, unknown>[]>;

/** What a test runs against: one embedded process, or two over PostgreSQL and Redis. */
export type Rig = {
  name: string;
  servers: TestServer[];
  /** `url(1)` is the other process, where there is one. */
  url(i?: number): string;
  env: Env;
  /** SQL by the operator. The embedded database is its server's alone: that one is stopped for it and started again. */
  sql: Query;
  stop(): Promise<void>;
};

export async function embeddedRig(env: Env = {}): Promise<Rig> {
  const dataDir = await tempDir();
  const all = { DATA_DIR: dataDir, SECRET_KEY: SECRET, PORT: String(await freePort()), ...env };
  const rig = rigOf("embedded", [await startServer(all)], all, async (text) => {
    await rig.stop();
    const db = await openEmbedded(dataDir, systemClock, silent);
    const rows = await db.query(text, []);
    await db.close();
    rig.servers[0] = await startServer(all);
    return rows;
  });
  return rig;
}

export async function clusterRig(env: Env = {}, processes = 2): Promise<Rig> {
  const databaseUrl = env.DATABASE_URL ?? (await freshDatabase());
  const redis = env.REDIS_URL ? null : await startRedis();
  const all = { DATABASE_URL: databaseUrl, REDIS_URL: redis?.url ?? "", SECRET_KEY: SECRET, ...env };
  const servers = await Promise.all(Array.from({ length: processes }, () => startServer(all)));
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const rig = rigOf("PostgreSQL, Redis and two processes", servers, all, async (text) => [...(await sql.unsafe(text))]);
  return {
    ...rig,
    stop: () =>
      rig
        .stop()
        .then(() => sql.end())
        .then(() => redis?.stop()),
  };
}

function rigOf(name: string, servers: TestServer[], env: Env, sql: Query): Rig {
  return {
    name,
    servers,
    env,
    sql,
    url: (i = 0) => servers[i % servers.length]!.url,
    stop: async () => void (await Promise.all(servers.map((server) => server.kill()))),
  };
}
