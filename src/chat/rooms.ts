import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Hears, Outgoing, Person, RoomEvent } from "../deps.ts";
import { notFound } from "../errors.ts";
import { id as uuid } from "../protocol/api.ts";
import type { ChatMessage, ServerFrame } from "../protocol/frames.ts";
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
/** `removed`: the message that is gone. */
export type RemovalEvent = RoomEvent<{ removed: { id: string; seq: number }; audience: string[] }>;
export type ChatEvent = MessageEvent | RemovalEvent;

/** Who hears an event, and how it looks to them. The sender's own sockets learn the `client_id`, nobody else's do. */
export function framesOf(event: ChatEvent, hears: Hears): Outgoing[] {
  if (isRemoval(event)) return removalFrames(event, hears);
  return event.room === GLOBAL_ROOM ? globalFrames(event, hears) : privateFrames(event, hears);
}

const isRemoval = (event: ChatEvent): event is RemovalEvent => "removed" in event.body;

/** The first version's sockets have no word for it. */
function removalFrames(event: RemovalEvent, hears: Hears): Outgoing[] {
  const { room, seq, body } = event;
  const head = [streamOf(room), seq] as const;
  const to = room === GLOBAL_ROOM ? [null] : body.audience;
  return to.flatMap((user) =>
    hears("chat", user) ? [{ endpoint: "chat" as const, user, frame: eventFrame(event, before(event), ""), head }] : [],
  );
}

function globalFrames(event: MessageEvent, hears: Hears): Outgoing[] {
  const { sender, clientId } = event.body;
  const frames: Outgoing[] = [];
  for (const endpoint of ["global", "chat"] as const) {
    if (!hears(endpoint, null)) continue;
    const render = endpoint === "chat" ? chatFrame : globalFrame;
    const head = endpoint === "chat" ? (["global", event.seq] as const) : undefined;
    if (clientId === null || !hears(endpoint, sender.id))
      frames.push({ endpoint, user: null, frame: render(event, false), head });
    else
      frames.push(
        { endpoint, user: null, except: sender.id, frame: render(event, false), head },
        { endpoint, user: sender.id, frame: render(event, true) },
      );
  }
  return frames;
}

function privateFrames(event: MessageEvent, hears: Hears): Outgoing[] {
  const { sender, audience } = event.body;
  const frames: Outgoing[] = [];
  for (const user of audience) {
    const own = user === sender.id;
    if (hears("private", user)) frames.push({ endpoint: "private", user, frame: privateFrame(event, own) });
    if (hears("chat", user))
      frames.push({ endpoint: "chat", user, frame: chatFrame(event, own), head: [event.room, event.seq] });
  }
  return frames;
}

function globalFrame({ seq, body }: MessageEvent, own: boolean): string {
  const { sender, sentAt, clientId } = body;
  const message = { id: seq, sender, content: sanitize(body.content), timestamp: sentAt };
  return encode({
    type: "global_message",
    message: own && clientId !== null ? { ...message, client_id: clientId } : message,
  });
}

function privateFrame({ room, body }: MessageEvent, own: boolean): string {
  const { id, sender, sentAt, clientId } = body;
  const message = { id, conversation_id: room, sender, content: sanitize(body.content), timestamp: sentAt };
  return encode(
    own
      ? { type: "private_message_sent", message: clientId === null ? message : { ...message, client_id: clientId } }
      : { type: "private_message", message },
  );
}

/** Live, every event of a stream is sent. */
const before = ({ seq, prev = seq - 1 }: ChatEvent) => prev;
const chatFrame = (event: MessageEvent, own: boolean) => messageFrame(event, before(event), own);

/** An event on the one socket, as `userId` gets it; `prev` is the seq of the stream's event that was sent before it. */
export function eventFrame(event: ChatEvent, prev: number, userId: string): string {
  if (!isRemoval(event)) return messageFrame(event, prev, event.body.sender.id === userId);
  const { room, seq, body } = event;
  const message_id = messageId(room, body.removed.seq, body.removed.id);
  return encode({ type: "message_removed", stream: streamOf(room), seq, prev, message_id });
}

function messageFrame({ room, seq, body }: MessageEvent, prev: number, own: boolean): string {
  const content = sanitize(body.content);
  const message: ChatMessage = {
    id: messageId(room, seq, body.id),
    seq,
    version: seq,
    sender: body.sender,
    content,
    timestamp: body.sentAt,
  };
  if (content !== body.content) message.text = body.content;
  if (own && body.clientId !== null) message.client_id = body.clientId;
  return encode({ type: "message", stream: streamOf(room), seq, prev, message });
}

/** What the sender of a repeated send gets on an older socket, on that one alone: the frame of the stored message. */
export function repeatFrame(event: MessageEvent): string {
  return event.room === GLOBAL_ROOM ? globalFrame(event, true) : privateFrame(event, true);
}

export function ackFrame({ room, seq, body }: MessageEvent, clientId: string, duplicate: boolean): string {
  return encode({
    type: "ack",
    client_id: clientId,
    stream: streamOf(room),
    seq,
    message_id: messageId(room, seq, body.id),
    timestamp: body.sentAt,
    duplicate,
  });
}

/** A message of the public room is known by its seq. */
function messageId(room: string, seq: number, id: string): number | string {
  return room === GLOBAL_ROOM ? seq : id;
}

export function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/** The start of a message, for lists. */
export function preview(typed: string): string {
  return [...sanitize(typed)].slice(0, 100).join("");
}

/** A room's name on the wire. */
export function streamOf(room: string): string {
  return room === GLOBAL_ROOM ? "global" : room;
}

/** The room of a stream's name. */
export function roomOf(stream: string): string {
  return stream === "global" ? GLOBAL_ROOM : roomId(stream);
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
