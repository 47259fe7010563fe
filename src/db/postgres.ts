import postgres from "postgres";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { DatabaseUnavailable, type Database, ormOver, QUERY_DEADLINE_MS, type Row, sqlState } from "./client.ts";

const POOL_SIZE = 10;

/** PostgreSQL over the network. The server's own deadlines are shorter than ours: a frozen process must not hold a room for ever. */
export function openPostgres(url: string, clock: Clock): Database {
  const sql = postgres(url, {
    max: POOL_SIZE,
    fetch_types: false,
    prepare: true,
    connect_timeout: 4,
    keep_alive: 10,
    onnotice: () => {},
    types: {
      int8: { to: 20, from: [20], serialize: String, parse: Number },
      // Already text where the query builder made it; the driver would encode it twice.
      json: { to: 114, from: [114, 3802], serialize: asText, parse: JSON.parse },
      jsonb: { to: 3802, from: [3802], serialize: asText, parse: JSON.parse },
    },
    connection: {
      application_name: "liquidchat",
      TimeZone: "UTC",
      statement_timeout: 3_000,
      lock_timeout: 2_000,
      idle_in_transaction_session_timeout: 2_000,
    },
  });
  const rows = (text: string, params: unknown[]) =>
    deadline(clock, sql.unsafe(text, params as never[], { prepare: true }).values());
  const objects = (text: string, params: unknown[]) =>
    deadline(clock, sql.unsafe(text, params as never[], { prepare: true }));
  return {
    kind: "postgres",
    query: <T>(text: string, params: unknown[]) => objects(text, params) as unknown as Promise<T[]>,
    exec: async (text) => {
      const one = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
      try {
        await one.unsafe(text);
      } finally {
        await one.end({ timeout: 1 });
      }
    },
    orm: ormOver(
      (text, params) => rows(text, params) as unknown as Promise<unknown[][]>,
      (text, params) => objects(text, params) as unknown as Promise<Row[]>,
    ),
    close: () => sql.end({ timeout: 3 }),
  };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Any constant; whoever holds it exclusively is the only server on this database. */
const ALONE = 7_202_612;
const WAIT_ALONE_MS = 30_000;

/**
 * A server without Redis must be the only one on its database; with Redis they share. Waits 30 s for another one to go (a restart),
 * then throws a sentence for the operator. The connection that holds the lock is kept, and made again when it breaks.
 */
export async function holdAlone(url: string, alone: boolean, clock: Clock, log: Log): Promise<() => Promise<void>> {
  let released = false;
  const lock = postgres(url, {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 4,
    keep_alive: 10,
    connection: { application_name: "liquidchat lock" },
    onclose: () => {
      if (!released)
        clock.after(1_000, () =>
          take().then(
            (got) => got || log.error("another server runs on this database; several servers need Redis"),
            () => {},
          ),
        );
    },
  });
  const take = async () => {
    const [row] = await lock.unsafe(`SELECT pg_try_advisory_lock${alone ? "" : "_shared"}(${ALONE}) AS got`);
    return row!.got as boolean;
  };
  const release = () => {
    released = true;
    return lock.end({ timeout: 1 });
  };
  for (const until = clock.now() + WAIT_ALONE_MS; !(await take()); await clock.sleep(500)) {
    if (clock.now() < until) continue;
    await release();
    throw new Error(
      "Another server runs on this database. Several servers on one database all need the same Redis: set REDIS_URL for each.",
    );
  }
  return release;
}

/** postgres.js can leave a query hanging when the server goes away. */
async function deadline<T>(clock: Clock, query: Promise<T> & { cancel?: () => void }): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    stop = clock.after(QUERY_DEADLINE_MS, () => {
      query.cancel?.();
      reject(new DatabaseUnavailable());
    });
  });
  try {
    return await Promise.race([query, late]);
  } catch (error) {
    const state = sqlState(error);
    // FATAL: it did not let us in, or cut us off. 57014 and 55P03: its own deadlines. No state: the connection broke.
    const away =
      state === null ||
      (error as { severity?: string }).severity === "FATAL" ||
      /^(57P|08)|^(57014|55P03)$/.test(state);
    throw away && !(error instanceof DatabaseUnavailable) ? new DatabaseUnavailable(error) : error;
  } finally {
    stop();
  }
}
