import type { z } from "zod";
import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Caller, Command, Outgoing } from "../deps.ts";
import { CLIENT_FRAMES, type Endpoint } from "../protocol/frames.ts";
import type { Messages } from "./messages.ts";
import { type Rooms, repeatFrame, roomId } from "./rooms.ts";
import { typing } from "./typing.ts";

type Deps = {
  messages: Messages;
  rooms: Rooms;
  /** To the sockets of every process; may be lost. */
  broadcast: (frames: Outgoing[]) => void;
};

type Frames = typeof CLIENT_FRAMES;
/** Total by its type: a frame without a handler does not compile. */
type ChatCommands = {
  [E in Endpoint]: {
    [T in keyof Frames[E]]: (caller: Caller, frame: z.output<Extract<Frames[E][T], z.ZodType>>) => ReturnType<Command>;
  };
};

export function chatCommands({ messages, rooms, broadcast }: Deps): ChatCommands {
  const send = async (caller: Caller, room: string, frame: { content: string; client_id?: string }) => {
    const sender = { id: caller.userId, username: caller.username };
    const { stored } = await messages.send({ sender, room, content: frame.content, clientId: frame.client_id });
    return { done: stored.then(({ event, repeat }) => (repeat ? repeatFrame(event) : undefined)) };
  };
  const type = (status: "typing" | "stopped") => async (caller: Caller, frame: { conversation_id: string }) => {
    broadcast(
      await typing(rooms, { id: caller.userId, username: caller.username }, roomId(frame.conversation_id), status),
    );
    return undefined;
  };
  return {
    global: { send_global_message: (caller, frame) => send(caller, GLOBAL_ROOM, frame) },
    private: {
      send_private_message: async (caller, frame) => send(caller, roomId(frame.conversation_id), frame),
      typing_start: type("typing"),
      typing_stop: type("stopped"),
    },
  };
}
