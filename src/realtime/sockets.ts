import type { ServerWebSocket } from "bun";
import type { Caller } from "../deps.ts";
import type { Endpoint } from "../protocol/frames.ts";

/** A socket is one of two things; a refused one lives just long enough to be told so. */
export type Connection =
  | { state: "refused"; endpoint: Endpoint; code: number; reason: string }
  | {
      state: "open";
      endpoint: Endpoint;
      caller: Caller;
      inbox: string[];
      inboxBytes: number;
      busy: boolean;
      gateAt: number;
    };

export type Socket = ServerWebSocket<Connection>;

/** The open sockets of this process. */
export class Sockets {
  #byUser = new Map<string, Set<Socket>>();
  #bySession = new Map<string, Set<Socket>>();

  add(ws: Socket, { userId, sessionId }: Caller): void {
    put(this.#byUser, userId, ws);
    put(this.#bySession, sessionId, ws);
  }

  /** False where it was not in (a refused one, or one that was closed by us before). */
  remove(ws: Socket, { userId, sessionId }: Caller): boolean {
    take(this.#bySession, sessionId, ws);
    return take(this.#byUser, userId, ws);
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
    return [...this.#byUser.values()].flatMap((sockets) => [...sockets]);
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
