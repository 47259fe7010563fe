/// <reference lib="webworker" />
import { pathToFileURL } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import initdbWasm from "../../node_modules/@electric-sql/pglite/dist/initdb.wasm" with { type: "file" };
import trgm from "../../node_modules/@electric-sql/pglite/dist/pg_trgm.tar.gz" with { type: "file" };
import files from "../../node_modules/@electric-sql/pglite/dist/pglite.data" with { type: "file" };
import wasm from "../../node_modules/@electric-sql/pglite/dist/pglite.wasm" with { type: "file" };

/** What the worker is asked; it answers `{id, result}` or `{id, error}` in any order. */
export type Request =
  | { id: number; open: { dataDir: string } }
  | { id: number; sql: string; params: unknown[]; arrays: boolean }
  | { id: number; exec: string }
  | { id: number; dump: true }
  | { id: number; close: true };

export type Answer = { id: number; result: unknown } | { id: number; error: { message: string; code?: string } };

declare const self: Worker;

/** A question that comes while it opens waits. */
let opened: Promise<PGlite>;

self.onmessage = async ({ data: request }: MessageEvent<Request>) => {
  try {
    self.postMessage({ id: request.id, result: await answer(request) } satisfies Answer);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    self.postMessage({ id: request.id, error: { message, code } } satisfies Answer);
  }
};

async function answer(request: Request): Promise<unknown> {
  if ("open" in request) return void (await (opened = open(request.open.dataDir)));
  const db = await opened;
  if ("exec" in request) return void (await db.exec(request.exec));
  if ("dump" in request) return db.dumpDataDir("gzip");
  if ("close" in request) return db.close();
  const { rows } = await db.query(request.sql, request.params, { rowMode: request.arrays ? "array" : "object" });
  return rows;
}

async function open(dataDir: string): Promise<PGlite> {
  // PGlite reads it as a stream, which what is inside a binary does not allow.
  const extension = Bun.isStandaloneExecutable ? `${dataDir}.trgm` : trgm;
  if (extension !== trgm) await Bun.write(extension, Bun.file(trgm));
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([wasm, initdbWasm].map(compiled));
  const db = new PGlite({
    dataDir,
    pgliteWasmModule,
    initdbWasmModule,
    fsBundle: Bun.file(files) as unknown as Blob,
    // What a migration creates; its files are PGlite's, not the cluster's.
    extensions: { pg_trgm: pathToFileURL(extension) },
    // Brings the process from about 300 MB to about 130.
    postgresqlconf: ["shared_buffers=16MB", "max_wal_size=64MB", "TimeZone=UTC"],
    parsers: { 20: Number, 1184: (text) => new Date(text) },
  });
  await db.waitReady;
  if (extension !== trgm) await Bun.file(extension).delete();
  return db;
}

const compiled = async (path: string) => WebAssembly.compile(await Bun.file(path).arrayBuffer());
