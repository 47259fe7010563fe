import type { Session } from "../db/client.ts";
import { applied } from "../db/migrate.ts";
import { FORMAT, type Header, VERSION } from "./archive.ts";
import { type Progress, readTable, readTables } from "./rows.ts";

/** Everything in the snapshot, as the text of an archive, piece by piece. */
export async function* archiveText(snapshot: Session, madeAt: Date, progress: Progress): AsyncGenerator<string, void> {
  const tables = await readTables(snapshot);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await snapshot.query<{ n: number }>(`SELECT count(*) AS n FROM ${name}`, []);
    counts[name] = row!.n;
  }
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  let done = 0;

  const all = new Bun.CryptoHasher("sha256");
  const sums: Record<string, string> = {};
  const line = (value: object) => {
    const text = `${JSON.stringify(value)}\n`;
    all.update(text);
    return text;
  };
  const migrations = await applied(snapshot);
  yield line({ format: FORMAT, version: VERSION, made_at: madeAt.toISOString(), migrations, counts } satisfies Header);
  for (const table of tables) {
    yield line({ table: table.name, columns: table.columns });
    const own = new Bun.CryptoHasher("sha256");
    for await (const rows of readTable(snapshot, table)) {
      const text = `${rows.join("\n")}\n`;
      own.update(text);
      all.update(text);
      yield text;
      progress((done += rows.length), total);
    }
    sums[table.name] = own.digest("hex");
  }
  yield `${JSON.stringify({ tables: sums, sha256: all.digest("hex") })}\n`;
}
