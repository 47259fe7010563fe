import type { User } from "../protocol/models.ts";
import { type ConnectionState, createConnection, type Frame } from "./connection.ts";
import { createDrafts } from "./drafts.ts";
import { ChatError } from "./errors.ts";
import { createEvents } from "./events.ts";
import { createHistory } from "./history.ts";
import { createHttp } from "./http.ts";
import type { Message, Room } from "./messages.ts";
import type { Pending } from "./outbox.ts";
import { type Ports, systemPorts } from "./ports.ts";
import { createRest } from "./rest.ts";
import { createSession, type SignedOutReason } from "./session.ts";
import { addConversation, type ChatState, disconnected, markRead, newState, receive, startResume } from "./state.ts";
import { asynchronous, type ChatStorage, indexedDbStorage } from "./storage.ts";
import { createTyping } from "./typing.ts";

export type ClientEvents = {
  /** A message that is new here, one's own from other devices included; also those that came while one was away. */
  message: { stream: string; message: Message };
  /** A message is gone for everyone, whether it is held here or not. May be told twice. */
  removed: { stream: string; id: Message["id"] };
  /** A message was refused. It waits for `retry` or `discard`. */
  failed: Pending;
  connection: ConnectionState;
  signedOut: { reason: SignedOutReason };
  changed: void;
};

/** Milliseconds between two read marks of a room. */
const READ_EVERY = 500;
/** What could not be loaded again is asked for so often (ms). */
const RELOAD_EVERY = 5_000;

/** What the client knows. To be looked at only; it changes in place. */
export type ClientState = {
  readonly me: ChatState["me"];
  /** There are more rooms than `streams` has: `loadConversations` gets them. */
  readonly more: boolean;
  readonly streams: ReadonlyMap<string, Readonly<Room>>;
  /** Who is online, as far as one is told: ids to names. */
  readonly presence: ReadonlyMap<string, string>;
};

export type Client = ReturnType<typeof createClient>;

/**
 * A client of one server.
 *
 * @param url of the server: `https://chat.example.org`
 * @param ports replaces parts of the world, such as `WebSocket` in Node before 22
 * @param storage keeps tokens and unsent messages; IndexedDB, or memory where there is none
 * @param cookie for pages of the server itself: it keeps the refresh token in a cookie, and no token is in the storage
 * @throws {TypeError} for a URL that is not of HTTP
 */
export function createClient(options: {
  url: string;
  ports?: Partial<Ports>;
  storage?: ChatStorage;
  cookie?: boolean;
}) {
  const url = options.url.replace(/\/+$/, "");
  if (!/^https?:\/\//.test(url)) throw new TypeError(`not the URL of a server: ${url}`);
  const ports = { ...systemPorts(), ...options.ports };
  const storage = asynchronous(options.storage ?? indexedDbStorage(`liquidchat ${url}`));
  const { clock } = ports;
  const events = createEvents<ClientEvents>();
  let state = newState();
  let revision = 0;
  let announced = false;
  /** Rooms of which a read mark was told a moment ago. */
  const reading = new Set<string>();

  const http = createHttp(url, ports);
  const session = createSession({ http, storage, clock, cookie: options.cookie ?? false, entering, signedOut });
  const rest = createRest(http, session);
  const history = createHistory({ rest, state: () => state, changed });
  const connection = createConnection({
    url: url.replace("http", "ws"),
    ports,
    session,
    resume: (first) => startResume(state, first),
    receive: received,
    changed: connected,
  });
  const drafts = createDrafts({
    ports,
    storage,
    send: connection.send,
    live: () => connection.status().state === "live",
    failed: (entry) => events.emit("failed", entry),
    changed,
  });
  const typing = createTyping({
    clock,
    send: connection.send,
    expired: (stream, user) => {
      if (state.streams.get(stream)?.typing.delete(user)) changed();
    },
  });

  /** Once for all that happens in one go. */
  function changed(): void {
    revision++;
    if (announced) return;
    announced = true;
    queueMicrotask(() => {
      announced = false;
      events.emit("changed", undefined);
    });
  }

  function received(frame: Frame): void {
    for (const effect of receive(state, frame)) {
      if (effect.do === "resume") connection.resume();
      if (effect.do === "reload") reload(effect.stream);
      if (effect.do === "read") tellRead(effect.stream, effect.seq);
      if (effect.do === "message") events.emit("message", { stream: effect.stream, message: effect.message });
      if (effect.do === "typing") typing.heard(effect.stream, effect.userId, effect.typing);
    }
    if (frame.type === "message_removed") events.emit("removed", { stream: frame.stream, id: frame.message_id });
    drafts.receive(frame, state);
    changed();
  }

  /** Rooms to be loaded again once it is connected. */
  const stalled = new Set<string>();
  /** Until it is there: nobody else asks for what was emptied. A refusal stands. */
  function reload(stream: string): void {
    const now = state;
    history.loadLatest(stream).catch(({ code, status }: ChatError) => {
      if (code !== "unavailable" && status >= 400 && status < 500 && status !== 429) return;
      clock.after(RELOAD_EVERY, () => {
        if (now !== state) return;
        // A client that was closed asks for nothing more.
        if (connection.status().state === "offline") stalled.add(stream);
        else reload(stream);
      });
    });
  }

  /** A page may mark every message as read; the server need not hear of each. */
  function tellRead(stream: string, seq: number): void {
    if (reading.has(stream)) return;
    reading.add(stream);
    connection.send({ type: "read", stream, seq });
    clock.after(READ_EVERY, () => {
      reading.delete(stream);
      const { readSeq = 0, toldRead = 0, uncounted = false } = state.streams.get(stream) ?? {};
      const live = connection.status().state === "live";
      if (readSeq > Math.max(seq, toldRead) || (uncounted && live)) tellRead(stream, readSeq);
    });
  }

  function connected(status: ConnectionState): void {
    if (status.state === "live") {
      drafts.connected();
      for (const stream of stalled) reload(stream);
      stalled.clear();
    } else if (status.state !== "resuming") {
      disconnected(state);
      drafts.interrupted();
      typing.clear();
    }
    events.emit("connection", status);
    changed();
  }

  function reset(): void {
    connection.close();
    state = newState();
    stalled.clear();
  }

  /** Nothing of whoever was here goes out with the new tokens, however long a disk takes to keep those. */
  function entering(): void {
    reset();
    drafts.leave(false);
  }

  function signedOut(reason: SignedOutReason): void {
    reset();
    drafts.leave(reason === "logged_out");
    events.emit("signedOut", { reason });
    changed();
  }

  async function entered(user: User): Promise<User> {
    reset();
    state.me = { id: user.id, username: user.username };
    await drafts.enter(user.id);
    changed();
    return user;
  }

  return {
    /** @throws {ChatError} with `errors` by field */
    signUp: async (form: { username: string; password: string; email?: string }) => entered(await session.signUp(form)),
    /** @throws {ChatError} `unauthenticated` for a wrong name or password, `rate_limited` */
    logIn: async (form: { username: string; password: string }) => entered(await session.logIn(form)),
    /**
     * Goes on as whoever this device knows, without asking the server, and with what is unsent. To be called again when another tab has
     * logged in or out, or was closed. @returns null where it knows nobody
     */
    restore: async (): Promise<User | null> => {
      const before = session.user()?.id;
      const user = await session.restore();
      if (user && user.id !== before) return entered(user);
      await drafts.takeUp();
      return user;
    },
    /** Ends the session and removes all that is kept here, unsent messages too. @throws {ChatError} where the server could not be told */
    logOut: async (): Promise<void> => {
      const user = session.user();
      // Not what the same user, who logged in again meanwhile, says.
      await session.logOut().finally(() => user && session.user()?.id !== user.id && drafts.erase(user.id));
    },
    user: session.user,

    /** Connects, and stays connected until `close` or a sign-out. */
    connect: connection.connect,
    close: connection.close,
    /** For the page's `online`, `visibilitychange` and `pageshow`: does not wait for the next try, and checks a socket that may be dead. */
    reconnectNow: connection.reconnectNow,
    get connection(): ConnectionState {
      return connection.status();
    },

    get state(): ClientState {
      return state;
    },
    /** Another number after every change. */
    get revision(): number {
      return revision;
    },
    /** Called after changes, once for all of one go. @returns what ends it */
    subscribe: (listener: () => void): (() => void) => events.on("changed", listener),
    on: events.on,

    /**
     * Sends `content` to a room, now or as soon as it can, until the server has it or refuses it, over reloads of the page.
     * @returns `sent` rejects with a {@link ChatError} where it was refused or discarded, and only then
     * @throws {ChatError} `signed_out`
     */
    send: (stream: string, content: string) => {
      typing.stop(stream);
      return drafts.write(stream, content);
    },
    /** One's own messages that are not yet in the room, in order; without a room, those of all. */
    pending: (stream?: string): readonly Readonly<Pending>[] => drafts.pending(stream),
    /** Sends a refused message again. */
    retry: drafts.retry,
    /** Stops sending a message. It may have been sent. */
    discard: drafts.discard,
    /** Takes one's own message back: it goes from everyone's screen when its room is told so. @throws {ChatError} */
    remove: rest.remove,
    /** Reads up to `seq`, by default all. Told to the server now or once connected. */
    markRead: (stream: string, seq?: number): void => {
      const mark = markRead(state, stream, seq);
      if (mark === null) return;
      tellRead(stream, mark);
      changed();
    },
    /** To be called at every key; the rest is done here. */
    typing: typing.start,

    /** Asks for the latest messages of the room that is to be shown first, while the connection comes up. */
    preload: history.preload,
    /** Gets the latest messages of a room, where they are not there. @throws {ChatError} */
    loadLatest: history.loadLatest,
    /** Gets the page before what is held, where there is one. @throws {ChatError} */
    loadOlder: history.loadOlder,
    /** Whether older messages are kept that would be let go: of a room in which somebody looks at them, which `loadOlder` assumes. */
    keepHistory: (stream: string, keep: boolean): void => {
      const room = state.streams.get(stream);
      if (room) room.wide = keep;
    },
    /** Opens the conversation with a user. @returns its name as a stream @throws {ChatError} */
    openConversation: async (userId: string): Promise<string> => {
      const now = state;
      const conversation = await rest.openConversation(userId);
      if (now !== state) throw new ChatError("signed_out", "Somebody else is signed in.");
      addConversation(state, conversation);
      await history.loadLatest(conversation.id);
      return conversation.id;
    },
    /** Gets the next hundred rooms, while `state.more`. @throws {ChatError} */
    loadConversations: history.loadConversations,
    /** Finds people by a part of their name, 20 a page, the first is 1. @throws {ChatError} */
    users: rest.users,
    /** Any other call of the REST API, with the token. @throws {ChatError} */
    request: rest.request,
  };
}
