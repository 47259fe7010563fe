import { createConnection, type Socket } from "node:net";
import postgres from "postgres";
import type { Clock } from "../ops/clock.ts";
import {
  countError,
  DatabaseUnavailable,
  type Database,
  isExhausted,
  ormOver,
  QUERY_DEADLINE_MS,
  type Row,
  type Session,
  sqlState,
} from "./client.ts";
import { connectSocket } from "./socket.ts";

const POOL_SIZE = 10;

/**
 * PostgreSQL over the network: ten connections with one query in flight on each, and a queue of our own.
 *
 * postgres.js alone would pipeline: a query that is given up while others wait behind it on the same connection hands them its rows,
 * which then reach other users. So a connection that missed a deadline or broke is never used again, and nothing is ever cancelled
 * (that opens a connection whose failure nobody can catch). The server's own deadlines are shorter than ours: a frozen
 * process must not hold a room for ever.
 */
export function openPostgres(url: string, clock: Clock): Database {
  const idle = Array.from({ length: POOL_SIZE }, () => connect(url, clock));
  const waiting: ((connection: Connection) => void)[] = [];

  function acquire(): Promise<Connection> {
    const connection = idle.pop();
    if (connection) return Promise.resolve(connection);
    return new Promise((resolve, reject) => {
      const take = (next: Connection) => {
        stop();
        resolve(next);
      };
      const stop = clock.after(QUERY_DEADLINE_MS, () => {
        waiting.splice(waiting.indexOf(take), 1);
        reject(new DatabaseUnavailable());
      });
      waiting.push(take);
    });
  }

  function release(connection: Connection, broken: boolean): void {
    if (broken) connection.end({ timeout: 0 }).catch(() => {});
    const next = broken ? connect(url, clock) : connection;
    const take = waiting.shift();
    if (take) take(next);
    else idle.push(next);
  }

  const errors = { unavailable: 0, refused: 0 };

  async function run<T>(text: string, params: unknown[], arrays: boolean): Promise<T[]> {
    const startedAt = clock.ticks();
    const connection = await acquire().catch((error) => {
      countError(errors, error);
      throw error;
    });
    let broken = true;
    try {
      const query = connection.unsafe(text, params as never[], { prepare: true });
      const answer = (arrays ? query.values() : query) as unknown as Promise<T[]>;
      const rows = await within(clock, Math.max(1, startedAt + QUERY_DEADLINE_MS - clock.ticks()), answer);
      broken = false;
      return whole(rows);
    } catch (error) {
      const state = sqlState(error);
      // FATAL: it did not let us in, or cut us off. No state: the connection broke, or the deadline was missed.
      broken = state === null || (error as { severity?: string }).severity === "FATAL" || /^(57P|08)/.test(state);
      // 57014 and 55P03 are its own deadlines.
      const away = broken || state === "57014" || state === "55P03" || isExhausted(state);
      const told = away && !(error instanceof DatabaseUnavailable) ? new DatabaseUnavailable(error) : error;
      countError(errors, told);
      throw told;
    } finally {
      release(connection, broken);
    }
  }

  return {
    errors,
    hasRoom: () => true, // Its own server sees to its disk.
    query: <T>(text: string, params: unknown[]) => run<T>(text, params, false),
    exec: async (text) => {
      const one = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
      try {
        await one.unsafe(text);
      } finally {
        await one.end({ timeout: 1 });
      }
    },
    snapshot: async () => {
      const session = openSession(url, clock);
      await session.exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      return session;
    },
    orm: ormOver(
      (text, params) => run<unknown[]>(text, params, true),
      (text, params) => run<Row>(text, params, false),
    ),
    close: async () => void (await Promise.all(idle.map((connection) => connection.end({ timeout: 3 })))),
  };
}

export function openSession(url: string, clock: Clock): Session {
  let broken = false;
  const patient = { statement_timeout: 0, lock_timeout: 0, idle_in_transaction_session_timeout: 0 };
  const connection = connect(url, clock, patient, {
    idle_timeout: 0,
    max_lifetime: null,
    onclose: () => (broken = true),
  });
  const run = async <T>(text: string, params: unknown[]): Promise<T[]> => {
    if (broken) throw new DatabaseUnavailable();
    // A new statement each time: the driver would keep every one that it ever saw.
    return [...whole(await connection.unsafe(text, params as never[], { prepare: false }))] as T[];
  };
  return {
    hasRoom: () => true,
    query: run,
    exec: async (text) => void (await run(text, [])),
    close: () => connection.end({ timeout: 3 }),
  };
}

type Connection = ReturnType<typeof connect>;

/** The server's own deadlines (ms), shorter than ours. */
const DEADLINES = { statement_timeout: 3_000, lock_timeout: 2_000, idle_in_transaction_session_timeout: 2_000 };

function connect(url: string, clock: Clock, deadlines: typeof DEADLINES = DEADLINES, more: object = {}) {
  let over = false;
  const client = postgres(url, {
    max: 1,
    // After an outage the next query tries at once; the driver would wait for up to 20 s.
    backoff: () => 0.1,
    ...unhurried(clock, () => over),
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
      ...deadlines,
    },
    ...more,
  });
  const { end } = client;
  return Object.assign(client, { end: (options?: { timeout?: number }) => ((over = true), end(options)) });
}

/** What the driver asks a socket for. */
type Target = { host: string[]; port: number[]; path?: string; ssl?: unknown };

/**
 * Makes connections, with a pause between two of them. A proxy before a database that is down accepts and closes, and the driver
 * would try again at once: thousands of times a second.
 *
 * @param isOver the client was ended: what still comes up then the driver would log in, and nobody would ever use or close it
 */
export function unhurried(clock: Clock, isOver = () => false): object {
  let nextAt = -Infinity;
  // An option of the driver that its types do not know.
  const socket = async ({ host, port, path, ssl }: Target) => {
    const wait = nextAt - clock.ticks();
    nextAt = Math.max(clock.ticks(), nextAt) + 100;
    if (wait > 0) await clock.sleep(wait);
    if (!ssl) {
      const made = await connectSocket(path ? { unix: path } : { hostname: host[0]!, port: port[0]! });
      if (!isOver()) return made;
      made.destroy();
      throw new DatabaseUnavailable();
    }
    // The driver puts TLS over a socket of Node's.
    return new Promise<Socket>((resolve, reject) => {
      const made = path ? createConnection(path) : createConnection(port[0]!, host[0]!);
      made.once("connect", () => {
        if (!isOver()) return resolve(made.off("error", reject));
        made.destroy();
        reject(new DatabaseUnavailable());
      });
      made.once("error", reject);
    });
  };
  return { socket };
}

/**
 * The rows of an answer. The driver (3.4.9) counts those of a statement that failed halfway to the next one: its answer begins with as many holes, each
 * of which would be taken for a user, a member, a session that is not there.
 */
function whole<T>(rows: T[]): T[] {
  return rows.length === 0 || 0 in rows ? rows : rows.filter(() => true);
}

/** The answer, or `DatabaseUnavailable` after `ms`; what the query did is then unknown. */
export async function within<T>(clock: Clock, ms: number, answer: Promise<T>): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    stop = clock.after(ms, () => reject(new DatabaseUnavailable()));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    stop();
  }
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
