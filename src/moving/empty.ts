import type { Session } from "../db/client.ts";
import { ALONE } from "../db/alone.ts";
import { TABLES } from "../db/migrate.ts";

/**
 * Fills a database in one transaction: when `fill` throws, or the process or the connection ends, nothing has changed. Throws a sentence
 * for the operator where anything is in it, or a server runs on it. `fill` gets it without any of our tables.
 */
export async function intoEmpty<T>(session: Session, fill: () => Promise<T>, { dryRun = false } = {}): Promise<T> {
  await session.exec("BEGIN");
  try {
    await expectUnused(session);
    const result = await fill();
    // Nobody has looked at these tables yet, and the planner knows nothing of them.
    if (!dryRun) await session.exec(`ANALYZE ${TABLES.join(", ")}`);
    await session.exec(dryRun ? "ROLLBACK" : "COMMIT");
    return result;
  } catch (error) {
    // A connection that broke has rolled back by itself.
    await session.exec("ROLLBACK").catch(() => {});
    throw error;
  }
}

async function expectUnused(session: Session): Promise<void> {
  const [lock] = await session.query<{ got: boolean }>(`SELECT pg_try_advisory_xact_lock(${ALONE}) AS got`, []);
  if (!lock!.got) throw new Error("A server runs on this database. Stop it first");
  const there = await session.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`,
    [],
  );
  const ours = there.filter(({ name }) => TABLES.includes(name)).map(({ name }) => name);
  if (!ours.length) return;
  if (!ours.includes("migrations"))
    throw new Error(`The database is not empty: it has a table ${ours[0]} that is not of LiquidChat. Make a new one`);
  await session.exec(`LOCK TABLE ${ours.join(", ")} IN ACCESS EXCLUSIVE MODE`);
  const [full] = await session.query<{ is: boolean }>(
    "SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM messages) OR (SELECT count(*) FROM rooms) > 1 AS is",
    [],
  );
  if (full!.is) throw new Error("The database is not empty: somebody has an account in it. Make a new one");
  // What a first start made; it may be of another version than what comes.
  await session.exec(`DROP TABLE ${ours.join(", ")}`);
}
