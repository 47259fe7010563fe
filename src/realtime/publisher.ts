import type { Outgoing } from "../deps.ts";
import { createCounts, type Counts } from "../ops/counts.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Endpoint } from "../protocol/frames.ts";
import type { Heads } from "./heads.ts";
import type { Socket, Sockets } from "./sockets.ts";

export type Publisher = ReturnType<typeof createPublisher>;

/** Frames leave together, one write a subscriber, but no more than this in one turn of the event loop. */
const MAX_TURN_BYTES = 256 * 1024;
/** What one socket that is coming back may have waiting: it leaves at once, and the runtime cuts a socket that is 1 MiB behind. */
const MAX_HELD_BYTES = 768 * 1024;
/** The same for all of them together. */
const MAX_HELD_IN_ALL_BYTES = 64 * 1024 * 1024;

type Deps = {
  publishTo: (topic: string, frame: string) => void;
  sockets: Sockets;
  heads: Heads;
  counts?: Counts;
};

/** The one place that publishes, and that says who is told. */
export function createPublisher({ publishTo, sockets, heads, counts = createCounts() }: Deps) {
  const queue: (Outgoing | (() => void))[] = [];
  /** Frames for sockets that are coming back: they are to follow what was missed. */
  const held = new Map<Socket, { frames: string[]; bytes: number }>();
  let heldBytes = 0;

  function publishOne({ endpoint, user, except, frame, head }: Outgoing): void {
    const to = topic(endpoint, user);
    const left = except ? sockets.ofUser(except).filter((ws) => ws.isSubscribed(to)) : [];
    // A socket publishes to all but itself. Most people have one, and to leave a topic and come back costs more than to publish.
    const [one, ...rest] = left;
    for (const ws of rest) ws.unsubscribe(to);
    if (one) one.publish(to, frame);
    else publishTo(to, frame);
    for (const ws of rest) ws.subscribe(to);
    counts.deliveries[endpoint] += sockets.count(endpoint, user);
    if (head) heads.note(user, head);
    if (endpoint === "chat" && held.size) hold({ user, except, frame });
  }

  function hold({ user, except, frame }: Pick<Outgoing, "user" | "except" | "frame">): void {
    const bytes = Buffer.byteLength(frame);
    for (const ws of user === null ? held.keys() : sockets.ofUser(user)) {
      const waiting = held.get(ws);
      if (!waiting || ws.data.state !== "open" || ws.data.caller.userId === except) continue;
      waiting.frames.push(frame);
      waiting.bytes += bytes;
      heldBytes += bytes;
      if (waiting.bytes <= MAX_HELD_BYTES && heldBytes <= MAX_HELD_IN_ALL_BYTES) continue;
      forget(ws);
      counts.evictions.overflow++;
      ws.close(CLOSE.behind, "too much happened meanwhile");
    }
  }

  function forget(ws: Socket): void {
    heldBytes -= held.get(ws)?.bytes ?? 0;
    held.delete(ws);
  }

  function flush(): void {
    let n = 0;
    for (let bytes = 0; n < queue.length && bytes < MAX_TURN_BYTES; n++) {
      const next = queue[n]!;
      if (typeof next !== "function") bytes += next.frame.length;
    }
    // Off the queue first: a throw must not hold up what comes after.
    const turn = queue.splice(0, n);
    if (queue.length) setImmediate(flush);
    for (const next of turn) {
      if (typeof next === "function") next();
      else publishOne(next);
    }
  }

  function enqueue(next: readonly (Outgoing | (() => void))[]): void {
    const waiting = queue.length > 0;
    queue.push(...next);
    if (!waiting) flush();
  }

  return {
    /** To the sockets of this process, in this order. */
    publish: (frames: readonly Outgoing[]): void => enqueue(frames),

    /** Calls back when everything that was published before has left. */
    after: (callback: () => void): void => enqueue([callback]),

    /** From now on the socket is told nothing; what it would have been told is kept. */
    hold(ws: Socket, endpoint: Endpoint, userId: string): void {
      for (const to of topicsOf(endpoint, userId)) ws.unsubscribe(to);
      forget(ws);
      held.set(ws, { frames: [], bytes: 0 });
    },

    /** Tells a socket what was kept for it, if anything was, and from now on everything, in one turn: nothing can come between. */
    tell(ws: Socket, endpoint: Endpoint, userId: string): void {
      for (const frame of held.get(ws)?.frames ?? []) ws.send(frame);
      forget(ws);
      for (const to of topicsOf(endpoint, userId)) ws.subscribe(to);
    },

    forget,
    /** How much waits to leave. */
    waiting: () => queue.length,
  };
}

/** The topics that a socket listens to; no client names one. */
function topicsOf(endpoint: Endpoint, userId: string): string[] {
  return endpoint === "private" ? [topic("private", userId)] : [topic(endpoint, null), topic(endpoint, userId)];
}

function topic(endpoint: Endpoint, user: string | null): string {
  return user === null ? endpoint : `${endpoint}:${user}`;
}
