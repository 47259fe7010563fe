import type { z } from "zod";
import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Bucket, Caller, Command, Outgoing } from "../deps.ts";
import { spend } from "../errors.ts";
import type { CLIENT_FRAMES, Endpoint } from "../protocol/frames.ts";
import type { Messages } from "./messages.ts";
import type { Reading } from "./reading.ts";
import { ackFrame, type Rooms, repeatFrame, roomId, roomOf } from "./rooms.ts";
import { typing } from "./typing.ts";

type Deps = {
  messages: Messages;
  reading: Reading;
  rooms: Rooms;
  /** Of frames that are not messages, by user: each costs the others a frame. */
  signals: Bucket;
  /** To the sockets of every process; may be lost. */
  broadcast: (frames: Outgoing[]) => void;
};

/** Typing and read marks of one user: far above what a person does. */
export const SIGNALS = { perSecond: 20, burst: 60 };

type Frames = typeof CLIENT_FRAMES;
/** What the sockets see to themselves. */
type Control = "auth" | "resume" | "ping";
/** Total by its type: a frame without a handler does not compile. */
type ChatCommands = {
  [E in Endpoint]: {
    [T in Exclude<keyof Frames[E], Control>]: (
      caller: Caller,
      frame: z.output<Extract<Frames[E][T], z.ZodType>>,
    ) => ReturnType<Command>;
  };
};

export function chatCommands({ messages, reading, rooms, signals, broadcast }: Deps): ChatCommands {
  const send = async (caller: Caller, room: string, frame: { content: string; client_id?: string }) => {
    const sender = { id: caller.userId, username: caller.username };
    return messages.send({
      sender,
      sessionId: caller.sessionId,
      room,
      content: frame.content,
      clientId: frame.client_id,
    });
  };
  const sendOnOlder = async (caller: Caller, room: string, frame: { content: string; client_id?: string }) => {
    const { stored } = await send(caller, room, frame);
    return { done: stored.then(({ event, repeat }) => (repeat ? repeatFrame(event) : undefined)) };
  };
  const signal = ({ userId }: Caller) => spend(signals, userId, "Too many frames. Wait a moment.");
  const type = (status: "typing" | "stopped") => async (caller: Caller, room: string) => {
    await signal(caller);
    broadcast(await typing(rooms, { id: caller.userId, username: caller.username }, room, status));
    return undefined;
  };
  const [starts, stops] = [type("typing"), type("stopped")];
  return {
    global: { send_global_message: (caller, frame) => sendOnOlder(caller, GLOBAL_ROOM, frame) },
    private: {
      send_private_message: async (caller, frame) => sendOnOlder(caller, roomId(frame.conversation_id), frame),
      typing_start: async (caller, frame) => starts(caller, roomId(frame.conversation_id)),
      typing_stop: async (caller, frame) => stops(caller, roomId(frame.conversation_id)),
    },
    chat: {
      send_message: async (caller, frame) => {
        const { stored } = await send(caller, roomOf(frame.stream), frame);
        return { done: stored.then(({ event, repeat }) => ackFrame(event, frame.client_id, repeat)) };
      },
      read: async (caller, { stream, seq }) => {
        await signal(caller);
        return { done: reading.read(caller, roomOf(stream), seq) };
      },
      typing_start: async (caller, { stream }) => starts(caller, roomId(stream)),
      typing_stop: async (caller, { stream }) => stops(caller, roomId(stream)),
    },
  };
}
