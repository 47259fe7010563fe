import postgres from "postgres";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { QUERY_DEADLINE_MS, sqlState } from "./client.ts";
import { unhurried, within } from "./postgres.ts";

/** Any constant; whoever holds it exclusively is the only server on this database. */
export const ALONE = 7_202_612;
const WAIT_ALONE_MS = 30_000;

/**
 * A server without Redis must be the only one on its database: it could not tell another one's sockets anything. With Redis they
 * share. Waits 30 s for another one to go (a restart), and as long for the database to come up, then throws a sentence for the operator.
 * The connection that holds the lock is kept; when it breaks, the lock is taken again.
 */
export async function holdAlone(url: string, alone: boolean, clock: Clock, log: Log): Promise<() => Promise<void>> {
  let holder: postgres.Sql | null = null;
  let released = false;

  /** A client of its own for each try: one that failed to connect is not to be trusted again. */
  const take = async (): Promise<boolean> => {
    let over = false;
    const end = () => {
      over = true;
      client.end({ timeout: 0 }).catch(() => {});
    };
    const client = postgres(url, {
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      connect_timeout: 4,
      keep_alive: 10,
      ...unhurried(clock, () => over),
      onnotice: () => {},
      connection: { application_name: "liquidchat lock" },
      onclose: () => {
        if (client !== holder) return;
        holder = null;
        end();
        if (!released) void retake();
      },
    });
    try {
      const asked = client.unsafe<{ got: boolean }[]>(
        `SELECT pg_try_advisory_lock${alone ? "" : "_shared"}(${ALONE}) AS got`,
      );
      const [row] = await within(clock, QUERY_DEADLINE_MS, asked);
      if (row!.got) holder = client;
    } finally {
      if (holder !== client) end();
    }
    return holder === client;
  };
  /** PostgreSQL may still hold it for the connection that broke, so it is tried until it is ours. */
  const retake = async () => {
    for (let told = false; !holder && !released; await clock.sleep(1_000)) {
      const got = await take().catch(() => null);
      if (got === false && !told) log.error("another server may run on this database; several servers need Redis");
      told ||= got === false;
    }
  };
  const release = async () => {
    released = true;
    await holder?.end({ timeout: 1 });
  };

  const until = clock.ticks() + WAIT_ALONE_MS;
  let told = false;
  const wait = (reason: string) => {
    if (!told) log.warn(`${reason}; waiting for ${WAIT_ALONE_MS / 1000} s at most`);
    told = true;
  };
  while (!holder) {
    try {
      const got = await take();
      if (!got && clock.ticks() > until) throw new Error(NOT_ALONE);
      if (!got) wait("another server runs on this database");
    } catch (error) {
      const state = sqlState(error);
      // A database that is starting gets the same patience as a server that is stopping.
      const mayCome = (state === null || state === "57P03") && clock.ticks() < until;
      if (mayCome) {
        wait("the database does not answer yet");
        continue;
      }
      throw state === null && (error as Error).message !== NOT_ALONE
        ? new Error(`The database at ${new URL(url).host} does not answer`, { cause: error })
        : error;
    } finally {
      if (!holder) await clock.sleep(500);
    }
  }
  return release;
}

const NOT_ALONE =
  "Another server runs on this database. Several servers on one database all need the same Redis: set REDIS_URL for each.";
