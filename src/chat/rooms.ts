import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Outgoing, Person, RoomEvent } from "../deps.ts";
import { notFound } from "../errors.ts";
import { id as uuid } from "../protocol/api.ts";
import type { ServerFrame } from "../protocol/frames.ts";
import { sanitize } from "./sanitize.ts";
import type { RoomStore } from "./rooms-store.ts";

/** A message as it travels from the database to the sockets. `audience`: the members of a room that is not for all. */
type MessageBody = {
  id: string;
  sender: Person;
  content: string;
  sentAt: string;
  clientId: string | null;
  audience: string[];
};
export type MessageEvent = RoomEvent<MessageBody>;

/** Who hears a message, and how it looks to them. The sender's own sockets learn the `client_id`, nobody else's do. */
export function framesOf({ room, seq, body }: MessageEvent): Outgoing[] {
  const { sender, clientId } = body;
  const content = sanitize(body.content);
  const own = clientId === null ? {} : { client_id: clientId };
  if (room === GLOBAL_ROOM) {
    const message = { id: seq, sender, content, timestamp: body.sentAt };
    const frame = encode({ type: "global_message", message });
    if (clientId === null) return [{ endpoint: "global", frame }];
    return [
      { endpoint: "global", except: sender.id, frame },
      {
        endpoint: "global",
        user: sender.id,
        frame: encode({ type: "global_message", message: { ...message, ...own } }),
      },
    ];
  }
  const message = { id: body.id, conversation_id: room, sender, content, timestamp: body.sentAt };
  const echo = encode({ type: "private_message_sent", message: { ...message, ...own } });
  const frame = encode({ type: "private_message", message });
  return body.audience.map((user) => ({ endpoint: "private", user, frame: user === sender.id ? echo : frame }));
}

/** What the sender of a repeated send gets, on that socket alone: the frame of the stored message. */
export function repeatFrame(event: MessageEvent): string {
  return framesOf(event).find((outgoing) => outgoing.user === event.body.sender.id)!.frame;
}

export function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/** The rooms one can be a member of. */
export function createRooms(store: RoomStore) {
  // The members of a direct room never change, so they are asked for once; the oldest entries go first.
  const known = new Map<string, string[]>();

  /** The members of a room that `userId` is one of; a foreign room and an absent one are both not found. */
  async function membersFor(userId: string, roomId: string): Promise<string[]> {
    const cached = known.get(roomId);
    if (cached?.includes(userId)) return cached;
    // Foreign or absent: the same query for both, or their times would differ.
    const members = await store.membersOf(roomId);
    if (!members.includes(userId)) throw notFound();
    known.set(roomId, members);
    if (known.size > 50_000) known.delete(known.keys().next().value!);
    return members;
  }

  return { membersFor };
}

export type Rooms = ReturnType<typeof createRooms>;

/** A conversation's id from a path or a frame, in lower case. The global room has an id too, and is no conversation. */
export function roomId(text: string): string {
  const parsed = uuid.safeParse(text);
  if (!parsed.success || parsed.data === GLOBAL_ROOM) throw notFound();
  return parsed.data;
}
