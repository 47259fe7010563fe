/** The two kinds of database, empty, as those who move see them. */
import { join } from "node:path";
import { createChatStore } from "../../src/chat/store.ts";
import { migrate } from "../../src/db/migrate.ts";
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

const places: Place[] = [];
/** After each test. */
export const closeAll = async () => void (await Promise.all(places.splice(0).map((place) => place.close())));
export const make = async (open: () => Promise<Place>) => {
  const place = await open();
  places.push(place);
  return place;
};
export const archive = async () => join(await tempDir(), "backup");
export const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "it worked",
    (error: Error) => `${error.message}: ${(error.cause as Error)?.message ?? ""}`,
  );

type People = { ids: string[]; sessions: string[]; room: string };

/** Three people, of whom one has left; a conversation; whatever text there is. */
export async function populate(db: Database): Promise<People> {
  await migrate(db);
  const ids = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const sessions: string[] = [];
  for (const [i, id] of ids.entries()) {
    sessions.push(crypto.randomUUID());
    const name = `name${i}`;
    const session = { id: sessions[i], user_id: id, user_agent: "a \"quoted\"\tagent\\", issued_at: new Date(), expires_at: new Date(Date.now() + 1e9), jti: crypto.randomUUID() }; // prettier-ignore
    await db.query("SELECT sign_up($1::jsonb, $2::jsonb)", [
      JSON.stringify({
        id,
        username: name,
        folded: name,
        skeleton: name,
        ascii: true,
        password: `hash ${i}`,
        email: "a@b.example",
      }),
      JSON.stringify(session),
    ]);
  }
  const [row] = await db.query<{ id: string }>("SELECT open_direct($1, $2, $3, NULL) AS id", [
    crypto.randomUUID(),
    ids[0],
    ids[1],
  ]);
  for (const text of ["line\nbreak", "tab\t\\back\\slash", '{"json": "\\u0000"}', "\u0001\u2028👩‍👩‍👧", "😀".repeat(2_000)])
    await say(db, { ids, sessions, room: row!.id }, row!.id, [text]);
  await db.query("SELECT delete_account($1, $2, 'hash 2')", [ids[2], sessions[2]]);
  return { ids, sessions, room: row!.id };
}

export const say = (db: Database, { ids, sessions }: People, room: string, contents: string[]) =>
  createChatStore(db, clock).storeMessages(
    contents.map((content) => ({
      room,
      content,
      sender: { id: ids[0]!, username: "" },
      sessionId: sessions[0]!,
      clientId: crypto.randomUUID(),
      audience: [],
    })),
  );
export const epoch = async (db: Database) => (await db.query<{ epoch: string }>("SELECT epoch()", []))[0]!.epoch;
export const count = async (db: Database, table: string) =>
  (await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`, []))[0]!.n;
