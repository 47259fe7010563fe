import postgres from "postgres";
import { DatabaseUnavailable, type Database, ormOver, QUERY_DEADLINE_MS, type Row, sqlState } from "./client.ts";

/** PostgreSQL over the network. The server's own deadlines are shorter than ours: a frozen process must not hold a room for ever. */
export function openPostgres(url: string, poolSize: number): Database {
  const sql = postgres(url, {
    max: poolSize,
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
  const rows = (text: string, params: unknown[]) => deadline(sql.unsafe(text, params as never[], { prepare: true }).values());
  const objects = (text: string, params: unknown[]) => deadline(sql.unsafe(text, params as never[], { prepare: true }));
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

/** postgres.js can leave a query hanging when the server goes away. */
async function deadline<T>(query: Promise<T> & { cancel?: () => void }): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      query.cancel?.();
      reject(new DatabaseUnavailable());
    }, QUERY_DEADLINE_MS);
  });
  try {
    return await Promise.race([query, late]);
  } catch (error) {
    const state = sqlState(error);
    // 57xxx: the server is going down or cut us off. No state: the connection broke.
    throw state === null || state.startsWith("57P") || state.startsWith("08") ? new DatabaseUnavailable(error) : error;
  } finally {
    clearTimeout(timer);
  }
}
