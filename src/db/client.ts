import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import { Refusal, UNAVAILABLE } from "../errors.ts";
import * as schema from "./schema.ts";

export type Row = Record<string, unknown>;

/**
 * A PostgreSQL database, embedded or over the network; both speak the same SQL and the same tables.
 *
 * Promises: `int8` comes as number, `timestamptz` as Date, `json` parsed. A call is one statement and so one transaction; what
 * needs more is a function in the database. A call that has no answer after `QUERY_DEADLINE_MS` rejects with
 * `DatabaseUnavailable`; whether it took effect is then unknown.
 */
export interface Database {
  query<T = Row>(sql: string, params: unknown[]): Promise<T[]>;
  /** Runs a migration: no parameters, no deadline. */
  exec(sql: string): Promise<void>;
  /** False while the disk is nearly full: then nothing is to be stored, for a full one can hang the database for ever. */
  hasRoom(): boolean;
  /** Questions that had no answer, and those that failed though nothing was wrong with what they held. */
  readonly errors: { unavailable: number; refused: number };
  /** The query builder, over the same connection. */
  readonly orm: PgRemoteDatabase<typeof schema>;
  close(): Promise<void>;
}

export const QUERY_DEADLINE_MS = 5_000;

/** The database did not answer, or the connection broke on the way. */
export class DatabaseUnavailable extends Refusal {
  constructor(cause?: unknown) {
    super("unavailable", UNAVAILABLE, { retryAfterMs: 2_000, cause });
  }
}

/** SQLSTATE of an error that PostgreSQL itself raised, else null. */
export function sqlState(error: unknown): string | null {
  const code =
    (error as { code?: unknown } | null)?.code ?? (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  return typeof code === "string" && /^[0-9FHPX][0-9A-Z]{4}$/.test(code) ? code : null;
}

/** Counts what a question came to. What a constraint or a value refused is an answer. */
export function countError(errors: Database["errors"], error: unknown): void {
  if (error instanceof DatabaseUnavailable) errors.unavailable++;
  else if (!/^2[23]/.test(sqlState(error) ?? "")) errors.refused++;
}

/** It has no disk, memory, connections or open files left, for now. */
export const isExhausted = (state: string | null | undefined): boolean => state?.startsWith("53") ?? false;

/** Makes the query builder over a driver's array-mode query. */
export function ormOver(
  rows: (sql: string, params: unknown[]) => Promise<unknown[][]>,
  objects: (sql: string, params: unknown[]) => Promise<Row[]>,
): PgRemoteDatabase<typeof schema> {
  return drizzle(
    async (sql, params, method) => ({ rows: await (method === "all" ? rows(sql, params) : objects(sql, params)) }),
    { schema },
  );
}

/** A PostgreSQL array literal; neither driver knows array types without asking the server first. */
export function pgArray(values: readonly (string | null)[]): string {
  return `{${values.map((v) => (v === null ? "NULL" : `"${v.replace(/["\\]/g, "\\$&")}"`)).join(",")}}`;
}

/**
 * Rows whose `changed` a snapshot (PostgreSQL's text form, `xmin:xmax:xip,xip`) does not see: of transactions that came later, or were
 * running then. The planner knows both sides by value and takes the index; where it had to look into the snapshot itself it would not.
 */
export function unseenBy(snapshot: string, firstParam: number): { sql: string; params: [string, string] } {
  const { next, running } = readSnapshot(snapshot);
  return {
    sql: `(changed >= $${firstParam}::xid8 OR changed = ANY ($${firstParam + 1}::xid8[]))`,
    params: [next, `{${running}}`],
  };
}

/** `next`: the first transaction that the snapshot was before; `running`: those below it that it did not see. */
export function readSnapshot(snapshot: string): { next: string; running: string } {
  const [, next = "0", running = ""] = snapshot.split(":");
  return { next, running };
}

/** The database of `now` has not come as far as a snapshot says it once was: it is not the same one. */
export function isAhead(snapshot: string, now: string): boolean {
  return BigInt(readSnapshot(snapshot).next) > BigInt(readSnapshot(now).next);
}
