import type { Session } from "../db/client.ts";
import { migrate, unknownAmong } from "../db/migrate.ts";
import { openArchive, rowsIn, verifyArchive } from "./archive.ts";
import { intoEmpty } from "./empty.ts";
import { insertRows, type Progress, readTables } from "./rows.ts";

/** How many rows of each table came. */
export type Restored = { madeAt: string; counts: Record<string, number> };

/**
 * Puts a backup into an empty database, as a new deployment with an epoch of its own, and brings it to this program's tables. Its sessions
 * and one-time links end, unless `keepSessions`: what was ended or used after the backup would live again. The file is read twice, to see
 * first that it is whole.
 */
export async function restore(
  session: Session,
  file: string,
  keepSessions: boolean,
  progress: Progress = () => {},
): Promise<Restored> {
  await verifyArchive(file);
  const { header, pieces } = await openArchive(file);
  const { migrations, counts } = header;
  const newer = unknownAmong(migrations);
  if (newer)
    throw new Error(`${file} was made by a newer version of LiquidChat (migration ${newer}). Restore it with that one`);
  const total = rowsIn(header);

  return intoEmpty(session, async () => {
    await migrate(session, migrations);
    const tables = new Map((await readTables(session)).map((table) => [table.name, table]));
    // What the migrations put there is in the backup too.
    await session.exec(`TRUNCATE ${[...tables.keys()].join(", ")}`);
    let done = 0;
    for await (const { table: name, columns, rows } of pieces) {
      const table = tables.get(name);
      const strange = table ? columns.find((column) => !table.columns.includes(column)) : name;
      if (!table || strange) throw new Error(`${file} has "${strange}", which a database of its version has not`);
      await insertRows(session, table, columns, rows);
      progress((done += rows.length), total);
    }
    await migrate(session);
    await session.exec(COUNT_ON);
    if (!keepSessions)
      await session.exec("UPDATE sessions SET ended_at = now() WHERE ended_at IS NULL; DELETE FROM password_resets");
    return { madeAt: header.made_at, counts };
  });
}

/** Numbers that the database gives out go on above those that are there. */
const COUNT_ON = `DO $$ DECLARE c record; BEGIN
  FOR c IN SELECT table_name AS t, column_name AS n, pg_get_serial_sequence(quote_ident(table_name), column_name) AS s
           FROM information_schema.columns WHERE table_schema = current_schema() LOOP
    IF c.s IS NOT NULL THEN
      EXECUTE format('SELECT setval(%L, (SELECT coalesce(max(%I), 0) + 1 FROM %I), false)', c.s, c.n, c.t);
    END IF;
  END LOOP;
END $$`;
