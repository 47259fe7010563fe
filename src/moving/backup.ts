import type { Database, Session } from "../db/client.ts";
import { applied } from "../db/migrate.ts";
import { FORMAT, type Header, VERSION } from "./archive.ts";
import { readTable, readTables } from "./rows.ts";

/** Everything in the database as it is now, as the text of an archive, piece by piece. */
export async function* archiveText(db: Pick<Database, "snapshot">, now: Date): AsyncGenerator<string, void> {
  const snapshot = await db.snapshot();
  try {
    yield* textOf(snapshot, now);
  } finally {
    await snapshot.close();
  }
}

/** The same for an answer over HTTP. Rejects where the database cannot be read at all; who stops reading ends it. */
export async function archiveStream(db: Pick<Database, "snapshot">, now: Date): Promise<ReadableStream<Uint8Array>> {
  const text = archiveText(db, now);
  let next = await text.next();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      if (next.done) return controller.close();
      controller.enqueue(encoder.encode(next.value));
      next = await text.next();
    },
    cancel: async () => void (await text.return()),
  });
}

async function* textOf(snapshot: Session, madeAt: Date): AsyncGenerator<string, void> {
  const tables = await readTables(snapshot);
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await snapshot.query<{ n: number }>(`SELECT count(*) AS n FROM ${name}`, []);
    counts[name] = row!.n;
  }
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
    }
    sums[table.name] = own.digest("hex");
  }
  yield `${JSON.stringify({ tables: sums, sha256: all.digest("hex") })}\n`;
}
