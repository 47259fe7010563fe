import { getTableName, is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import type { Database, Session } from "./client.ts";
import { FUNCTIONS, MIGRATIONS } from "./migrations.ts";
import * as schema from "./schema.ts";

/** Any constant: servers that start together take turns by it. */
const LOCK = 7_202_611;
/** Beside the migrations' names stands which functions are in place. */
const FUNCTIONS_ID = "functions ";

/** The names of all our tables. */
export const TABLES: readonly string[] = [
  "migrations",
  ...Object.values<unknown>(schema).flatMap((table) => (is(table, PgTable) ? [getTableName(table)] : [])),
];

type Migrated = Pick<Session, "query" | "exec">;

/**
 * Brings the database to this program's tables; with `only`, to those that some of the migrations make. Throws a sentence for the operator when
 * it is newer than the program.
 */
export async function migrate(db: Migrated, only?: readonly string[]): Promise<void> {
  await db.exec(
    `DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK});
       CREATE TABLE IF NOT EXISTS migrations (id text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
     END $do$`,
  );
  const rows = await db.query<{ id: string }>("SELECT id FROM migrations", []);
  const done = new Set(rows.map((row) => row.id));
  const functions = `${FUNCTIONS_ID}${Bun.hash(FUNCTIONS).toString(36)}`;
  refuseNewer(rows);
  for (const { id, sql } of MIGRATIONS)
    if (!done.has(id) && (!only || only.includes(id))) await db.exec(guarded(id, sql));
  if (!only && !done.has(functions))
    await db.exec(guarded(functions, `${FUNCTIONS}; DELETE FROM migrations WHERE id LIKE '${FUNCTIONS_ID}%'`));
}

/** Migrations of the database, in their order. */
export async function applied(db: Migrated): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT id FROM migrations WHERE id NOT LIKE '${FUNCTIONS_ID}%' ORDER BY id COLLATE "C"`,
    [],
  );
  return rows.map((row) => row.id);
}

/** A migration that this program does not know: a newer one made it. */
export function unknownAmong(ids: readonly string[]): string | undefined {
  return ids.find((id) => !MIGRATIONS.some((migration) => migration.id === id));
}

/** Throws where a newer version of this program was at work, as `migrate` does, and changes nothing. */
export async function expectNotNewer(db: Database): Promise<void> {
  const [row] = await db.query<{ there: boolean }>("SELECT to_regclass('migrations') IS NOT NULL AS there", []);
  if (row!.there) refuseNewer(await db.query<{ id: string }>("SELECT id FROM migrations", []));
}

function refuseNewer(rows: { id: string }[]): void {
  const unknown = unknownAmong(rows.map((row) => row.id).filter((id) => !id.startsWith(FUNCTIONS_ID)));
  if (unknown)
    throw new Error(`The database is newer than this program (it has migration ${unknown}). Start the newer version.`);
}

/** One statement, so one transaction: whoever comes second waits, sees that it is done and does nothing. */
function guarded(id: string, sql: string): string {
  return `DO $do$ BEGIN
    PERFORM pg_advisory_xact_lock(${LOCK});
    IF NOT EXISTS (SELECT FROM migrations WHERE id = '${id}') THEN
      EXECUTE $migration$${sql}$migration$;
      INSERT INTO migrations (id) VALUES ('${id}');
    END IF;
  END $do$`;
}

/** For a start: true where the database was restored, and then it is of another epoch. `mark`: see `diskMark`. */
export async function mendRestored(db: Database, mark: string | null): Promise<boolean> {
  const [row] = await db.query<{ is: boolean }>("SELECT is_restored($1) AS is", [mark]);
  // By `exec`, which has no deadline, since it may have to change every row.
  if (row!.is) await db.exec("SELECT mend_restored()");
  if (mark) await db.query("UPDATE deployment SET mark = $1", [mark]);
  return row!.is;
}
