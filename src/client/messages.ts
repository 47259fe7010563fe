/**
 * One room as the client holds it: pure, changed in place.
 *
 * What is held of its messages has no hole: it is everything above `floor`. Frames raise the upper end, pages of REST lower the floor.
 */
import type { ChatMessage, StreamSnapshot } from "../protocol/frames.ts";

export type Message = {
  /** An integer in the global room, else a UUID. */
  id: string | number;
  /** Its place in the room, and the number of its last change. */
  seq: number;
  version: number;
  sender: { id: string; username: string };
  /** Without markup. Show it as text all the same. */
  content: string;
  /** What was typed, where that differs. Never to be shown as anything but text. */
  text?: string;
  /** ISO 8601, UTC. */
  timestamp: string;
  /** On one's own. */
  clientId?: string;
};

/** A room, as pages see it. */
export type Room = {
  /** `global`, or the conversation's id. */
  stream: string;
  kind: StreamSnapshot["kind"];
  participants: StreamSnapshot["participants"];
  /** The seq of the last event that was applied; null while nothing is known of the room. */
  last: number | null;
  /** The newest part of the room, ascending by `seq`, without holes. */
  messages: Message[];
  /** The latest page is there; else `loadLatest` gets it. */
  loaded: boolean;
  /** There may be messages before those held; `loadOlder` gets them. */
  readonly olderLeft: boolean;
  /** How far oneself has read, and the other one; null in the global room. */
  readSeq: number;
  othersReadSeq: number | null;
  /** Others' messages above `readSeq`, counted up to 1,000. */
  unread: number;
  lastMessage: StreamSnapshot["last_message"];
  updatedAt: string;
  /** Who is typing: ids to names. */
  typing: Map<string, string>;
};

export type Stream = Room & {
  /** Everything above this seq is held. */
  floor: number;
  /** Rises when messages are let go, or change unseen: a page that was asked for before is not to be merged. */
  era: number;
  /** The server counted `unread` at this seq; what is above was counted here. Never below `floor`. */
  countedAt: number;
  /** So many pages are on their way, and what was removed meanwhile: it may be in them. */
  asked: number;
  gone: Set<Message["id"]>;
  /** The last removal that was applied. */
  removedAt: number;
  /** `unread` may be too old, or have what was removed: the server is to count again. */
  uncounted: boolean;
  /** Where a room that a snapshot brought first goes on once its replay is over. */
  head: number | null;
  /** Older pages were asked for, so nothing is let go. */
  wide: boolean;
  /** How far the server knows one to have read. */
  toldRead: number;
  /** More happened here than was told: `unread` and `lastMessage` are to come from a snapshot or from the list of conversations. */
  vague: boolean;
};

/** As `MAX_UNREAD` of the protocol, whose file would bring its whole validation into the bundle. */
export const MAX_UNREAD = 1_000;
/** So many messages a room are held, and a fifth more before any are let go. */
const KEEP = 500;

export function newStream(stream: string): Stream {
  return {
    stream,
    kind: stream === "global" ? "global" : "direct",
    participants: [],
    last: null,
    messages: [],
    loaded: false,
    get olderLeft() {
      return this.floor > 0;
    },
    readSeq: 0,
    othersReadSeq: null,
    unread: 0,
    lastMessage: null,
    updatedAt: "",
    typing: new Map(),
    floor: Infinity,
    era: 0,
    countedAt: 0,
    asked: 0,
    gone: new Set(),
    removedAt: 0,
    uncounted: false,
    head: null,
    wide: false,
    toldRead: 0,
    vague: false,
  };
}

/** Lets all messages go and goes on from `last`. */
export function drop(stream: Stream, last: number | null): void {
  Object.assign(stream, { messages: [], wide: false, head: null, last, loaded: last === 0 });
  raiseFloor(stream, last ?? Infinity);
}

/** A page is asked for. @returns what is to be called when it is there, and taken in or not */
export function asking(stream: Stream): () => void {
  if (!stream.asked++) stream.gone.clear();
  return () => void stream.asked--;
}

/** The first event ever seen of a room. */
export function begin(stream: Stream, seq: number): void {
  raiseFloor(stream, seq - 1);
}

/** Takes a message in, unless a newer version is held. @returns whether it was not held before */
export function put(stream: Stream, message: Message, me: string | undefined): boolean {
  const { messages } = stream;
  // Below the floor it would stand alone, with a hole above; but a page on its way may have it as it was.
  if (message.seq <= stream.floor) {
    stream.era++;
    return false;
  }
  const at = place(messages, message.seq);
  const held = messages[at];
  if (held?.seq === message.seq) {
    if (held.version < message.version) messages[at] = message;
    // One of the two may lack `text` or `clientId`.
    else if (held.version === message.version) messages[at] = { ...held, ...message };
    return false;
  }
  messages.splice(at, 0, message);
  if (message.seq > Math.max(stream.countedAt, stream.readSeq) && message.sender.id !== me)
    stream.unread = Math.min(MAX_UNREAD, stream.unread + 1);
  return true;
}

/** A removal, told by event `seq`. */
export function remove(stream: Stream, id: Message["id"], seq: number, me: string | undefined): void {
  if (stream.asked) stream.gone.add(id);
  stream.removedAt = seq;
  const at = stream.messages.findIndex((message) => message.id === id);
  const [gone] = at < 0 ? [] : stream.messages.splice(at, 1);
  // What the server counted after the removal has it no more. Whether it counted one that is not held, or that is beyond what is counted, only it knows.
  if (seq > stream.countedAt && stream.unread) {
    if (!gone || stream.unread === MAX_UNREAD) stream.uncounted = true;
    else if (gone.seq > stream.readSeq && gone.sender.id !== me) stream.unread--;
  }
  if (stream.lastMessage?.id === id) {
    stream.lastMessage = null;
    summarise(stream, stream.messages.at(-1));
    if (!stream.lastMessage && stream.floor > 0) stream.vague = true;
  }
  // The list of conversations did not say which it is.
  if (stream.lastMessage?.id === "") stream.vague = true;
}

/** A page of REST, oldest first: the latest, or that before what is held; asked for in this `era`. `full`: there may be older ones. */
export function merge(stream: Stream, page: Message[], full: boolean, me: string | undefined): void {
  const floor = full && page.length ? page[0]!.seq - 1 : 0;
  // The page begins above all that is held: what is between was missed, and is not worth a hole.
  if (floor > Math.max(stream.last ?? -1, stream.messages.at(-1)?.seq ?? -1)) {
    stream.messages = [];
    raiseFloor(stream, floor);
    // Nobody here will ever count what was missed.
    stream.uncounted = true;
  }
  if (stream.last === null) {
    stream.last = Math.max(0, ...page.map((message) => message.version));
    stream.countedAt = Math.max(stream.countedAt, page.at(-1)?.seq ?? 0);
  }
  stream.floor = Math.min(stream.floor, floor);
  page = page.filter(({ id }) => !stream.gone.has(id));
  // What is below all that is held, and counted, goes in at once: one by one would move all of a long history each time.
  const older = place(page, Math.min(stream.messages[0]?.seq ?? Infinity, stream.countedAt + 1));
  stream.messages.unshift(...page.slice(0, older));
  for (const message of page.slice(older)) put(stream, message, me);
  summarise(stream, stream.messages.at(-1));
}

/** Somebody leaves now: when they were seen last, as it was told, was before they came. */
export function forgetSeen(rooms: Iterable<Room>, userId: string): void {
  for (const { participants } of rooms)
    for (const person of participants) if (person.id === userId) person.last_seen = null;
}

/** What the list of rooms shows of the newest message. */
export function summarise(stream: Stream, message: Message | undefined): void {
  if (!message || message.seq < (stream.lastMessage?.seq ?? 0)) return;
  const { id, seq, content, timestamp, sender } = message;
  const short = content.length > 100 ? [...content].slice(0, 100).join("") : content;
  stream.lastMessage = { id, seq, content: short, timestamp, sender_id: sender.id };
  if (timestamp > stream.updatedAt) stream.updatedAt = timestamp;
}

/** The server counted `unread` others' messages above the read mark at event `at`; what is held above comes on top. */
export function recount(stream: Stream, unread: number, at: number, me: string | undefined): void {
  stream.countedAt = Math.max(at, stream.floor < Infinity ? stream.floor : 0);
  const base = stream.readSeq >= at ? 0 : unread;
  stream.uncounted = base > 0 && at < stream.removedAt;
  stream.unread = Math.min(MAX_UNREAD, base + heldAbove(stream, Math.max(at, stream.readSeq), me));
}

/** Raises one's own mark. What is left is counted here where all of it is held, else the server will tell. */
export function readTo(stream: Stream, seq: number, me: string | undefined): void {
  stream.readSeq = seq;
  if (seq >= Math.max(stream.last ?? 0, stream.countedAt)) recount(stream, 0, seq, me);
  else if (stream.floor <= seq) stream.unread = Math.min(stream.unread, heldAbove(stream, seq, me));
}

export function trim(stream: Stream): void {
  if (stream.wide || stream.messages.length <= KEEP * 1.2) return;
  const gone = stream.messages.splice(0, stream.messages.length - KEEP);
  raiseFloor(stream, gone.at(-1)!.seq);
}

/** A message of a frame or of REST, whose sender is a whole user. */
export function fromWire({ id, seq, version, sender, content, text, timestamp, client_id }: ChatMessage): Message {
  return {
    id,
    seq,
    version,
    sender: { id: sender.id, username: sender.username },
    content,
    ...(text !== undefined && { text }),
    timestamp,
    ...(client_id !== undefined && { clientId: client_id }),
  };
}

function raiseFloor(stream: Stream, floor: number): void {
  stream.era++;
  stream.floor = floor;
  if (floor < Infinity) stream.countedAt = Math.max(stream.countedAt, floor);
}

function heldAbove({ messages }: Stream, seq: number, me: string | undefined): number {
  let count = 0;
  for (let i = messages.length; i-- > 0 && messages[i]!.seq > seq;) if (messages[i]!.sender.id !== me) count++;
  return count;
}

/** Where a message of that seq is or would go; from the end, where nearly all go. */
function place(messages: Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  if (high && messages[high - 1]!.seq < seq) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
