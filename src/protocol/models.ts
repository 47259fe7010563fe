/** What the server says about its things. Times are ISO 8601, UTC, three decimals, `Z`; ids are lower case. */

export type User = {
  id: string;
  username: string;
  is_online: boolean;
  created_at: string;
  /** When the user last went offline; null before that. */
  last_seen: string | null;
};

/** Oneself. */
export type Me = User & { role: "user" | "admin" };

/** A log-in of one's own. */
export type Session = {
  id: string;
  created_at: string;
  /** When it last got new tokens. */
  last_used_at: string;
  user_agent: string;
  /** The one that asks. */
  current: boolean;
};

/** A message's place: its room's name (`global` or the conversation's id), its number there, and the number of its last change. */
type Place = { stream: string; seq: number; version: number };

export type PrivateMessage = Place & {
  id: string;
  conversation: string;
  conversation_id: string;
  sender: User;
  content: string;
  /** What was typed, where that differs from `content`. To be shown as text only. */
  text?: string;
  timestamp: string;
  /** Whether the one who did not send it has read up to it. */
  is_read: boolean;
};

export type GlobalMessage = Place & { id: number; sender: User; content: string; text?: string; timestamp: string };

export type Conversation = {
  id: string;
  participants: User[];
  created_at: string;
  /** The time of the last message, even of one that was removed since; else the creation. */
  updated_at: string;
  /** `content` is cut to 100 characters. */
  last_message: { id: string; seq: number; content: string; timestamp: string; sender_id: string } | null;
  unread_count: number;
  /** The seq of the last event, at which `unread_count` was counted, and how far the asking one has read. */
  head_seq: number;
  read_seq: number;
};

/** All that the server has of somebody, for themselves. */
export type Export = {
  account: Omit<Me, "is_online"> & { email: string | null };
  sessions: Session[];
  conversations: { id: string; created_at: string; partner: { id: string; username: string }; read_seq: number }[];
  /** Those they sent, oldest first in each stream; `content` as it was typed. */
  messages: { stream: string; id: string | number; seq: number; content: string; timestamp: string }[];
};

export type Page<T> = { count: number; next: string | null; previous: string | null; results: T[] };
