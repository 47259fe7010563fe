/** The tables of the first LiquidChat, a Django service, as they are in its PostgreSQL or SQLite. Read-only. */
import { Database as Sqlite } from "bun:sqlite";
import { openSession } from "../db/postgres.ts";
import type { Clock } from "../ops/clock.ts";
import { readAll } from "./rows.ts";

export type OldUser = {
  id: string;
  password: string;
  username: string;
  email: string | null;
  isAdmin: boolean;
  isActive: boolean;
  createdAt: Date;
  lastSeen: Date | null;
};
export type OldConversation = { id: string; createdAt: Date; participants: string[] };
export type OldMessage = { sender: string; content: string; sentAt: Date };
type OldPrivate = OldMessage & { id: string; conversation: string; isRead: boolean };
type OldGlobal = OldMessage & { id: number };

export type FirstVersion = {
  /** The oldest first. */
  users(): Promise<OldUser[]>;
  /** The oldest first. */
  conversations(): Promise<OldConversation[]>;
  /** In batches, in the order of their times. */
  privateMessages(): AsyncGenerator<OldPrivate[]>;
  /** In batches, in the order of their ids. */
  globalMessages(): AsyncGenerator<OldGlobal[]>;
  countMessages(): Promise<number>;
  close(): Promise<void>;
};

type Row = Record<string, unknown>;
type Source = { read(sql: string): AsyncGenerator<Row[]>; close(): Promise<void> };

/** `where`: the URL of a PostgreSQL, or a file of SQLite. */
export async function openFirstVersion(where: string, clock: Clock): Promise<FirstVersion> {
  const source = await (/^postgres(ql)?:\/\//.test(where) ? openPostgres(where, clock) : openSqlite(where)).catch(
    (cause) => {
      // A URL has a password in it.
      throw new Error("The first version's database does not open", { cause });
    },
  );
  const all = async (sql: string): Promise<Row[]> => {
    const rows: Row[] = [];
    for await (const batch of source.read(sql)) rows.push(...batch);
    return rows;
  };
  const message = (row: Row): OldMessage => ({
    sender: uuid(row.sender_id),
    content: unescape(String(row.content)),
    sentAt: time(row.timestamp),
  });
  try {
    for (const table of TABLES) await all(`SELECT * FROM ${table} LIMIT 0`);
  } catch (cause) {
    await source.close();
    throw new Error("This is no database of the first LiquidChat", { cause });
  }

  return {
    async users() {
      const rows = await all(
        "SELECT id, password, username, email, is_superuser, is_staff, is_active, created_at, last_seen FROM users ORDER BY created_at, id",
      );
      return rows.map((row) => ({
        id: uuid(row.id),
        password: String(row.password),
        username: String(row.username),
        email: row.email ? String(row.email) : null,
        isAdmin: Boolean(row.is_superuser) || Boolean(row.is_staff),
        isActive: Boolean(row.is_active),
        createdAt: time(row.created_at),
        lastSeen: row.last_seen === null ? null : time(row.last_seen),
      }));
    },
    async conversations() {
      const takePart = Map.groupBy(
        await all("SELECT conversation_id, user_id FROM conversations_participants ORDER BY id"),
        (row) => uuid(row.conversation_id),
      );
      const rows = await all("SELECT id, created_at FROM conversations ORDER BY created_at, id");
      return rows.map((row) => {
        const id = uuid(row.id);
        return {
          id,
          createdAt: time(row.created_at),
          participants: (takePart.get(id) ?? []).map((p) => uuid(p.user_id)),
        };
      });
    },
    async *privateMessages() {
      const sql =
        "SELECT id, content, timestamp, is_read, conversation_id, sender_id FROM private_messages ORDER BY timestamp, id";
      for await (const rows of source.read(sql))
        yield rows.map((row) => ({
          ...message(row),
          id: uuid(row.id),
          conversation: uuid(row.conversation_id),
          isRead: Boolean(row.is_read),
        }));
    },
    async *globalMessages() {
      for await (const rows of source.read("SELECT id, content, timestamp, sender_id FROM global_messages ORDER BY id"))
        yield rows.map((row) => ({ ...message(row), id: Number(row.id) }));
    },
    async countMessages() {
      const [row] = await all(
        "SELECT (SELECT count(*) FROM private_messages) + (SELECT count(*) FROM global_messages) AS n",
      );
      return Number(row!.n);
    },
    close: source.close,
  };
}

const TABLES = ["users", "conversations", "conversations_participants", "private_messages", "global_messages"];

async function openPostgres(url: string, clock: Clock): Promise<Source> {
  const session = openSession(url, clock);
  await session.exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  return { read: (sql) => readAll<Row>(session, sql), close: session.close };
}

const BATCH = 1_000;

async function openSqlite(file: string): Promise<Source> {
  const db = new Sqlite(file, { readonly: true });
  // One state of it for all questions.
  db.run("BEGIN");
  async function* read(sql: string): AsyncGenerator<Row[]> {
    let batch: Row[] = [];
    for (const row of db.query<Row, []>(sql).iterate()) {
      batch.push(row);
      if (batch.length === BATCH) yield batch.splice(0);
    }
    if (batch.length) yield batch;
  }
  return { read, close: async () => db.close() };
}

/** On SQLite 32 digits without dashes. */
function uuid(value: unknown): string {
  const digits = String(value).toLowerCase().replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/.test(digits))
    throw new Error(`The first version's database has "${digits}" where an id should be`);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Whole milliseconds; on SQLite text in UTC. */
function time(value: unknown): Date {
  const text = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,3})\d*)?(?:Z|\+00:?00)?$/.exec(String(value));
  const at = text ? new Date(`${text[1]}T${text[2]}.${(text[3] ?? "").padEnd(3, "0")}Z`) : value;
  if (!(at instanceof Date) || Number.isNaN(at.getTime()))
    throw new Error(`The first version's database has "${String(value)}" where a time should be`);
  return at;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'", "#39": "'" };

/** Texts were stored escaped, once. */
function unescape(stored: string): string {
  return stored.replace(/&(amp|lt|gt|quot|#x27|#39);/g, (_, name: string) => ENTITIES[name]!);
}
