/** What the slices ask of each other and of the world; `app.ts` fills it in. Types only. */
import type { Hono } from "hono";
import type { Trace } from "./ops/trace.ts";
import type { Endpoint, StreamSnapshot } from "./protocol/frames.ts";

/** Who a request speaks for, by a verified access token. */
export type Identity = { userId: string; sessionId: string };

export type Person = { id: string; username: string };

/** What the request log, the guard and the limits put beside a request. */
export type HttpEnv = {
  Variables: {
    requestId: string;
    /** Where it came with a `traceparent`. */
    trace: Trace | undefined;
    /** The client's address, as the trusted proxies tell it. */
    address: string;
    /** The request's URL as the client sees it, behind proxies too. */
    url: URL;
    identity: Identity;
  };
};

export type Routes = Hono<HttpEnv>;

export type IsOnline = (userId: string) => boolean;

/**
 * One durable event of a room, numbered without holes; `body` belongs to the slice that renders it. `prev`: the event before it, where that
 * is not the one numbered before it, because what was between was removed or is gone.
 */
export type RoomEvent<Body = unknown> = { room: string; seq: number; prev?: number; body: Body };

/**
 * One frame for the sockets of an endpoint: one user's, everyone's (`user` null), or everyone's but one user's (`except`). A user that is missing is
 * nobody: no mistake on the way may make a private frame everyone's. `head`: the stream and the seq of the event that it tells.
 */
export type Outgoing = {
  endpoint: Endpoint;
  user: string | null;
  except?: string;
  frame: string;
  head?: readonly [stream: string, seq: number];
};

/** Whether any socket of this process would get a frame for that endpoint (`user` null), or for that user on it. */
export type Hears = (endpoint: Endpoint, user: string | null) => boolean;

/** What a client that comes back is owed, all of one snapshot of the database (`since`): what came later has to be told live. */
export type Owed = {
  since: string;
  /** The client's cursor is of a later time than the database: of another history. Then it is owed what a fresh one is. */
  ahead: boolean;
  streams: StreamSnapshot[];
  more: boolean;
  /** Frames, in order within each stream. */
  events: string[];
  changed: [stream: string, { complete: boolean; head_seq: number }][];
};

/** `since` is null for a client that holds nothing. */
export type CatchUp = (userId: string, since: string | null) => Promise<Owed>;

/** Who is at the other end of a socket. */
export type Caller = Identity & { username: string };

/**
 * A handler of one frame type. It returns when its place in the order is taken, and the socket's next frame may go on; `done` settles
 * when it was acted upon, with a frame for this socket alone, if any. What either throws is told to the socket as an error.
 */
export type Command = (caller: Caller, frame: never) => Promise<{ done: Promise<string | undefined> } | undefined>;

export type Commands = Record<Endpoint, Record<string, Command | undefined>>;

/** A limit by key. */
export interface Bucket {
  /** Takes one; 0, or how many milliseconds to wait, and then none was taken. */
  take(key: string): Promise<number>;
  giveBack(key: string): void;
}

/** Moments in the life of a send, for whoever wants to see a process die at each of them. */
type Moment = "validated" | "storing" | "committed" | "published" | "answered";
export type Faults = (moment: Moment) => void;
