import { Database as Sqlite } from "bun:sqlite";
import { constants, existsSync } from "node:fs";
import { chmod, cp, mkdir, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { countError, type Database, ormOver, type Row, type Session } from "./client.ts";
import { WorkerClient } from "./embedded-client.ts";
import { keepUp } from "./upkeep.ts";
import template from "./template.tar.gz" with { type: "file" };

/** It has one connection only, so that nobody else asks it anything while `session` is in a transaction. */
export type EmbeddedDatabase = Database & { session: Session };

/**
 * PostgreSQL inside this process (PGlite, in a Worker: on the main thread its queries would starve every socket).
 * Survives a kill, but does not wait for the disk: a power cut can lose the last moments.
 */
export async function openEmbedded(dataDir: string, clock: Clock, log: Log): Promise<EmbeddedDatabase> {
  const unlock = await mkdir(dataDir, { recursive: true, mode: 0o700 })
    .then(() => lock(dataDir))
    .catch((error) => {
      throw new Error(`DATA_DIR: cannot use ${dataDir}`, { cause: error });
    });
  try {
    await unpackTemplate(dataDir);
    await rm(copyIn(dataDir), { recursive: true, force: true });
    // A DATA_DIR that was there before, a mounted volume for instance, may be open to all; hashes and messages must not be.
    await chmod(join(dataDir, "pg"), 0o700);
    const client = new WorkerClient(join(dataDir, "pg"), clock.after, (what, error) => log.error({ err: error }, what));
    await client.open();
    const disk = await watchDisk(dataDir, clock);
    const stopUpkeep = keepUp(client, disk.hasRoom, clock, log);
    const close = async () => {
      stopUpkeep();
      await client.close();
      disk.stop();
      unlock();
    };
    return databaseOver(client, disk, () => copyOf(client, dataDir, disk, clock, log), close);
  } catch (error) {
    unlock();
    throw error instanceof Error && error.message
      ? error
      : new Error(`DATA_DIR: the database in ${dataDir} does not open`, { cause: error });
  }
}

/**
 * How the mark of this database looks on the disk: its place there, and when that last changed, which no way of copying keeps. So a
 * backup that was copied back is known from the database that went on.
 */
export async function diskMark(dataDir: string): Promise<string> {
  const file = join(dataDir, "mark");
  if (!existsSync(file)) await writeFile(file, "Leave this file alone: it tells a copy from the original.\n");
  const { ino, ctimeNs } = await stat(file, { bigint: true });
  return `${ino} ${ctimeNs}`;
}

/** A fresh cluster as one file; `bun run db:template` writes it to `src/db/template.tar.gz`. */
export async function makeTemplate(emptyDir: string): Promise<Blob> {
  const client = new WorkerClient(
    emptyDir,
    () => () => {},
    () => {},
  );
  await client.open();
  const blob = (await client.ask({ dump: true })) as Blob;
  await client.close();
  return blob;
}

/** Another process has the database open. */
export class InUse extends Error {}

/**
 * Two processes in one PGlite directory destroy it. SQLite's file lock is held by the kernel for the process: a killed one leaves
 * nothing stale behind, and two that start together cannot both win.
 */
function lock(dataDir: string): () => void {
  const file = new Sqlite(join(dataDir, "lock"), { create: true });
  try {
    file.run("PRAGMA locking_mode = EXCLUSIVE");
    file.run("BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new InUse(
      "it is in use by another LiquidChat. Stop that one first, or give this one a DATA_DIR of its own; several processes need PostgreSQL and Redis",
      { cause: error },
    );
  }
  return () => file.close();
}

/** initdb takes seconds and a gigabyte; the template takes neither. Renamed when whole, so that a kill in the middle leaves no half. */
async function unpackTemplate(dataDir: string): Promise<void> {
  const target = join(dataDir, "pg");
  if (existsSync(target)) return;
  const fresh = join(dataDir, "pg.new");
  await rm(fresh, { recursive: true, force: true });
  await new Bun.Archive(await Bun.file(template).bytes()).extract(fresh);
  await rename(fresh, target);
}

/** Below this, sends are refused: they are small, and what is under way still fits. */
export const LEAST_FREE_BYTES = 64 * 1024 * 1024;

/** A killed server may leave one. */
const copyIn = (dataDir: string) => join(dataDir, "pg.copy");

type Disk = Awaited<ReturnType<typeof watchDisk>>;

async function watchDisk(dataDir: string, clock: Clock) {
  let free = Infinity;
  const measure = async () => {
    const { bavail, bsize } = await statfs(dataDir);
    free = bavail * bsize;
  };
  await measure();
  // A disk that cannot be measured keeps its last figure.
  const stop = clock.every(1_000, () => void measure().catch(() => {}));
  return { hasRoom: (bytes = 0) => free - bytes > LEAST_FREE_BYTES, stop };
}

/**
 * A copy of the database's files, opened beside it: PGlite has one connection only, and who reads all through it would hold up everybody. Made
 * while PGlite rests, so it looks as after a kill in between two statements, which PostgreSQL starts from. Costs the server the time of
 * copying, which on btrfs and XFS is none.
 */
async function copyOf(of: WorkerClient, dataDir: string, disk: Disk, clock: Clock, log: Log): Promise<Session> {
  const [from, to] = [join(dataDir, "pg"), copyIn(dataDir)];
  const bytes = await sizeOf(from);
  if (!disk.hasRoom(bytes))
    throw new Error(`DATA_DIR: no room beside the database for a copy of it (${Math.ceil(bytes / 1e6)} MB)`);
  await mkdir(to, { mode: 0o700 }).catch((cause) => {
    throw new Error("A copy of the database cannot be made, or another one is under way", { cause });
  });
  const client = new WorkerClient(to, clock.after, (what, error) => log.error({ err: error }, what));
  const close = async () => {
    client.terminate();
    await rm(to, { recursive: true, force: true });
  };
  try {
    await of.rest(() => cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE }));
    await client.open();
    await client.ask({ exec: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" });
  } catch (error) {
    await close();
    throw error;
  }
  return sessionOver(client, disk, close);
}

async function sizeOf(dir: string): Promise<number> {
  let bytes = 0;
  for (const file of await readdir(dir, { recursive: true, withFileTypes: true }))
    // A file may go meanwhile: of the log, of a table that was emptied.
    if (file.isFile()) bytes += (await stat(join(file.parentPath, file.name)).catch(() => null))?.size ?? 0;
  return bytes;
}

function sessionOver(client: WorkerClient, disk: Disk, close: () => Promise<void>): Session {
  return {
    hasRoom: () => disk.hasRoom(),
    query: async <T>(sql: string, params: unknown[]) => (await client.ask({ sql, params, arrays: false })) as T[],
    exec: async (sql) => void (await client.ask({ exec: sql })),
    close,
  };
}

function databaseOver(
  client: WorkerClient,
  disk: Disk,
  snapshot: () => Promise<Session>,
  close: () => Promise<void>,
): EmbeddedDatabase {
  const session = sessionOver(client, disk, close);
  const errors = { unavailable: 0, refused: 0 };
  const run = (sql: string, params: unknown[], arrays: boolean) =>
    client.query({ sql, params, arrays }).catch((error) => {
      countError(errors, error);
      throw error;
    });
  return {
    errors,
    ...session,
    session,
    snapshot,
    query: <T>(sql: string, params: unknown[]) => run(sql, params, false) as Promise<T[]>,
    orm: ormOver(
      (sql, params) => run(sql, params, true) as Promise<unknown[][]>,
      (sql, params) => run(sql, params, false) as Promise<Row[]>,
    ),
  };
}
