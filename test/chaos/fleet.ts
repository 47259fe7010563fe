/** Some server processes with a PostgreSQL and a Redis of their own, behind a balancer; each of them can be hurt. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type Env, SECRET, startServer, type TestServer } from "../support/server.ts";
import { freePort, startPostgres, startRedis } from "../support/services.ts";
import { startBalancer } from "./balancer.ts";

const ENTRY = join(import.meta.dir, "server.ts");

/** One process and those that take its place, on the same port. */
type Slot = { port: number; server: TestServer | null; starting: Promise<void> | null };

export type Fleet = Awaited<ReturnType<typeof startFleet>>;

export async function startFleet({ processes, env = {} }: { processes: number; env?: Env }) {
  const pg = await startPostgres();
  let redis = await startRedis();
  const all: Env = {
    DATABASE_URL: `${pg.url}/postgres`,
    REDIS_URL: redis.url,
    SECRET_KEY: SECRET,
    PRESENCE_HEARTBEAT: "2",
    PRESENCE_GRACE: "3",
    PRESENCE_EXPIRY: "10",
    ...env,
  };
  const slots: Slot[] = [];
  /** Processes that ended without having been told to. */
  const ended: string[] = [];
  let stopping = false;

  async function start(slot: Slot, extra: Env = {}): Promise<void> {
    // A process whose database is away ends with a sentence; whoever runs it starts it again.
    for (;;) {
      if (stopping) return;
      try {
        const server = await startServer({ ...all, PORT: String(slot.port), ...extra }, [], [process.execPath, ENTRY]);
        slot.server = server;
        void server.exited.then((code) => {
          if (slot.server !== server) return;
          slot.server = null;
          if (!stopping && !extra.KILL_AT)
            ended.push(`port ${slot.port}, code ${code}: ${server.output().slice(-500)}`);
        });
        return;
      } catch {
        await Bun.sleep(200);
      }
    }
  }

  function restart(slot: Slot, extra?: Env): Promise<void> {
    return (slot.starting ??= start(slot, extra).finally(() => (slot.starting = null)));
  }

  for (let i = 0; i < processes; i++) slots.push({ port: await freePort(), server: null, starting: null });
  await Promise.all(slots.map((slot) => restart(slot)));
  const balancer = await startBalancer(() => slots.map(({ port }) => port));
  const sql = postgres(all.DATABASE_URL!, { max: 2, onnotice: () => {}, backoff: () => 0.2 });

  return {
    url: balancer.url,
    slots,
    ended,
    sql,
    restart,
    /** Ends a process; resolves when another one serves in its place. */
    async replace(slot: Slot, signal: "SIGKILL" | "SIGTERM", extra?: Env): Promise<void> {
      await slot.starting;
      const { server } = slot;
      slot.server = null;
      await server?.kill(signal);
      await restart(slot, extra);
    },
    /** Stops and starts the database; `crash`: without a shutdown. */
    async restartPostgres(crash: boolean): Promise<void> {
      await pg.stop(crash ? "SIGQUIT" : "SIGINT");
      await Bun.sleep(500);
      await pg.start();
    },
    async restartRedis(downMs: number): Promise<void> {
      await redis.stop();
      await Bun.sleep(downMs);
      redis = await startRedis(redis.port);
    },
    async freezeRedis(ms: number): Promise<void> {
      process.kill(redis.pid, "SIGSTOP");
      await Bun.sleep(ms);
      process.kill(redis.pid, "SIGCONT");
    },
    /** Resident memory (MB) and open files of the processes. */
    footprint: () => slots.flatMap(({ server }) => (server ? [footprintOf(server.pid)] : [])),
    async stop(): Promise<void> {
      stopping = true;
      balancer.stop();
      await Promise.all(slots.map((slot) => slot.starting));
      await Promise.all(slots.map(({ server }) => server?.kill("SIGKILL")));
      await sql.end({ timeout: 1 });
      await redis.stop();
      await pg.stop("SIGQUIT");
    },
  };
}

export function footprintOf(pid: number): { mb: number; files: number } {
  const kb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
  return { mb: kb / 1024, files: readdirSync(`/proc/${pid}/fd`).length };
}
