/** What the sockets say, key by key: the source of the document, and what every frame in any test is held against. An unknown key is a mistake. */
import { z } from "zod";
import { code, content, count, place, time, typed, uuid } from "./answers.ts";
import { type ChatFrame, type Endpoint, type ErrorFrame, type ServerFrame, SUBPROTOCOL } from "./frames.ts";

const stream = z.union([z.literal("global"), uuid]);
const messageId = z.union([count, uuid]);
const sender = z.strictObject({ id: uuid, username: z.string() });
const change = z.strictObject({ user_id: uuid, username: z.string(), status: z.enum(["online", "offline"]) });
const client_id = z.string().min(1).max(64).optional().meta({ description: "On the sender's own sockets only." });
const older = { sender, content, timestamp: time };
const typing = {
  type: z.literal("typing_indicator"),
  user_id: uuid,
  username: z.string(),
  status: z.enum(["typing", "stopped"]),
};
const privateFrame = z.strictObject({ ...older, id: uuid, conversation_id: uuid });

const error = z
  .strictObject({
    type: z.literal("error"),
    code,
    detail: z.string().min(1).meta({ description: "One sentence for a person." }),
    client_id: z.string().max(64).optional().meta({ description: "What came with the refused frame." }),
    retry_after_ms: z.number().min(0).optional(),
  })
  .meta({ description: "A frame was refused. The socket stays open." }) satisfies z.ZodType<ErrorFrame>;

const snapshotStream = z.strictObject({
  stream,
  kind: z.enum(["global", "direct"]),
  participants: z.array(z.strictObject({ id: uuid, username: z.string(), last_seen: time.nullable() })),
  head_seq: count,
  read_seq: count,
  others_read_seq: count.nullable(),
  unread_count: count,
  last_message: z.strictObject({ id: messageId, seq: count, content, timestamp: time, sender_id: uuid }).nullable(),
  updated_at: time,
});
const cursor = z
  .string()
  .regex(/^\d+:\d+:[\d,]*$/)
  .meta({ description: "Opaque: keep it, and come back with it." });

/** What each socket may be sent, by type. A new frame needs its line here. */
export const SERVER_FRAMES: Record<Endpoint, Record<string, z.ZodType<ServerFrame>>> = {
  global: {
    error,
    global_message: z
      .strictObject({
        type: z.literal("global_message"),
        message: z.strictObject({ ...older, id: count, client_id }),
      })
      .meta({ description: "A message to everyone, one's own too." }),
    user_presence: change
      .extend({ type: z.literal("user_presence") })
      .meta({ description: "Somebody else came or went." }),
  },
  private: {
    error,
    private_message: z
      .strictObject({ type: z.literal("private_message"), message: privateFrame })
      .meta({ description: "A message from the other one." }),
    private_message_sent: z
      .strictObject({ type: z.literal("private_message_sent"), message: privateFrame.extend({ client_id }) })
      .meta({ description: "One's own message, to all of one's own sockets." }),
    typing_indicator: z
      .strictObject({ ...typing, conversation_id: uuid })
      .meta({ description: "The other one types, or stopped." }),
  },
  chat: {
    error,
    hello: z
      .strictObject({
        type: z.literal("hello"),
        protocol: z.literal(SUBPROTOCOL),
        epoch: z.string(),
        session_id: uuid,
        server_time: time,
        heartbeat_s: z.number().positive(),
        limits: z.strictObject({
          message_max_length: count,
          rate_per_s: z.number().min(0).meta({ description: "0 is no limit." }),
          burst: count,
          frame_max_bytes: count,
        }),
        user: sender,
      })
      .meta({ description: "The first frame. Answer it with `resume`." }),
    snapshot: z
      .strictObject({
        type: z.literal("snapshot"),
        streams: z.array(snapshotStream),
        more: z.boolean().meta({ description: "The rest is in the list of conversations." }),
        presence: z.array(change),
      })
      .meta({ description: "The latest streams as they stand now, and who is online. What was missed follows." }),
    message: z
      .strictObject({
        type: z.literal("message"),
        stream,
        seq: count,
        prev: count.meta({ description: "The `seq` of the event of this stream that was sent before this one." }),
        message: z.strictObject({ ...older, ...place, id: messageId, text: typed, client_id }),
      })
      .meta({ description: "A message, one's own too." }),
    message_removed: z
      .strictObject({
        type: z.literal("message_removed"),
        stream,
        seq: count,
        prev: count.meta({ description: "As of a message." }),
        message_id: messageId,
      })
      .meta({ description: "A message is gone for everyone; perhaps one that is not held." }),
    read: z
      .strictObject({
        type: z.literal("read"),
        stream,
        user_id: uuid,
        seq: count,
        unread_count: count.optional(),
        head_seq: count.optional(),
      })
      .meta({ description: "Somebody has read up to `seq`. One's own sockets are told what is left." }),
    ack: z
      .strictObject({
        type: z.literal("ack"),
        client_id: z.string().min(1).max(64),
        stream,
        seq: count,
        message_id: messageId,
        timestamp: time,
        duplicate: z.boolean(),
      })
      .meta({ description: "The message with this `client_id` is stored." }),
    resumed: z
      .strictObject({
        type: z.literal("resumed"),
        since: cursor,
        streams: z.record(stream, z.strictObject({ complete: z.boolean(), head_seq: count })),
        more: z.literal(true).optional().meta({ description: "Another one follows at once." }),
      })
      .meta({ description: "All that was missed is told; from here on everything is live." }),
    presence_batch: z
      .strictObject({ type: z.literal("presence_batch"), changes: z.array(change) })
      .meta({ description: "Who came and went." }),
    typing_indicator: z
      .strictObject({ ...typing, stream: uuid })
      .meta({ description: "The other one types, or stopped." }),
    pong: z
      .strictObject({
        type: z.literal("pong"),
        t: z.union([z.number(), z.string()]).optional(),
        since: cursor.nullable(),
        heads: z.record(stream, count),
      })
      .meta({
        description: "The answer to a ping: a newer cursor, and the heads of what was sent since the last one.",
      }),
    reconnect: z
      .strictObject({ type: z.literal("reconnect"), after_ms: count })
      .meta({ description: "The server shuts down. Come back after this time." }),
  } satisfies Record<ChatFrame["type"] | "error", z.ZodType<ServerFrame>>,
};
