/**
 * What one has said and the server has not yet confirmed: pure, changed in place. One unacknowledged send a room, in the order in which
 * they were written; each is sent again with the same id until it is confirmed or refused. An id is stored once, so doubles do no harm.
 */
import type { ErrorFrame } from "../protocol/frames.ts";

/** An unconfirmed message, as pages see it. */
export type Pending = {
  clientId: string;
  stream: string;
  content: string;
  /** When it was written: milliseconds since 1970, never the same twice. */
  at: number;
  /** `sent`: confirmed, and shown here only until the message itself has arrived. `failed`: refused; waits for retry or discard. */
  state: "queued" | "sending" | "sent" | "failed";
  error?: { code: ErrorFrame["code"]; detail: string };
  /** The seq of the stored message, once it is `sent`. */
  seq?: number;
};

export type OutboxEntry = Pending & {
  /** Not to be sent before (ms); while it is `sending`, the time at which to give the answer up. */
  notBefore: number;
  tries: number;
};

export type Outbox = {
  /** In the order in which they were written. */
  entries: OutboxEntry[];
  /** Milliseconds between two sends, and how many may come at once. */
  interval: number;
  burst: number;
  /** When the bucket will be full again. */
  full: number;
  /** When it was last asked what is due. */
  asked: number;
};

/** Without an answer for so long (ms), a message is sent again. */
const ANSWER_TIMEOUT = 10_000;
/** So many are under way at most, over all rooms: a server closes a socket on which frames pile up. */
const AT_ONCE = 32;
/** Not about the message: it is sent again later, where the session is over after the next log-in. */
const LATER = new Set(["rate_limited", "unavailable", "internal", "unauthenticated"]);

export function newOutbox(): Outbox {
  return { entries: [], interval: 0, burst: 1, full: 0, asked: 0 };
}

/** @param now ms since 1970. A clock that was set back does not change the order */
export function write(
  outbox: Outbox,
  message: Pick<OutboxEntry, "clientId" | "stream" | "content">,
  now: number,
): OutboxEntry {
  const at = Math.max(now, (outbox.entries.at(-1)?.at ?? 0) + 1);
  const entry: OutboxEntry = { ...message, at, state: "queued", notBefore: 0, tries: 0 };
  outbox.entries.push(entry);
  return entry;
}

/** Takes back what an earlier page left in the storage. */
export function restore(
  outbox: Outbox,
  stored: Pick<OutboxEntry, "clientId" | "stream" | "content" | "at" | "error">[],
): void {
  for (const entry of stored)
    if (!find(outbox, entry.clientId))
      outbox.entries.push({
        ...entry,
        state: entry.error ? "failed" : "queued",
        notBefore: 0,
        tries: 0,
      });
  outbox.entries.sort((one, other) => one.at - other.at);
}

export function setLimits(outbox: Outbox, { rate_per_s, burst }: { rate_per_s: number; burst: number }): void {
  outbox.interval = rate_per_s > 0 ? 1_000 / rate_per_s : 0;
  outbox.burst = burst;
}

/** What to send now, on a live socket; marks it as under way. `wake`: when to ask again (ms), Infinity for not by itself. */
export function due(outbox: Outbox, now: number): { send: OutboxEntry[]; wake: number } {
  const send: OutboxEntry[] = [];
  let wake = Infinity;
  // A device's clock may be set back by an hour; nobody shall wait for that.
  const back = Math.max(0, outbox.asked - now);
  outbox.asked = now;
  outbox.full -= back;
  for (const entry of outbox.entries) entry.notBefore -= back;
  const seen = new Set<string>();
  let free = AT_ONCE - outbox.entries.filter(({ state, notBefore }) => state === "sending" && notBefore > now).length;
  for (const entry of outbox.entries) {
    if (entry.state === "failed" || entry.state === "sent" || seen.has(entry.stream)) continue;
    // The first of its room holds up the others, whatever it waits for.
    seen.add(entry.stream);
    const ready = Math.max(entry.notBefore, outbox.full - (outbox.burst - 1) * outbox.interval);
    if (ready <= now) {
      // Asked again at the next answer.
      if (free-- <= 0) continue;
      outbox.full = Math.max(outbox.full, now) + outbox.interval;
      Object.assign(entry, { state: "sending", notBefore: now + ANSWER_TIMEOUT, tries: entry.tries + 1 });
      send.push(entry);
    }
    wake = Math.min(wake, ready <= now ? entry.notBefore : ready);
  }
  return { send, wake };
}

/** The server has it, at `seq`. @returns the entry, if it was not known before */
export function acked(outbox: Outbox, clientId: string, seq: number): OutboxEntry | undefined {
  const entry = find(outbox, clientId);
  if (!entry || entry.state === "sent") return;
  delete entry.error;
  return Object.assign(entry, { state: "sent", seq });
}

/** Lets go what has arrived as a message. @param last the seq up to which a room is known */
export function arrived(outbox: Outbox, last: (stream: string) => number): void {
  if (outbox.entries.some((entry) => entry.state === "sent"))
    outbox.entries = outbox.entries.filter((entry) => entry.state !== "sent" || entry.seq! > last(entry.stream));
}

/** @returns the entry, if it is refused for good */
export function refused(outbox: Outbox, error: ErrorFrame, now: number): OutboxEntry | undefined {
  const entry = find(outbox, error.client_id ?? "");
  if (!entry || entry.state === "sent") return;
  if (!LATER.has(error.code))
    return Object.assign(entry, { state: "failed", error: { code: error.code, detail: error.detail } });
  const wait = error.retry_after_ms ?? Math.min(30_000, 500 * 2 ** entry.tries);
  // The limit is the user's, over all rooms.
  if (error.code === "rate_limited")
    outbox.full = Math.max(outbox.full, now + wait + (outbox.burst - 1) * outbox.interval);
  Object.assign(entry, { state: "queued", notBefore: now + wait });
}

/** The socket is gone: nothing is under way any more. */
export function interrupted(outbox: Outbox): void {
  for (const entry of outbox.entries)
    if (entry.state === "sending") Object.assign(entry, { state: "queued", notBefore: 0 });
}

export function retried(outbox: Outbox, clientId: string): OutboxEntry | undefined {
  const entry = find(outbox, clientId);
  if (entry?.state !== "failed") return;
  delete entry.error;
  return Object.assign(entry, { state: "queued", notBefore: 0, tries: 0 });
}

/** Stops sending it. It may have been sent. */
export function discarded(outbox: Outbox, clientId: string): OutboxEntry | undefined {
  const entry = find(outbox, clientId);
  outbox.entries = outbox.entries.filter((other) => other !== entry);
  return entry;
}

function find(outbox: Outbox, clientId: string): OutboxEntry | undefined {
  return outbox.entries.find((entry) => entry.clientId === clientId);
}
