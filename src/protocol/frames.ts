/** The frames of the sockets: one JSON object each, told apart by `type`. */
import { z } from "zod";
import { clientId } from "./api.ts";
import type { Code } from "./codes.ts";

/** `global` and `private` are the first version's, `/ws/chat/global/` and `/ws/chat/private/`; `chat` is the one socket, `/ws/chat/`. */
export type Endpoint = "global" | "private" | "chat";

/** The one socket's subprotocol. */
export const SUBPROTOCOL = "liquidchat.v2";

const conversation = z.string();
/** `global`, or a conversation's id. */
const stream = z.string();

/**
 * A cursor, which is opaque to clients: a snapshot of PostgreSQL's, `xmin:xmax:xip,xip`, as PostgreSQL writes it and in numbers that it can
 * hold. It reads a number that begins with 0 as octal, and fails over 08.
 */
const SNAPSHOT = /^(0|[1-9]\d{0,17}):(0|[1-9]\d{0,17}):([1-9]\d{0,17}(,[1-9]\d{0,17}){0,1000})?$/;
const isSnapshot = (text: string): boolean => {
  if (!SNAPSHOT.test(text)) return false;
  const [xmin, xmax, ...xip] = text.split(/[:,]/).filter(Boolean).map(Number) as [number, number, ...number[]];
  return [xmin, ...xip, xmax].every((id, i, all) => i === 0 || id >= all[i - 1]!);
};

/** What a client may send, by endpoint and type. */
export const CLIENT_FRAMES = {
  global: {
    send_global_message: z.object({ content: z.string(), client_id: clientId }),
  },
  private: {
    send_private_message: z.object({ conversation_id: conversation, content: z.string(), client_id: clientId }),
    typing_start: z.object({ conversation_id: conversation }),
    typing_stop: z.object({ conversation_id: conversation }),
  },
  chat: {
    auth: z.object({ token: z.string() }),
    /** Nulls for a client that holds nothing. */
    resume: z.object({
      epoch: z.string().nullish(),
      since: z.string().refine(isSnapshot, "is no cursor of this server").nullish(),
    }),
    send_message: z.object({ stream, content: z.string(), client_id: clientId.unwrap() }),
    read: z.object({ stream, seq: z.int().min(0) }),
    typing_start: z.object({ stream }),
    typing_stop: z.object({ stream }),
    ping: z.object({ t: z.union([z.number(), z.string().max(64)]).optional() }),
  },
} as const satisfies Record<Endpoint, Record<string, z.ZodType>>;

type Sender = { id: string; username: string };
type GlobalMessageFrame = { id: number; sender: Sender; content: string; timestamp: string; client_id?: string };
type PrivateMessageFrame = {
  id: string;
  conversation_id: string;
  sender: Sender;
  content: string;
  timestamp: string;
  client_id?: string;
};

/** The first version's frames, on its two sockets. */
type FirstVersionFrame =
  | { type: "global_message"; message: GlobalMessageFrame }
  | { type: "private_message" | "private_message_sent"; message: PrivateMessageFrame }
  | {
      type: "typing_indicator";
      user_id: string;
      username: string;
      conversation_id: string;
      status: "typing" | "stopped";
    }
  | ({ type: "user_presence" } & PresenceChange);

/** A message on the one socket. Its place is the frame's `stream` and its own `seq`; `version` is the seq of its last change. */
export type ChatMessage = {
  /** An integer in the global room, else a UUID. */
  id: string | number;
  seq: number;
  version: number;
  sender: Sender;
  content: string;
  /** What was typed, where that differs from `content`. To be shown as text only. */
  text?: string;
  timestamp: string;
  /** On the sender's own sockets only. */
  client_id?: string;
};

/** A room as a snapshot shows it. */
export type StreamSnapshot = {
  stream: string;
  kind: "global" | "direct";
  /** Empty in the global room. */
  participants: { id: string; username: string; last_seen: string | null }[];
  /** The seq of the stream's last event; 0 in an empty one. */
  head_seq: number;
  /** How far oneself has read, and the other one; null in the global room. */
  read_seq: number;
  others_read_seq: number | null;
  /** Others' messages above `read_seq`; counted up to `MAX_UNREAD`. */
  unread_count: number;
  /** `content` is cut to 100 characters. */
  last_message: { id: string | number; seq: number; content: string; timestamp: string; sender_id: string } | null;
  /** The time of the last message, even of one that was removed since; else the room's creation. */
  updated_at: string;
};

/** `catch_up` and `mark_read` (drizzle/functions.sql) count no further. */
export const MAX_UNREAD = 1_000;

export type PresenceChange = { user_id: string; username: string; status: "online" | "offline" };

/** The one socket's frames. */
export type ChatFrame =
  | {
      type: "hello";
      protocol: string;
      epoch: string;
      session_id: string;
      server_time: string;
      heartbeat_s: number;
      /** `rate_per_s` 0 is no limit. */
      limits: { message_max_length: number; rate_per_s: number; burst: number; frame_max_bytes: number };
      user: Sender;
    }
  | {
      type: "snapshot";
      streams: StreamSnapshot[];
      /** There are more streams than these; the rest is in the list of conversations. */
      more: boolean;
      presence: { user_id: string; username: string }[];
    }
  | { type: "message"; stream: string; seq: number; prev: number; message: ChatMessage }
  | { type: "message_removed"; stream: string; seq: number; prev: number; message_id: string | number }
  /** The reader's own sockets also learn what is left: `unread_count`, counted at `head_seq`. */
  | { type: "read"; stream: string; user_id: string; seq: number; unread_count?: number; head_seq?: number }
  | {
      type: "ack";
      client_id: string;
      stream: string;
      seq: number;
      message_id: string | number;
      timestamp: string;
      duplicate: boolean;
    }
  /** The streams in which anything changed. Where `more` is true another one follows at once. */
  | {
      type: "resumed";
      since: string;
      streams: Record<string, { complete: boolean; head_seq: number }>;
      more?: true;
    }
  | { type: "presence_batch"; changes: PresenceChange[] }
  | { type: "typing_indicator"; stream: string; user_id: string; username: string; status: "typing" | "stopped" }
  /** `since` is null while the socket is not resumed. */
  | { type: "pong"; t?: number | string; since: string | null; heads: Record<string, number> }
  | { type: "reconnect"; after_ms: number };

export type ErrorFrame = { type: "error"; code: Code; detail: string; client_id?: string; retry_after_ms?: number };

export type ServerFrame = FirstVersionFrame | ChatFrame | ErrorFrame;
