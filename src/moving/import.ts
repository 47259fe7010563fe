import { FIRST_VERSION, readFirstVersion } from "../auth/first-version.ts";
import type { Session } from "../db/client.ts";
import { migrate } from "../db/migrate.ts";
import { GLOBAL_ROOM } from "../db/schema.ts";
import { intoEmpty } from "./empty.ts";
import type { FirstVersion, OldConversation, OldMessage, OldUser } from "./first-version.ts";
import { importedNames } from "./imported-names.ts";
import { insertRows, type Progress } from "./rows.ts";

/** How many came, and in `notes` a line for everything that was changed or left out. */
export type Imported = {
  users: number;
  conversations: number;
  privateMessages: number;
  globalMessages: number;
  notes: string[];
};

/** A room's last seq is a number that clients count on from. */
const MAX_ID = 2 ** 52;

type Options = { now: Date; dryRun?: boolean; progress?: Progress };

/**
 * Takes people, conversations and messages over into an empty database, under their ids and with their times. `dryRun`: does it all and takes it
 * back. Passwords stay hashed as they are until their owners log in.
 */
export function importFirstVersion(
  session: Session,
  source: FirstVersion,
  { now, dryRun = false, progress = () => {} }: Options,
): Promise<Imported> {
  const notes: string[] = [];
  const insert = (table: string, rows: object[], versions: string[] = []) =>
    rows.length
      ? insertRows(
          session,
          { name: table, versions },
          Object.keys(rows[0]!),
          rows.map((row) => JSON.stringify(row)),
        )
      : undefined;

  const fill = async (): Promise<Imported> => {
    await migrate(session);
    const total = await source.countMessages();
    const users = await source.users();
    await insert("users", userRows(users, now, notes));
    const known = new Set(users.map((user) => user.id));
    const { rooms, roomOf } = roomsOf(await source.conversations(), known, notes);
    await insert(
      "rooms",
      rooms.map(({ id, pair, createdAt }) => ({ id, kind: "direct", pair: pair.join(":"), created_at: createdAt })),
    );

    const lost = new Map<string, number>();
    let [seen, changed, late, reread] = [0, 0, 0, 0];
    const rowOf = (room: string, end: End, seq: number, id: string, { sender, content, sentAt }: OldMessage) => {
      const text = content.toWellFormed().replaceAll("\0", "\ufffd");
      if (text !== content) changed++;
      // Times never fall along a room, and one from the future would hold all that are to come.
      const at = new Date(Math.max(end.at?.getTime() ?? 0, Math.min(sentAt.getTime(), now.getTime())));
      if (at.getTime() !== sentAt.getTime()) late++;
      end.at = at;
      end.seq = seq;
      return { room_id: room, seq, id, sender_id: sender, content: text, sent_at: at };
    };

    let privateMessages = 0;
    for await (const batch of source.privateMessages()) {
      const rows = [];
      for (const message of batch) {
        const room = roomOf.get(message.conversation);
        if (!room?.pair.includes(message.sender)) {
          lost.set(message.conversation, (lost.get(message.conversation) ?? 0) + 1);
          continue;
        }
        rows.push(rowOf(room.id, room, room.seq + 1, message.id, message));
        const reader = room.pair[message.sender === room.pair[0] ? 1 : 0]!;
        if (!message.isRead && !room.unread.has(reader)) room.unread.set(reader, room.seq);
        if (message.isRead && room.unread.has(reader)) reread++;
      }
      await insert("messages", rows, ["changed"]);
      privateMessages += rows.length;
      progress((seen += batch.length), total);
    }

    const everyone: End = { seq: 0, at: null };
    let [globalMessages, strangers] = [0, 0];
    for await (const batch of source.globalMessages()) {
      const rows = [];
      for (const message of batch)
        if (known.has(message.sender) && message.id > everyone.seq && message.id < MAX_ID)
          rows.push(rowOf(GLOBAL_ROOM, everyone, message.id, Bun.randomUUIDv7(), message));
        else strangers++;
      await insert("messages", rows, ["changed"]);
      globalMessages += rows.length;
      progress((seen += batch.length), total);
    }

    await insert(
      "heads",
      rooms.map(({ id, seq, at, createdAt }) => ({ room_id: id, seq, last_at: at ?? createdAt })),
      ["changed"],
    );
    if (everyone.at) {
      await session.query(
        "UPDATE heads SET seq = $1, last_at = $2::text::timestamptz, changed = '0' WHERE room_id = $3",
        [everyone.seq, everyone.at.toISOString(), GLOBAL_ROOM],
      );
      // Its ids are kept, with the holes that they had.
      await session.query("UPDATE rooms SET min_seq = $1 WHERE id = $2", [everyone.seq + 1, GLOBAL_ROOM]);
    }
    await insert("members", [
      // What was said in the public room is history, not news.
      ...users.map((user) => ({ room_id: GLOBAL_ROOM, user_id: user.id, read_seq: everyone.seq })),
      ...rooms.flatMap(({ id, pair, seq, unread }) =>
        pair.map((user) => ({ room_id: id, user_id: user, read_seq: (unread.get(user) ?? seq + 1) - 1 })),
      ),
    ]);

    for (const [id, n] of lost)
      notes.push(
        `conversation ${id}: ${n} messages left out${roomOf.has(id) ? ", their senders take no part in it" : " with it"}`,
      );
    if (strangers)
      notes.push(`public room: ${strangers} messages left out, without a sender or an id that there can be`);
    if (changed) notes.push(`${changed} messages had characters that are no text, now \ufffd`);
    if (late) notes.push(`${late} messages got the time of the one before, or of now: times never fall, nor lie ahead`);
    if (reread) notes.push(`${reread} messages that were read count as unread, since one before them was not`);
    return { users: users.length, conversations: rooms.length, privateMessages, globalMessages, notes };
  };
  return intoEmpty(session, fill, { dryRun });
}

/** Where a room ends so far. */
type End = { seq: number; at: Date | null };
/** `unread`: of each participant, the first message that they have not read. */
type Room = End & { id: string; createdAt: Date; pair: [string, string]; unread: Map<string, number> };

function userRows(users: OldUser[], now: Date, notes: string[]): object[] {
  const names = importedNames(users);
  return users.map(({ id, username, password, email, isAdmin, isActive, createdAt, lastSeen }) => {
    const name = names.get(id)!;
    if (name.username !== username)
      notes.push(`user ${id}: ${JSON.stringify(username)} is now ${JSON.stringify(name.username)}`);
    const usable = readFirstVersion(password) !== null;
    if (!usable)
      notes.push(
        `user ${id}: ${JSON.stringify(name.username)} needs a new password, theirs is not kept as ${FIRST_VERSION}...`,
      );
    return {
      ...name,
      id,
      password: usable ? password : "",
      email,
      role: isAdmin ? "admin" : "user",
      created_at: createdAt,
      last_seen: lastSeen,
      disabled_at: isActive ? null : now,
    };
  });
}

/** One room for two people, by the id of their oldest conversation. */
function roomsOf(conversations: OldConversation[], known: Set<string>, notes: string[]) {
  const byPair = new Map<string, Room>();
  const roomOf = new Map<string, Room>();
  for (const { id, createdAt, participants } of conversations) {
    const [one, other] = participants.filter((user) => known.has(user)).sort();
    if (participants.length !== 2 || !one || !other) {
      notes.push(`conversation ${id}: left out, it has ${participants.length} participants`);
      continue;
    }
    const key = `${one}:${other}`;
    const oldest = byPair.get(key);
    if (oldest) notes.push(`conversation ${id}: its messages are in ${oldest.id}, the older one of the same two`);
    const room: Room = oldest ?? { id, createdAt, pair: [one, other], seq: 0, at: null, unread: new Map() };
    byPair.set(key, room);
    roomOf.set(id, room);
  }
  return { rooms: [...byPair.values()], roomOf };
}
