import { GLOBAL_ROOM, type UserRow } from "../db/schema.ts";
import type { Bucket, Identity } from "../deps.ts";
import { invalid, notFound, spend } from "../errors.ts";
import type { Conversation, GlobalMessage, PrivateMessage, User } from "../protocol/models.ts";
import { readHistory } from "./history.ts";
import { preview, streamOf } from "./rooms.ts";
import { sanitize } from "./sanitize.ts";
import type { ConversationRow, RoomStore } from "./rooms-store.ts";
import type { ChatStore, MessageRow } from "./store.ts";

type Deps = {
  store: ChatStore;
  roomStore: RoomStore;
  viewUser: (row: UserRow) => User;
  /** Of conversations that somebody begins: each of them stands in a stranger's list. */
  openings: Bucket;
};

export type Conversations = ReturnType<typeof createConversations>;

/** Private conversations as their participants see them. */
export function createConversations({ store, roomStore, viewUser, openings }: Deps) {
  async function view(rows: ConversationRow[]): Promise<Conversation[]> {
    const participants = await roomStore.participants(rows.map((row) => row.id));
    return rows.map((row) => ({
      id: row.id,
      participants: participants.get(row.id)!.map(viewUser),
      created_at: row.created_at.toISOString(),
      updated_at: row.last_at.toISOString(),
      last_message: row.last && {
        ...row.last,
        content: preview(row.last.content),
        timestamp: new Date(row.last.timestamp).toISOString(),
      },
      unread_count: row.unread,
      head_seq: row.seq,
      read_seq: row.read_seq,
    }));
  }

  /** A conversation of `userId`, with its latest messages. */
  async function detail(userId: string, id: string) {
    const [conversation] = await view(await roomStore.conversations(userId, 1, 0, id));
    if (!conversation) throw notFound();
    const { rows } = await readHistory(store, userId, id, {});
    return { conversation, messages: await privateMessages(id, rows) };
  }

  /** `is_read`: whether the one who did not send it has read up to it. */
  async function privateMessages(id: string, rows: MessageRow[]): Promise<PrivateMessage[]> {
    const marks = await roomStore.readMarks(id);
    return rows.map((row) => ({
      id: row.id,
      conversation: id,
      conversation_id: id,
      sender: viewUser(row.sender),
      ...shown(row.content),
      timestamp: row.sentAt.toISOString(),
      ...place(id, row.seq),
      is_read: [...marks].some(([member, seq]) => member !== row.sender.id && seq >= row.seq),
    }));
  }

  function globalMessages(rows: MessageRow[]): GlobalMessage[] {
    return rows.map((row) => ({
      ...place(GLOBAL_ROOM, row.seq),
      id: row.seq,
      sender: viewUser(row.sender),
      ...shown(row.content),
      timestamp: row.sentAt.toISOString(),
    }));
  }

  return {
    detail,

    /** A room's messages as REST shows them. */
    messages: async (room: string, rows: MessageRow[]): Promise<(GlobalMessage | PrivateMessage)[]> =>
      room === GLOBAL_ROOM ? globalMessages(rows) : privateMessages(room, rows),

    async list(userId: string, limit: number, offset: number) {
      const [count, rows] = await Promise.all([
        roomStore.countConversations(userId),
        roomStore.conversations(userId, limit, offset),
      ]);
      return { count, results: await view(rows) };
    },

    /** The conversation with another user, made if need be; null for an unknown or inactive one. */
    async open({ userId, sessionId }: Identity, otherId: string) {
      if (userId === otherId) throw invalid("user_id", "You cannot open a conversation with yourself.");
      const there = await roomStore.direct(userId, otherId, sessionId);
      if (there) return detail(userId, there);
      await spend(openings, userId, "You are beginning too many conversations. Wait a moment.");
      const id = await roomStore.openDirect(userId, otherId, sessionId);
      return id === null ? null : detail(userId, id);
    },
  };
}

/** A message that was never changed has its own seq as version. */
function place(room: string, seq: number) {
  return { stream: streamOf(room), seq, version: seq };
}

function shown(typed: string): { content: string; text?: string } {
  const content = sanitize(typed);
  return content === typed ? { content } : { content, text: typed };
}
