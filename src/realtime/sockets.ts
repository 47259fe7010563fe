import type { ServerWebSocket } from "bun";
import type { Caller } from "../deps.ts";
import type { Endpoint } from "../protocol/frames.ts";

/** What came in and waits for its turn; the gate of its frames, and that of those which are refused. */
type Inbox = { inbox: string[]; inboxBytes: number; busy: boolean; gateAt: number; floodAt: number };

/** Where a socket stands in being told what happens. */
type Phase =
  /** The first version's: told what happens from the moment it opens, and nothing of what happened before. */
  | { name: "told" }
  /** Greeted; its `resume` is awaited. */
  | { name: "greeted"; at: number }
  | { name: "resuming" }
  /** Told everything since `since`; `at`: when that was known, `toldTo`: the place in `Heads` that it was told of last. */
  | { name: "live"; since: string; at: number; toldTo: number };

/** `network`: the client's address, as those are counted. */
export type Peer = { endpoint: Endpoint; network: string };

/** A socket is one of three things; a refused one lives just long enough to be told so. */
export type Connection =
  | (Peer & { state: "refused"; code: number; reason: string })
  /** Its token is to come in the first frame. */
  | (Peer & Inbox & { state: "anonymous"; at: number })
  | Open;

export type Open = Peer &
  Inbox & {
    state: "open";
    caller: Caller;
    phase: Phase;
    /** When it last said something, and the gate of its resumes. */
    heardAt: number;
    resumeGateAt: number;
    /** Wakes who waits for its buffer to empty. */
    drained: (() => void) | null;
  };

export type Socket = ServerWebSocket<Connection>;

export function openConnection(peer: Peer, caller: Caller, now: number): Open {
  const phase: Phase = peer.endpoint === "chat" ? { name: "greeted", at: now } : { name: "told" };
  return { state: "open", ...peer, caller, phase, heardAt: now, resumeGateAt: 0, drained: null, ...newInbox() };
}

export const newInbox = (): Inbox => ({ inbox: [], inboxBytes: 0, busy: false, gateAt: 0, floodAt: 0 });

/** The open sockets of this process. */
export class Sockets {
  /** Those that have not said who they are. */
  readonly anonymous = new Set<Socket>();
  #byUser = new Map<string, Set<Socket>>();
  #bySession = new Map<string, Set<Socket>>();
  #count: Record<Endpoint, number> = { global: 0, private: 0, chat: 0 };
  /** All that the runtime has open, whatever they are, and how many of them each network has. */
  size = 0;
  #byNetwork = new Map<string, number>();

  enter({ data: { network } }: Socket): void {
    this.size++;
    this.#byNetwork.set(network, this.from(network) + 1);
  }

  leave({ data: { network } }: Socket): void {
    this.size--;
    const left = this.from(network) - 1;
    if (left) this.#byNetwork.set(network, left);
    else this.#byNetwork.delete(network);
  }

  from(network: string): number {
    return this.#byNetwork.get(network) ?? 0;
  }

  add(ws: Socket, { userId, sessionId }: Caller): void {
    put(this.#byUser, userId, ws);
    put(this.#bySession, sessionId, ws);
    this.#count[ws.data.endpoint]++;
  }

  /** False where it was not in (a refused one, or one that was closed by us before). */
  remove(ws: Socket, { userId, sessionId }: Caller): boolean {
    take(this.#bySession, sessionId, ws);
    const removed = take(this.#byUser, userId, ws);
    if (removed) this.#count[ws.data.endpoint]--;
    return removed;
  }

  /** Whether anybody, or this user, has a socket of this endpoint. */
  hears = (endpoint: Endpoint, user: string | null): boolean => {
    if (user === null) return this.#count[endpoint] > 0;
    for (const ws of this.#byUser.get(user) ?? []) if (ws.data.endpoint === endpoint) return true;
    return false;
  };

  /** How many there are of an endpoint, or of a user's on it. */
  count(endpoint: Endpoint, user: string | null = null): number {
    if (user === null) return this.#count[endpoint];
    let count = 0;
    for (const ws of this.#byUser.get(user) ?? []) if (ws.data.endpoint === endpoint) count++;
    return count;
  }

  ofUser(userId: string): Socket[] {
    return [...(this.#byUser.get(userId) ?? [])];
  }

  ofSession(sessionId: string): Socket[] {
    return [...(this.#bySession.get(sessionId) ?? [])];
  }

  sessions(): string[] {
    return [...this.#bySession.keys()];
  }

  all(): Socket[] {
    return [...this.each()];
  }

  *each(): Generator<Socket> {
    for (const sockets of this.#byUser.values()) yield* sockets;
  }
}

function put(map: Map<string, Set<Socket>>, key: string, ws: Socket): void {
  const set = map.get(key);
  if (set) set.add(ws);
  else map.set(key, new Set([ws]));
}

function take(map: Map<string, Set<Socket>>, key: string, ws: Socket): boolean {
  const set = map.get(key);
  if (!set?.delete(ws)) return false;
  if (!set.size) map.delete(key);
  return true;
}
