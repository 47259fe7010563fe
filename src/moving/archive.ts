/**
 * A backup is lines of JSON, gzipped. The first says what it is: `{format, version, made_at, migrations, counts: {table: rows}}`. Then comes each
 * table: `{table, columns}` and its rows, one object a line. The last line has the checksums: `{tables: {table: sha256 of its rows}, sha256
 * of all lines before}`.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { access, chmod, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import type { Progress } from "./rows.ts";

export const FORMAT = "liquidchat backup";
export const VERSION = 1;

const headerLine = z.object({
  format: z.literal(FORMAT),
  version: z.number(),
  made_at: z.string(),
  migrations: z.array(z.string()).min(1),
  counts: z.record(z.string(), z.number()),
});
const tableLine = z.object({ table: z.string(), columns: z.array(z.string()).min(1) });
const lastLine = z.object({ tables: z.record(z.string(), z.string()), sha256: z.string() });

export type Header = z.infer<typeof headerLine>;
export type Checksums = z.infer<typeof lastLine>;
/** A piece of an archive as it is read: some rows of a table, each the text of a JSON object. */
export type Piece = { table: string; columns: string[]; rows: string[] };

/** Far more than a row can have, and less than hurts: the file may be anything. */
const MAX_LINE = 64 * 1024 * 1024;
const PIECE = 1_000;
/** A checksum for each table. */
const MAX_LAST_LINE = 64 * 1024;

/** Where the file is that the name stands for: a link is followed. What is there and no file, a device or a pipe, must not be replaced by one. */
export async function placeOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  if (found && !found.isFile()) throw new Error(`${file} is there and is no file. Name another one`);
  if (found) return realpath(file);
  const link = await lstat(file).catch(() => null);
  if (link) throw new Error(`${file} is a link that leads to nothing. Name another file`);
  return file;
}

/**
 * Writes an archive so that the file is there when all of it is, on the disk and readable by its owner alone, and else what was there before.
 * What was written is read again first.
 */
export async function saveArchive(
  file: string,
  text: AsyncIterable<string | Uint8Array>,
  progress: Progress = () => {},
): Promise<Checksums & { rows: number }> {
  const partial = `${file}.${crypto.randomUUID().slice(0, 8)}.partial`;
  try {
    await write(text, createWriteStream(partial, { flags: "wx", mode: 0o600 }), progress);
    await chmod(partial, 0o600);
    await sync(partial);
    const verified = await verifyArchive(partial);
    await rename(partial, file);
    await sync(dirname(file));
    return verified;
  } catch (cause) {
    await rm(partial, { force: true });
    throw new Error(`The backup ${file} cannot be written`, { cause });
  }
}

/** Writes one to where it cannot be read again. Throws where its end is missing; what happens to it behind a pipe, the restore tells. */
export async function pipeArchive(
  out: Writable,
  text: AsyncIterable<string | Uint8Array>,
  progress: Progress,
): Promise<Checksums & { rows: number }> {
  try {
    const { rows, end } = await write(text, out, progress);
    const last = end.endsWith("\n") && parsed(lastLine, end.slice(end.lastIndexOf("\n", end.length - 2) + 1));
    if (!last) throw new Error("its end did not come");
    return { ...last, rows };
  } catch (cause) {
    throw new Error("The backup cannot be written", { cause });
  }
}

/** Tells how many of the rows that the header announces have passed. Returns that number, and how the text ends. */
async function write(text: AsyncIterable<string | Uint8Array>, out: Writable, progress: Progress) {
  const decoder = new TextDecoder();
  let [first, rows, lines, end] = ["", 0, 0, ""];
  async function* counted() {
    for await (const piece of text) {
      const now = typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
      if (!lines) first += now;
      lines += now.split("\n").length - 1;
      if (lines && !rows) rows = rowsIn(headerLine.parse(JSON.parse(first.slice(0, first.indexOf("\n")))));
      progress(Math.min(lines, rows), rows);
      end = (end + now).slice(-MAX_LAST_LINE);
      yield piece;
    }
  }
  const source = Readable.from(counted(), { objectMode: true });
  await pipeline(source, createGzip({ level: constants.Z_BEST_SPEED }), out);
  return { rows, end };
}

export const rowsIn = ({ counts }: Header) => Object.values(counts).reduce((sum, n) => sum + n, 0);

async function sync(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync().finally(() => handle.close());
}

/** Reads all of it; throws where it is not what was written. */
export async function verifyArchive(file: string): Promise<Checksums & { rows: number }> {
  const { header, pieces } = await openArchive(file);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return { ...value, rows: rowsIn(header) };
  }
}

/** The header, and then the rest, which throws in the end, at the latest, where it is not what was written. */
export async function openArchive(file: string): Promise<{ header: Header; pieces: AsyncGenerator<Piece, Checksums> }> {
  await access(file);
  const lines = readLines(file);
  const all = new Bun.CryptoHasher("sha256");
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${file} is cut off`);
    return value;
  };
  const first = await next().catch((cause) => {
    throw new Error(`${file} is no backup of LiquidChat`, { cause });
  });
  const header = parsed(headerLine, first);
  if (!header) throw new Error(`${file} is no backup of LiquidChat`);
  if (header.version > VERSION)
    throw new Error(`${file} was made by a newer version of LiquidChat. Restore it with that one`);
  all.update(`${first}\n`);

  async function* read({ counts }: Header): AsyncGenerator<Piece, Checksums> {
    const sums: Record<string, string> = {};
    for (const [name, count] of Object.entries(counts)) {
      const line = await next();
      const head = parsed(tableLine, line);
      if (head?.table !== name) throw damaged(file);
      all.update(`${line}\n`);
      const own = new Bun.CryptoHasher("sha256");
      for (let left = count; left > 0;) {
        const rows: string[] = [];
        let size = 0;
        for (; left > 0 && rows.length < PIECE && size < MAX_LINE; left--)
          size += rows[rows.push(await next()) - 1]!.length;
        const text = `${rows.join("\n")}\n`;
        own.update(text);
        all.update(text);
        yield { ...head, rows };
      }
      sums[name] = own.digest("hex");
    }
    const last = parsed(lastLine, await next());
    if (last?.sha256 !== all.digest("hex") || !Bun.deepEquals(last.tables, sums) || !(await lines.next()).done)
      throw damaged(file);
    return last;
  }
  return { header, pieces: read(header) };
}

const damaged = (file: string) => new Error(`${file} is damaged: its checksums do not fit`);

function parsed<T>(schema: z.ZodType<T>, line: string): T | null {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

async function* readLines(file: string): AsyncGenerator<string, void> {
  const source = createReadStream(file);
  const unzipped = createGunzip();
  source.on("error", (error) => unzipped.destroy(error));
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of source.pipe(unzipped)) {
      // Only what is new is looked through: a line can come in very many pieces.
      const [first, ...lines] = decoder.decode(chunk as Uint8Array, { stream: true }).split("\n");
      rest += first;
      if (rest.length > MAX_LINE) throw damaged(file);
      if (!lines.length) continue;
      yield rest;
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause) {
    throw new Error(`${file} cannot be read to its end`, { cause });
  } finally {
    source.destroy();
  }
  if (rest) throw new Error(`${file} is cut off`);
}
