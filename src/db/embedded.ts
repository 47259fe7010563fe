import { Database as Sqlite } from "bun:sqlite";
import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import {
  countError,
  DatabaseUnavailable,
  type Database,
  isExhausted,
  ormOver,
  QUERY_DEADLINE_MS,
  type Row,
} from "./client.ts";
import type { Answer, Request } from "./embedded-worker.ts";
import template from "./template.tar.gz" with { type: "file" };

/**
 * PostgreSQL inside this process (PGlite, in a Worker: on the main thread its queries would starve every socket).
 * Survives a kill, but does not wait for the disk: a power cut can lose the last moments.
 */
export async function openEmbedded(dataDir: string, clock: Clock, log: Log): Promise<Database> {
  const unlock = await mkdir(dataDir, { recursive: true, mode: 0o700 })
    .then(() => lock(dataDir))
    .catch((error) => {
      throw new Error(`DATA_DIR: cannot use ${dataDir}`, { cause: error });
    });
  try {
    await unpackTemplate(dataDir);
    // A DATA_DIR that was there before, a mounted volume for instance, may be open to all; hashes and messages must not be.
    await chmod(join(dataDir, "pg"), 0o700);
    const client = new WorkerClient(join(dataDir, "pg"), clock.after, (what, error) => log.error({ err: error }, what));
    await client.open();
    const disk = await watchDisk(dataDir, clock);
    return databaseOver(client, disk.hasRoom, () => {
      disk.stop();
      unlock();
    });
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
  await client.ask({ close: true });
  client.terminate();
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
  const errors = { unavailable: 0, refused: 0 };
  const run = (sql: string, params: unknown[], arrays: boolean) =>
    client.query({ sql, params, arrays }).catch((error) => {
      countError(errors, error);
      throw error;
    });
  return {
    errors,
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

type Asked = { resolve: (value: unknown) => void; reject: (error: Error) => void; stop?: () => void };
type Waiting = Asked & { question: Question };
type Question = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** PGlite works on one question at a time; the second is there so that it need not wait for us in between. */
const IN_FLIGHT = 2;
const MAX_QUEUE = 10_000;

/**
 * Questions and answers over a Worker. The queue is on this side: who waits in it for longer than the deadline is refused alone, while
 * a question that PGlite itself does not answer in time means that it hangs, and it gets a new Worker.
 */
class WorkerClient {
  #worker: Worker;
  #queue: Waiting[] = [];
  #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(
    private readonly dataDir: string,
    private readonly after: Clock["after"],
    /** Tells the operator that the Worker was in trouble. */
    private readonly tell: (what: string, error?: unknown) => void,
  ) {
    this.#worker = this.#spawn();
  }

  open(): Promise<unknown> {
    return this.#post({ open: { dataDir: this.dataDir } });
  }

  /** For as long as it takes. */
  ask(question: Question): Promise<unknown> {
    return this.#post(question);
  }

  /** Settles within the deadline; what it did is unknown when it was missed. */
  query(question: Question): Promise<unknown> {
    if (this.#queue.length >= MAX_QUEUE) return Promise.reject(new DatabaseUnavailable());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const waiting: Waiting = { question, resolve, reject };
    const stop = this.after(QUERY_DEADLINE_MS, () => {
      const at = this.#queue.indexOf(waiting);
      if (at >= 0) this.#queue.splice(at, 1);
      reject(new DatabaseUnavailable());
    });
    this.#queue.push(waiting);
    this.#pump();
    return promise.finally(stop);
  }

  terminate(): void {
    this.#worker.terminate();
    this.#failAsked(new DatabaseUnavailable());
  }

  #pump(): void {
    while (this.#asked.size < IN_FLIGHT && this.#queue.length) {
      const { question, resolve, reject } = this.#queue.shift()!;
      const stop = this.after(QUERY_DEADLINE_MS, () => this.#restart());
      this.#post(question, stop).then(resolve, reject);
    }
  }

  #post(question: Question, stop?: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#asked.set(id, { resolve, reject, stop });
      this.#worker.postMessage({ id, ...question });
    });
  }

  #restart(): void {
    this.tell("the embedded database does not answer; starting it again");
    this.terminate();
    this.#worker = this.#spawn();
    this.open().then(
      () => this.#pump(),
      (error) => this.tell("the embedded database does not open", error),
    );
  }

  #failAsked(error: Error): void {
    for (const { reject, stop } of this.#asked.values()) {
      stop?.();
      reject(error);
    }
    this.#asked.clear();
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./embedded-worker.ts", import.meta.url).href);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#asked.get(data.id);
      if (!waiting) return;
      this.#asked.delete(data.id);
      waiting.stop?.();
      if ("error" in data) {
        const error = Object.assign(new Error(data.error.message), { code: data.error.code });
        waiting.reject(isExhausted(error.code) ? new DatabaseUnavailable(error) : error);
      } else waiting.resolve(data.result);
      this.#pump();
    };
    worker.onerror = (event) => {
      this.#failAsked(new DatabaseUnavailable(event.message));
      this.#pump();
    };
    return worker;
  }
}
