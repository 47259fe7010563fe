/** The frames of the two first-version sockets: one JSON object each, told apart by `type`. */
import { z } from "zod";
import { clientId } from "./api.ts";
import type { Code } from "./codes.ts";

export type Endpoint = "global" | "private";

const conversation = z.string();

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

export type ServerFrame =
  | { type: "global_message"; message: GlobalMessageFrame }
  | { type: "private_message" | "private_message_sent"; message: PrivateMessageFrame }
  | {
      type: "typing_indicator";
      user_id: string;
      username: string;
      conversation_id: string;
      status: "typing" | "stopped";
    }
  | { type: "user_presence"; user_id: string; username: string; status: "online" | "offline" }
  | { type: "error"; code: Code; detail: string; client_id?: string; retry_after_ms?: number };
