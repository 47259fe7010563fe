import type { Database } from "./client.ts";
import { FUNCTIONS, MIGRATIONS } from "./migrations.ts";

/** Any constant: servers that start together take turns by it. */
const LOCK = 7_202_611;
/** Beside the migrations' names stands which functions are in place. */
const FUNCTIONS_ID = "functions ";

/** Brings the database to this program's tables. Throws a sentence for the operator when it is newer than the program. */
export async function migrate(db: Database): Promise<void> {
  await db.exec(
    `DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK});
       CREATE TABLE IF NOT EXISTS migrations (id text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
     END $do$`,
  );
  const applied = await db.query<{ id: string }>("SELECT id FROM migrations", []);
  const functions = `${FUNCTIONS_ID}${Bun.hash(FUNCTIONS).toString(36)}`;
  refuseNewer(applied);
  const done = new Set(applied.map((row) => row.id));
  for (const { id, sql } of MIGRATIONS) if (!done.has(id)) await db.exec(guarded(id, sql));
  if (!done.has(functions))
    await db.exec(guarded(functions, `${FUNCTIONS}; DELETE FROM migrations WHERE id LIKE '${FUNCTIONS_ID}%'`));
}

/** Throws where a newer version of this program was at work, as `migrate` does, and changes nothing. */
export async function expectNotNewer(db: Database): Promise<void> {
  const [row] = await db.query<{ there: boolean }>("SELECT to_regclass('migrations') IS NOT NULL AS there", []);
  if (row!.there) refuseNewer(await db.query<{ id: string }>("SELECT id FROM migrations", []));
}

function refuseNewer(applied: { id: string }[]): void {
  const known = new Set(MIGRATIONS.map((migration) => migration.id));
  const unknown = applied.find((row) => !known.has(row.id) && !row.id.startsWith(FUNCTIONS_ID));
  if (unknown)
    throw new Error(
      `The database is newer than this program (it has migration ${unknown.id}). Start the newer version.`,
    );
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
