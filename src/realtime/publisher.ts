import type { Server } from "bun";
import type { Outgoing } from "../deps.ts";
import type { Endpoint } from "../protocol/frames.ts";
import type { Connection, Sockets } from "./sockets.ts";

/** Frames leave together, one write a subscriber, but no more than this in one turn of the event loop. */
const MAX_TURN_BYTES = 256 * 1024;

/** The topics that a socket listens to; no client names one. */
export function topicsOf(endpoint: Endpoint, userId: string): string[] {
  return endpoint === "global" ? [topic("global"), topic("global", userId)] : [topic("private", userId)];
}

/** The one place that publishes. */
export function createPublisher(server: () => Server<Connection>, sockets: Sockets) {
  const queue: Outgoing[] = [];

  function publishOne({ endpoint, user, except, frame }: Outgoing): void {
    const to = topic(endpoint, user);
    const left = except ? sockets.ofUser(except).filter((ws) => ws.data.endpoint === endpoint) : [];
    for (const ws of left) ws.unsubscribe(to);
    server().publish(to, frame);
    for (const ws of left) ws.subscribe(to);
  }

  function flush(): void {
    let n = 0;
    for (let bytes = 0; n < queue.length && bytes < MAX_TURN_BYTES; n++) bytes += queue[n]!.frame.length;
    // Off the queue first: a throw must not hold up what comes after.
    const turn = queue.splice(0, n);
    if (queue.length) setImmediate(flush);
    for (const one of turn) publishOne(one);
  }

  /** To the sockets of this process, in this order. */
  return function publish(frames: readonly Outgoing[]): void {
    const waiting = queue.length > 0;
    queue.push(...frames);
    if (!waiting) flush();
  };
}

function topic(endpoint: Endpoint, user?: string): string {
  return user ? `${endpoint}:${user}` : endpoint;
}
