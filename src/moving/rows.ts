/** Whole tables, out of a database and into one. Rows travel as the JSON that PostgreSQL makes and reads; nothing here looks into them. */
import type { Session } from "../db/client.ts";
import { TABLES } from "../db/migrate.ts";

/** Called now and then: so many rows of so many are done. */
export type Progress = (done: number, of: number) => void;

export type Table = {
  name: string;
  /** All but generated ones and those of transactions, which mean something in their own database only. */
  columns: string[];
  /** The columns of transactions. */
  versions: string[];
  /** What puts its rows in the same order everywhere. */
  order: string;
  /** The tables that its rows refer to. */
  refersTo: string[];
};

/** In one transaction a batch costs the same however far it is; larger ones save nothing more. */
const BATCH = 1_000;
/** Of a cursor: a thousand small messages may be followed by as many large ones. */
const FETCH = 64;
/** Messages may be a megabyte each (MESSAGE_MAX_LENGTH), and a server that writes a backup goes on serving. */
const BATCH_BYTES = 4_000_000;

/** Our tables as they are in this database, each after those that it refers to. What is a database's own is not among them. */
export async function readTables(session: Session): Promise<Table[]> {
  const found = await session.query<Table>(
    `SELECT c.relname AS name,
            (SELECT json_agg(attname ORDER BY attnum) FROM pg_attribute a
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND atttypid <> 'xid8'::regtype) AS columns,
            (SELECT coalesce(json_agg(attname), '[]') FROM pg_attribute a
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND atttypid = 'xid8'::regtype) AS versions,
            (SELECT string_agg(quote_ident(attname) || CASE WHEN attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END, ', '
                               ORDER BY array_position(i.indkey::int2[], attnum))
             FROM pg_index i JOIN pg_attribute ON attrelid = c.oid AND attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary) AS order,
            (SELECT coalesce(json_agg(r.relname), '[]') FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
             WHERE f.conrelid = c.oid AND f.contype = 'f' AND r.oid <> c.oid) AS "refersTo"
     FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname = ANY (string_to_array($1, ','))
     ORDER BY c.relname COLLATE "C"`,
    [TABLES.filter((name) => !OF_ITS_OWN.has(name)).join(",")],
  );
  const ordered: Table[] = [];
  const put = (table: Table) => {
    if (ordered.includes(table)) return;
    for (const name of table.refersTo) put(found.find((other) => other.name === name)!);
    ordered.push(table);
  };
  found.forEach(put);
  return ordered;
}

/** Two databases with the same id would hear each other over one Redis, and clients of both would trust each other's cursors. */
const OF_ITS_OWN = new Set(["migrations", "deployment"]);

/** Everything that a question comes to, in batches of some megabytes, by what the last one had; the session is in a transaction. */
export async function* readAll<T extends object>(session: Session, sql: string): AsyncGenerator<T[]> {
  await session.exec(`DECLARE reading NO SCROLL CURSOR FOR ${sql}`);
  for (let take = 16; ;) {
    const rows = await session.query<T>(`FETCH ${take} FROM reading`, []);
    if (rows.length) yield rows;
    if (rows.length < take) break;
    const bytes = rows.reduce((sum, row) => sum + Object.values(row).join().length, 0);
    take = Math.max(1, Math.min(FETCH, 2 * take, Math.floor((take * BATCH_BYTES) / bytes)));
  }
  await session.exec("CLOSE reading");
}

/** The rows of a table, each as the text of a JSON object. */
export async function* readTable(session: Session, { name, columns, order }: Table): AsyncGenerator<string[]> {
  const sql = `SELECT row_to_json(r)::text AS row FROM (SELECT ${names(columns)} FROM ${quoted(name)} ORDER BY ${order}) r`;
  for await (const rows of readAll<{ row: string }>(session, sql)) yield rows.map(({ row }) => row);
}

/** Adds rows, each the text of a JSON object with these columns; others keep their defaults. Those of transactions are of none: nobody is to be told of these rows as news. */
export async function insertRows(
  session: Session,
  { name, versions }: Pick<Table, "name" | "versions">,
  columns: readonly string[],
  rows: readonly string[],
): Promise<void> {
  for (let i = 0; i < rows.length; i += BATCH) {
    // A full disk would hang the embedded database for ever.
    if (!session.hasRoom()) throw new Error("The disk of the database is nearly full");
    await session.query(
      `INSERT INTO ${quoted(name)} (${names([...columns, ...versions])}) OVERRIDING SYSTEM VALUE
       SELECT ${[names(columns), ...versions.map(() => "'0'::xid8")].join(", ")}
       FROM json_populate_recordset(NULL::${quoted(name)}, $1::text::json)`,
      [`[${rows.slice(i, i + BATCH).join(",")}]`],
    );
  }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const names = (columns: readonly string[]) => columns.map(quoted).join(", ");
