/**
 * Who is online, as a pure core: a map that every process replicates, user by process, with the number of sockets. A user is online
 * while any living process has a socket of theirs, and for a grace after that, so that a reload or a move between
 * processes is not seen. Nothing here knows of time or of the network: `(state, event, now)` in, effects out.
 */

/** Between processes. Each process numbers its changes (`v`); who misses one asks for the whole map. `sockets: 0` has left. */
export type PresenceMessage =
  | { t: "set"; node: string; v: number; user: string; username: string; sockets: number }
  | { t: "beat"; node: string; v: number }
  | { t: "map"; node: string; v: number; users: [user: string, username: string, sockets: number][] }
  /** "Send your map", to one process or, where null, to all. */
  | { t: "ask"; node: string | null }
  /** Leaves in an orderly way: its users get this much longer to arrive elsewhere. */
  | { t: "bye"; node: string; spreadMs: number };

export type PresenceEffect =
  | { kind: "send"; message: PresenceMessage }
  | { kind: "changed"; user: string; username: string; status: "online" }
  /** `since`: when the last socket closed (ms). `tell`: it is this process' turn to write it down. */
  | { kind: "changed"; user: string; username: string; status: "offline"; since: number; tell: boolean };

type Node = {
  version: number;
  users: Map<string, { username: string; sockets: number }>;
  heardAt: number;
  /** When its map was asked for last. */
  askedAt: number;
};
type Leaving = { since: number; due: number; tell: boolean };
type Times = { graceMs: number; expiryMs: number; beatMs: number };

/** A map is large, and one serves all who asked: who is behind asks once in a while, and who is asked answers once in a while. */
const ASK_EVERY_MS = 1_000;
const MAP_EVERY_MS = 250;

export type PresenceState = {
  self: string;
  times: Times;
  nodes: Map<string, Node>;
  /** Sockets of each user in all processes. */
  totals: Map<string, number>;
  /** Whom clients see as online, and under what name. */
  shown: Map<string, string>;
  leaving: Map<string, Leaving>;
  /** Processes that said good-bye, and when: what they sent before it may come after it. */
  gone: Map<string, number>;
  /** When this process sent its map last. */
  mappedAt: number;
  echoAt: number;
};

export function newPresence(self: string, times: Times, now: number): PresenceState {
  const state: PresenceState = {
    self,
    times,
    nodes: new Map(),
    totals: new Map(),
    shown: new Map(),
    leaving: new Map(),
    gone: new Map(),
    mappedAt: -Infinity,
    echoAt: now,
  };
  state.nodes.set(self, newNode(now));
  return state;
}

/** A socket of this process opened or closed: the user now has `sockets` here. */
export function setLocal(
  state: PresenceState,
  user: string,
  username: string,
  sockets: number,
  now: number,
): PresenceEffect[] {
  const node = state.nodes.get(state.self)!;
  node.version++;
  const effects = put(state, node, user, username, sockets, { since: now, due: now + state.times.graceMs, tell: true });
  return [
    { kind: "send", message: { t: "set", node: state.self, v: node.version, user, username, sockets } },
    ...effects,
  ];
}

/** A message of another process. */
export function receive(state: PresenceState, message: PresenceMessage, now: number): PresenceEffect[] {
  if (message.t === "ask") {
    if ((message.node !== null && message.node !== state.self) || now - state.mappedAt < MAP_EVERY_MS) return [];
    state.mappedAt = now;
    return [{ kind: "send", message: ownMap(state) }];
  }
  if (state.gone.has(message.node)) return [];
  const known = state.nodes.get(message.node);
  if (message.t === "bye") {
    state.gone.set(message.node, now);
    return known
      ? drop(state, message.node, { since: now, due: now + state.times.graceMs + message.spreadMs, tell: true })
      : [];
  }

  const node = known ?? newNode(now, -1);
  state.nodes.set(message.node, node);
  node.heardAt = now;
  if (message.t === "map") return replace(state, node, message, now);
  if (message.t === "set" && message.v === node.version + 1) {
    node.version = message.v;
    return put(state, node, message.user, message.username, message.sockets, {
      since: now,
      due: now + state.times.graceMs,
      tell: false,
    });
  }
  if (message.v <= node.version || now - node.askedAt < ASK_EVERY_MS) return [];
  node.askedAt = now;
  return [{ kind: "send", message: { t: "ask", node: message.node } }];
}

/** The bus carried a message of this process back: it hears. After a deaf time, silence starts to count anew. */
export function echoed(state: PresenceState, now: number): void {
  if (isDeaf(state, now)) for (const node of state.nodes.values()) node.heardAt = now;
  state.echoAt = now;
}

/** Several times a second: graces that ran out, processes that fell silent. */
export function tick(state: PresenceState, now: number): PresenceEffect[] {
  const effects: PresenceEffect[] = [];
  if (!isDeaf(state, now)) {
    for (const [id, node] of state.nodes) {
      if (id === state.self || now - node.heardAt <= state.times.expiryMs) continue;
      effects.push(...drop(state, id, { since: node.heardAt, due: now, tell: true }));
    }
  }
  for (const [id, at] of state.gone) if (now - at > state.times.expiryMs) state.gone.delete(id);
  for (const [user, { due, since, tell }] of state.leaving) {
    if (due > now) continue;
    state.leaving.delete(user);
    const username = state.shown.get(user)!;
    state.shown.delete(user);
    effects.push({ kind: "changed", user, username, status: "offline", since, tell });
  }
  return effects;
}

/** How many other processes have told of all their users. */
export function othersKnown({ self, nodes }: PresenceState): number {
  return [...nodes].filter(([id, { version }]) => id !== self && version >= 0).length;
}

export function beat(state: PresenceState): PresenceEffect {
  return { kind: "send", message: { t: "beat", node: state.self, v: state.nodes.get(state.self)!.version } };
}

function newNode(now: number, version = 0): Node {
  return { version, users: new Map(), heardAt: now, askedAt: -Infinity };
}

function ownMap({ self, nodes }: PresenceState): PresenceMessage {
  const { version, users } = nodes.get(self)!;
  return {
    t: "map",
    node: self,
    v: version,
    users: [...users].map(([user, { username, sockets }]) => [user, username, sockets]),
  };
}

function isDeaf({ echoAt, times }: PresenceState, now: number): boolean {
  return now - echoAt > 3 * times.beatMs;
}

function put(
  state: PresenceState,
  node: Node,
  user: string,
  username: string,
  sockets: number,
  leaving: Leaving,
): PresenceEffect[] {
  const before = node.users.get(user)?.sockets ?? 0;
  if (sockets) node.users.set(user, { username, sockets });
  else node.users.delete(user);
  const total = (state.totals.get(user) ?? 0) - before + sockets;
  if (total) {
    state.totals.set(user, total);
    state.leaving.delete(user);
    if (state.shown.has(user)) return [];
    state.shown.set(user, username);
    return [{ kind: "changed", user, username, status: "online" }];
  }
  state.totals.delete(user);
  if (state.shown.has(user) && !state.leaving.has(user)) state.leaving.set(user, leaving);
  return [];
}

function replace(
  state: PresenceState,
  node: Node,
  map: Extract<PresenceMessage, { t: "map" }>,
  now: number,
): PresenceEffect[] {
  if (map.v < node.version) return [];
  const effects: PresenceEffect[] = [];
  const present = new Set(map.users.map(([user]) => user));
  for (const [user, username, sockets] of map.users) effects.push(...put(state, node, user, username, sockets, never));
  for (const [user, { username }] of node.users) {
    if (!present.has(user))
      effects.push(...put(state, node, user, username, 0, { since: now, due: now + state.times.graceMs, tell: false }));
  }
  node.version = map.v;
  return effects;
}

function drop(state: PresenceState, id: string, leaving: Leaving): PresenceEffect[] {
  const node = state.nodes.get(id)!;
  const effects = [...node.users].flatMap(([user, { username }]) => put(state, node, user, username, 0, leaving));
  state.nodes.delete(id);
  return effects;
}

/** For changes that leave nobody. */
const never: Leaving = { since: 0, due: Infinity, tell: false };
