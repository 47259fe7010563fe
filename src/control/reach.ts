import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createPasswords } from "../auth/passwords.ts";
import { openDatabase, refuseForeign } from "../backends.ts";
import type { Config } from "../config.ts";
import { InUse } from "../db/embedded.ts";
import { systemClock as clock } from "../ops/clock.ts";
import { createLog } from "../ops/log.ts";
import { controlRoutes } from "./routes.ts";
import { controlSocket } from "./socket.ts";

/** A server that has just taken its database listens a moment later. */
const PATIENCE_MS = 10_000;

export type Control = AsyncDisposable & {
  /** One of the routes; throws what went wrong there, as a sentence. */
  call(path: string, body?: unknown): Promise<Response>;
  /** The same, for an answer in JSON. */
  ask<T>(path: string, body?: unknown): Promise<T>;
};

/**
 * Speaks to the server that holds the embedded database; where none runs, or over PostgreSQL, opens the database, with this program's tables.
 * @param makes whether there need not be one yet: else the wrong folder would be taken for an empty chat
 */
export async function reach(config: Config, makes = false): Promise<Control> {
  if (!config.databaseUrl) {
    refuseForeign(config.dataDir);
    if (!makes && !existsSync(join(config.dataDir, "pg")))
      throw new Error(`DATA_DIR: there is no database in ${resolve(config.dataDir)}`);
  }
  try {
    const db = await openDatabase(config, false, clock, createLog(config.debug));
    const routes = controlRoutes(db, createPasswords());
    return controlOver(
      (path, init) => routes.request(path, init),
      () => db.close(),
    );
  } catch (error) {
    if (!((error as Error).cause instanceof InUse)) throw error;
    await answering(config.dataDir);
    return controlOver(
      (path, init) => overSocket(config.dataDir, path, init),
      async () => {},
    );
  }
}

type Fetch = (path: string, init: RequestInit) => Response | Promise<Response>;

const overSocket = (dataDir: string, path: string, init: RequestInit) =>
  fetch(`http://control${path}`, { ...init, unix: controlSocket(dataDir), timeout: false } as RequestInit);

async function answering(dataDir: string): Promise<void> {
  for (const until = clock.ticks() + PATIENCE_MS; ; await clock.sleep(100)) {
    try {
      await overSocket(dataDir, "/", { signal: AbortSignal.timeout(PATIENCE_MS) });
      return;
    } catch (error) {
      if (clock.ticks() > until)
        throw new Error(`A server has ${dataDir} open, but it does not answer at ${controlSocket(dataDir)}`, {
          cause: error,
        });
    }
  }
}

function controlOver(fetch: Fetch, close: () => Promise<void>): Control {
  const call = async (path: string, body: unknown = {}) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(((await answer.json()) as { error: string }).error);
    return answer;
  };
  return {
    call,
    ask: async <T>(path: string, body?: unknown) => (await (await call(path, body)).json()) as T,
    [Symbol.asyncDispose]: close,
  };
}
