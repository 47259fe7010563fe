import { Database as Sqlite } from "bun:sqlite";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../ops/clock.ts";
import { DatabaseUnavailable, type Database, ormOver, QUERY_DEADLINE_MS, type Row } from "./client.ts";
import type { Answer, Request } from "./embedded-worker.ts";
import template from "./template.tar.gz" with { type: "file" };

/**
 * PostgreSQL inside this process (PGlite, in a Worker: on the main thread its queries would starve every socket).
 * Survives a kill, but does not wait for the disk: a power cut can lose the last moments.
 */
export async function openEmbedded(dataDir: string, clock: Clock): Promise<Database> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unlock = lock(dataDir);
  try {
    await unpackTemplate(dataDir);
    const client = new WorkerClient(join(dataDir, "pg"), clock.after);
    await client.opened;
    const disk = await watchDisk(dataDir, clock);
    return databaseOver(client, disk.hasRoom, () => {
      disk.stop();
      unlock();
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A fresh cluster as one file; `bun run db:template` writes it to `src/db/template.tar.gz`. */
export async function makeTemplate(emptyDir: string): Promise<Blob> {
  const client = new WorkerClient(emptyDir, () => () => {});
  await client.opened;
  const blob = (await client.ask({ dump: true })) as Blob;
  await client.ask({ close: true });
  client.terminate();
  return blob;
}

/**
 * Two processes in one PGlite directory destroy it. SQLite's file lock is held by the kernel for the process: a killed one leaves
 * nothing stale behind, and two that start together cannot both win.
 */
function lock(dataDir: string): () => void {
  const file = new Sqlite(join(dataDir, "lock"), { create: true });
  try {
    file.run("PRAGMA locking_mode = EXCLUSIVE");
    file.run("BEGIN EXCLUSIVE");
  } catch {
    file.close();
    throw new Error(
      `The data in ${dataDir} is in use by another LiquidChat. Stop it first, or give this one a DATA_DIR of its own; several processes need PostgreSQL and Redis.`,
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
const LEAST_FREE_BYTES = 64 * 1024 * 1024;

async function watchDisk(dataDir: string, clock: Clock) {
  let free = Infinity;
  const measure = async () => {
    const { bavail, bsize } = await statfs(dataDir);
    free = bavail * bsize;
  };
  await measure();
  // A disk that cannot be measured keeps its last figure.
  const stop = clock.every(1_000, () => void measure().catch(() => {}));
  return { hasRoom: () => free > LEAST_FREE_BYTES, stop };
}

function databaseOver(client: WorkerClient, hasRoom: () => boolean, unlock: () => void): Database {
  const run = (sql: string, params: unknown[], arrays: boolean) =>
    client.ask({ sql, params, arrays }, QUERY_DEADLINE_MS);
  return {
    kind: "embedded",
    hasRoom,
    query: <T>(sql: string, params: unknown[]) => run(sql, params, false) as Promise<T[]>,
    exec: async (sql) => void (await client.ask({ exec: sql })),
    orm: ormOver(
      (sql, params) => run(sql, params, true) as Promise<unknown[][]>,
      (sql, params) => run(sql, params, false) as Promise<Row[]>,
    ),
    close: async () => {
      await client.ask({ close: true });
      client.terminate();
      unlock();
    },
  };
}

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void; stop?: () => void };
type Question = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** Questions and answers over a Worker. A missed deadline means that PGlite hangs (a full disk does that): it gets a new Worker. */
class WorkerClient {
  opened: Promise<unknown>;
  #worker: Worker;
  #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(
    private readonly dataDir: string,
    private readonly after: Clock["after"],
  ) {
    this.#worker = this.#spawn();
    this.opened = this.ask({ open: { dataDir } });
  }

  ask(question: Question, deadlineMs?: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const stop = deadlineMs ? this.after(deadlineMs, () => this.#restart()) : undefined;
      this.#waiting.set(id, { resolve, reject, stop });
      this.#worker.postMessage({ id, ...question });
    });
  }

  terminate(): void {
    this.#worker.terminate();
    for (const { reject, stop } of this.#waiting.values()) {
      stop?.();
      reject(new DatabaseUnavailable());
    }
    this.#waiting.clear();
  }

  #restart(): void {
    this.terminate();
    this.#worker = this.#spawn();
    this.opened = this.ask({ open: { dataDir: this.dataDir } });
    this.opened.catch(() => {});
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./embedded-worker.ts", import.meta.url).href);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      if (!waiting) return;
      this.#waiting.delete(data.id);
      waiting.stop?.();
      if ("error" in data) waiting.reject(Object.assign(new Error(data.error.message), { code: data.error.code }));
      else waiting.resolve(data.result);
    };
    worker.onerror = (event) => {
      const cause = event.message;
      for (const { reject, stop } of this.#waiting.values()) {
        stop?.();
        reject(new DatabaseUnavailable(cause));
      }
      this.#waiting.clear();
    };
    return worker;
  }
}
