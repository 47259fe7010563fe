/** The two kinds of database, empty, as those who move see them. */
import { openEmbedded } from "../../src/db/embedded.ts";
import type { Database, Session } from "../../src/db/client.ts";
import { openPostgres, openSession } from "../../src/db/postgres.ts";
import { systemClock as clock } from "../../src/ops/clock.ts";
import { archiveText } from "../../src/moving/backup.ts";
import { type Checksums, saveArchive } from "../../src/moving/archive.ts";
import type { Env } from "../support/server.ts";
import { freshDatabase, haveServices, silent, tempDir } from "../support/services.ts";

/** `session`: the connection that fills it; `env`: for a server on it, when this is closed. */
export type Place = { db: Database; session: Session; env: Env; close(): Promise<void> };

export const KINDS: [string, () => Promise<Place>][] = [["embedded", embedded]];
if (haveServices) KINDS.push(["PostgreSQL", onPostgres]);

async function embedded(): Promise<Place> {
  const dir = await tempDir();
  const db = await openEmbedded(dir, clock, silent);
  return { db, session: db.session, env: { DATA_DIR: dir }, close: () => db.close() };
}

async function onPostgres(): Promise<Place> {
  const url = await freshDatabase();
  const [db, session] = [openPostgres(url, clock), openSession(url, clock)];
  return {
    db,
    session,
    env: { DATABASE_URL: url },
    close: async () => void (await Promise.all([db.close(), session.close()])),
  };
}

export const backUp = (db: Database, file: string): Promise<Checksums> =>
  saveArchive(file, archiveText(db, new Date()));
