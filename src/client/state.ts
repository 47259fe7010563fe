/**
 * What the client knows, as a pure core: `receive` takes the server's frames in, whatever was lost, doubled or sent again, and says
 * what is to be done about it. No time, no I/O; changed in place, because a busy room brings thousands of frames a second.
 */
import type { ChatFrame, ErrorFrame, StreamSnapshot } from "../protocol/frames.ts";
import type { Conversation } from "../protocol/models.ts";
import {
  begin,
  drop,
  forgetSeen,
  fromWire,
  type Message,
  newStream,
  put,
  readTo,
  recount,
  remove,
  type Stream,
  summarise,
  trim,
} from "./messages.ts";

export type ChatState = {
  me: { id: string; username: string } | null;
  /** The history that `since` belongs to; another one after a restored backup. */
  epoch: string | null;
  /** Everything committed below this cursor has been seen. */
  since: string | null;
  /** There are more rooms than `streams` has; so many pages of their list were loaded. Another list is to be loaded anew. */
  more: boolean;
  list: { pages: number };
  streams: Map<string, Stream>;
  /** Who is online, as far as one is told: ids to names. */
  presence: Map<string, string>;
  /** The resume under way. `first`: of its socket; `heard`: what was missed meanwhile, `heads`: how it stood, rooms to seqs. */
  resume: { fresh: boolean; first: boolean; heard: Map<string, number>; heads: Map<string, number> } | null;
};

export type Effect =
  /** Something was missed. */
  | { do: "resume" }
  /** The messages of a room that was loaded had to be dropped. */
  | { do: "reload"; stream: string }
  /** The server does not know how far one has read. */
  | { do: "read"; stream: string; seq: number }
  /** A new message, for whoever wants to be told. */
  | { do: "message"; stream: string; message: Message }
  | { do: "typing"; stream: string; userId: string; typing: boolean };

export function newState(): ChatState {
  return {
    me: null,
    epoch: null,
    since: null,
    more: false,
    list: { pages: 0 },
    streams: new Map(),
    presence: new Map(),
    resume: null,
  };
}

/** The frame that asks for what was missed. `first`: nothing was resumed on this socket yet. */
export function startResume(state: ChatState, first: boolean) {
  const fresh = state.since === null;
  state.resume = { fresh, first, heard: new Map(), heads: new Map() };
  return { type: "resume", epoch: fresh ? null : state.epoch, since: state.since } as const;
}

/** The socket is gone. */
export function disconnected(state: ChatState): void {
  state.resume = null;
  for (const stream of state.streams.values()) stream.typing.clear();
}

export function receive(state: ChatState, frame: ChatFrame | ErrorFrame): Effect[] {
  const effects: Effect[] = [];
  switch (frame.type) {
    case "hello":
      state.me = frame.user;
      if (state.epoch !== null && state.epoch !== frame.epoch) forget(state, effects);
      state.epoch = frame.epoch;
      break;
    case "snapshot":
      snapshot(state, frame, effects);
      break;
    case "resumed":
      resumed(state, frame, effects);
      break;
    case "read":
      read(state, frame, effects);
      break;
    case "pong":
      pong(state, frame, effects);
      break;
    case "presence_batch":
      for (const { user_id, username, status } of frame.changes)
        if (status === "online") state.presence.set(user_id, username);
        else if (state.presence.delete(user_id)) forgetSeen(state.streams.values(), user_id);
      break;
    case "typing_indicator":
      typing(state, frame, effects);
      break;
    case "error":
      // Said to a fresh client it would go round for ever.
      if (frame.code !== "epoch_mismatch" || !state.resume || state.resume.fresh) break;
      forget(state, effects);
      effects.push({ do: "resume" });
      break;
    default:
      // Whatever has a place in a room is an event of it, of kinds of later servers as well.
      if ("prev" in frame) event(state, frame, effects);
  }
  return effects;
}

/** A room of the REST list: what a snapshot did not have room for. */
export function addConversation(state: ChatState, conversation: Conversation): void {
  const stream = streamOf(state, conversation.id);
  // As snapshots show them: who is online stands in one place only.
  stream.participants = conversation.participants.map(({ id, username, last_seen }) => ({ id, username, last_seen }));
  if (stream.last !== null && !stream.vague) return;
  stream.readSeq = Math.max(stream.readSeq, conversation.read_seq);
  // By its head: what is told later may have been counted here already.
  recount(stream, conversation.unread_count, conversation.head_seq, state.me?.id);
  // Frames that were slower than this list may tell of older messages, and faster ones of newer.
  if ((stream.lastMessage?.seq ?? 0) > conversation.head_seq) return;
  stream.updatedAt = conversation.updated_at;
  const last = conversation.last_message;
  // Its id is not in this list; the event itself or a page brings it.
  stream.lastMessage = last && { id: "", seq: conversation.head_seq, ...last };
}

/** Reads up to `seq`, by default to the end. @returns the mark to tell the server, or null where it does not rise */
export function markRead(state: ChatState, name: string, seq = Infinity): number | null {
  const stream = state.streams.get(name);
  if (!stream) return null;
  const mark = Math.min(seq, Math.max(stream.last ?? stream.countedAt, stream.messages.at(-1)?.seq ?? 0));
  if (mark <= stream.readSeq) return null;
  readTo(stream, mark, state.me?.id);
  return mark;
}

export function streamOf(state: ChatState, name: string): Stream {
  let stream = state.streams.get(name);
  if (!stream) state.streams.set(name, (stream = newStream(name)));
  return stream;
}

type Frame<T> = Extract<ChatFrame, { type: T }>;

/** Another history: nothing that is known holds. */
function forget(state: ChatState, effects: Effect[]): void {
  for (const stream of state.streams.values()) abandon(stream, null, effects);
  Object.assign(state, { since: null, resume: null, list: { pages: 0 } });
  state.streams.clear();
}

function abandon(stream: Stream, last: number | null, effects: Effect[]): void {
  if (stream.loaded) effects.push({ do: "reload", stream: stream.stream });
  drop(stream, last);
}

/** Asks for a resume; during one, only where it did not bring what was heard of. */
function behind(state: ChatState, name: string, seq: number, effects: Effect[]): void {
  if (!state.resume) effects.push({ do: "resume" });
  else state.resume.heard.set(name, Math.max(seq, state.resume.heard.get(name) ?? 0));
}

function event(state: ChatState, frame: Frame<"message" | "message_removed">, effects: Effect[]): void {
  const { seq, prev } = frame;
  const known = state.streams.has(frame.stream);
  const stream = streamOf(state, frame.stream);
  if (stream.last === null) {
    begin(stream, seq);
    stream.vague = state.resume ? !state.resume.heads.has(frame.stream) : !known;
  } else if (seq <= stream.last) return;
  else if (prev > stream.last) return behind(state, frame.stream, seq, effects);
  stream.last = seq;
  if (frame.type === "message_removed") {
    remove(stream, frame.message_id, seq, state.me?.id);
    if (stream.uncounted) effects.push({ do: "read", stream: frame.stream, seq: stream.readSeq });
  }
  // Now it is among the latest rooms: a snapshot tells who is in it and what is unread.
  if (stream.vague && !state.resume) effects.push({ do: "resume" });
  if (frame.type !== "message") return;
  const message = fromWire(frame.message);
  const isNew = put(stream, message, state.me?.id) || message.seq === seq;
  summarise(stream, message);
  trim(stream);
  stream.typing.delete(message.sender.id);
  if (isNew) effects.push({ do: "message", stream: frame.stream, message });
}

function snapshot(state: ChatState, frame: Frame<"snapshot">, effects: Effect[]): void {
  const { resume } = state;
  if (!resume) return;
  // A cursor ahead of the database is another history too. (On a socket that was live, the snapshot may just be a moment older.)
  const ahead = ({ stream, head_seq }: StreamSnapshot) => (state.streams.get(stream)?.last ?? 0) > head_seq;
  if (resume.first && !resume.fresh && frame.streams.some(ahead)) {
    forget(state, effects);
    state.resume = resume;
    resume.fresh = true;
  }
  const { fresh } = resume;
  if (fresh) {
    for (const stream of state.streams.values()) abandon(stream, null, effects);
    state.more = frame.more;
  }
  state.presence = new Map(frame.presence.map(({ user_id, username }) => [user_id, username]));
  for (const shown of frame.streams) {
    const stream = streamOf(state, shown.stream);
    Object.assign(stream, { kind: shown.kind, participants: shown.participants });
    stream.readSeq = Math.max(stream.readSeq, shown.read_seq);
    if (shown.others_read_seq !== null)
      stream.othersReadSeq = Math.max(stream.othersReadSeq ?? 0, shown.others_read_seq);
    if (fresh) drop(stream, shown.head_seq);
    // Held by nobody here, yet its replay begins below the head.
    else if (stream.last === null) stream.head = shown.head_seq;
    if ((stream.lastMessage?.seq ?? 0) <= shown.head_seq)
      Object.assign(stream, { lastMessage: shown.last_message, updatedAt: shown.updated_at });
    recount(stream, shown.unread_count, shown.head_seq, state.me?.id);
    stream.toldRead = shown.read_seq;
    stream.vague = false;
    resume.heads.set(shown.stream, shown.head_seq);
  }
}

function resumed(state: ChatState, frame: Frame<"resumed">, effects: Effect[]): void {
  for (const [name, { complete, head_seq }] of Object.entries(frame.streams)) {
    const stream = streamOf(state, name);
    const skipped = stream.last === null || (!complete && stream.last < head_seq);
    if (skipped && !state.resume?.heads.has(name)) stream.vague = true;
    if (stream.last === null) stream.head = head_seq;
    else if (skipped) abandon(stream, head_seq, effects);
    // The list of rooms is to be loaded anew.
    if (stream.vague) Object.assign(state, { more: true, list: { pages: 0 } });
  }
  if (frame.more) return;
  for (const stream of state.streams.values())
    if (stream.last === null && stream.head !== null) drop(stream, stream.head);
  const { heard = [], heads = [] } = state.resume ?? {};
  // A room of which this replay should have told and did not: whatever went wrong, better loaded afresh than with a hole.
  for (const [name, head] of heads) {
    const stream = streamOf(state, name);
    if (stream.last !== null && stream.last < head) abandon(stream, head, effects);
  }
  state.since = frame.since;
  state.resume = null;
  tellReads(state, effects);
  if ([...heard].some(([name, seq]) => isBehind(state, name, seq))) effects.push({ do: "resume" });
}

/** A newer cursor is taken only by who has all below it. */
function pong(state: ChatState, frame: Frame<"pong">, effects: Effect[]): void {
  const missed = Object.entries(frame.heads).filter(([name, seq]) => isBehind(state, name, seq));
  if (missed.length && !state.resume) effects.push({ do: "resume" });
  for (const [name, seq] of missed) if (state.resume) behind(state, name, seq, effects);
  if (!missed.length && !state.resume && frame.since !== null) state.since = frame.since;
  if (!state.resume) tellReads(state, effects);
}

/** Read while the socket was away, or lost on its way, or refused because the database was away; the answer counts what is unread. */
function tellReads(state: ChatState, effects: Effect[]): void {
  for (const { stream, readSeq, toldRead, uncounted } of state.streams.values())
    if (readSeq > toldRead || uncounted) effects.push({ do: "read", stream, seq: readSeq });
}

function isBehind(state: ChatState, name: string, seq: number): boolean {
  return (state.streams.get(name)?.last ?? 0) < seq;
}

function read(state: ChatState, frame: Frame<"read">, effects: Effect[]): void {
  const { user_id, seq, unread_count, head_seq } = frame;
  const stream = state.streams.get(frame.stream);
  if (!stream) return;
  if (user_id !== state.me?.id) {
    if (stream.kind === "direct") stream.othersReadSeq = Math.max(stream.othersReadSeq ?? 0, seq);
    return;
  }
  stream.toldRead = Math.max(stream.toldRead, seq);
  const old = seq === stream.readSeq && head_seq !== undefined && head_seq < stream.countedAt;
  if (seq < stream.readSeq || old) return;
  stream.readSeq = seq;
  if (unread_count === undefined || head_seq === undefined) return;
  // A hint can be late: what was said between its count and what is held here is in neither. The answer to this one is not.
  if (stream.floor < Infinity && head_seq < stream.floor) stream.uncounted = true;
  else recount(stream, unread_count, head_seq, state.me.id);
  if (stream.uncounted) effects.push({ do: "read", stream: frame.stream, seq });
}

function typing(state: ChatState, frame: Frame<"typing_indicator">, effects: Effect[]): void {
  const stream = state.streams.get(frame.stream);
  if (!stream) return;
  const typing = frame.status === "typing";
  if (typing) stream.typing.set(frame.user_id, frame.username);
  else stream.typing.delete(frame.user_id);
  effects.push({ do: "typing", stream: frame.stream, userId: frame.user_id, typing });
}
