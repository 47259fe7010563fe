import type { Frame } from "./connection.ts";
import type { ErrorFrame } from "../protocol/frames.ts";
import { ChatError } from "./errors.ts";
import {
  acked,
  arrived,
  discarded,
  due,
  interrupted,
  newOutbox,
  type OutboxEntry,
  refused,
  restore,
  retried,
  setLimits,
  write,
} from "./outbox.ts";
import type { Ports } from "./ports.ts";
import type { ChatState } from "./state.ts";
import type { ChatStorage } from "./storage.ts";

/** The stored message: its room, id and place there. */
export type Sent = { stream: string; id: string | number; seq: number };

/** Where the storage fails to tell what it has (ms). */
const TAKE_UP_AGAIN = 5_000;
/** What another tab has stored is removed by then. */
const DONE_AT_MOST = 10_000;

/** The shell of the outbox: storage, timers and promises. */
export function createDrafts({
  ports: { clock, randomId },
  storage,
  send,
  live,
  failed,
  changed,
}: {
  ports: Pick<Ports, "clock" | "randomId">;
  storage: ChatStorage;
  send: (frame: object) => void;
  live: () => boolean;
  failed: (entry: OutboxEntry) => void;
  changed: () => void;
}) {
  let outbox = newOutbox();
  let limits = { message_max_length: Infinity, frame_max_bytes: Infinity };
  let user: string | null = null;
  let wake = () => {};
  let takeUpAgain = () => {};
  /** The storage did not tell what it has. */
  let untold = false;
  /** Messages that the storage has not taken. */
  const unkept = new Set<string>();
  /** What users had said when they were signed out, by their ids. */
  const unsent = new Map<string, OutboxEntry[]>();
  /** Confirmed or given up in this page: what another tab still has stored of it is no news. */
  const done = new Set<string>();
  const waiting = new Map<string, { of: string; resolve: (sent: Sent) => void; reject: (error: ChatError) => void }>();

  const prefix = (userId: string) => `outbox/${userId}/`;
  const key = (clientId: string) => prefix(user!) + clientId;

  /** Where the storage fails, the message is kept in memory and sent all the same. */
  async function keep({ clientId, stream, content, at, error }: OutboxEntry): Promise<void> {
    const value = { clientId, stream, content, at, ...(error && { error }) };
    unkept.add(clientId);
    await storage.set(key(clientId), value).then(
      () => unkept.delete(clientId),
      () => {},
    );
  }

  async function unkeep(clientId: string): Promise<void> {
    unkept.delete(clientId);
    await storage.delete(key(clientId)).catch(() => {});
  }

  /** Sends what is due, and comes back when more will be. */
  function pump(): void {
    wake();
    if (!live()) return;
    const now = clock.now();
    const next = due(outbox, now);
    for (const { stream, content, clientId } of next.send) {
      const frame = { type: "send_message", stream, content, client_id: clientId };
      // The server would close the socket over it, again and again.
      if (isTooLong(frame))
        refuse({ type: "error", code: "too_long", detail: "The message is too long.", client_id: clientId });
      else send(frame);
    }
    if (next.wake < Infinity) wake = clock.after(next.wake - now, pump);
    if (next.send.length) changed();
  }

  function isTooLong(frame: { content: string }): boolean {
    return (
      [...frame.content.trim()].length > limits.message_max_length ||
      new TextEncoder().encode(JSON.stringify(frame)).length > limits.frame_max_bytes
    );
  }

  function refuse(error: ErrorFrame): void {
    const entry = refused(outbox, error, clock.now());
    if (entry) {
      void keep(entry);
      giveUp(entry.clientId, new ChatError(error.code, error.detail));
      failed(entry);
    }
    pump();
  }

  function confirm(clientId: string, sent: Sent): void {
    did(clientId);
    if (!acked(outbox, clientId, sent.seq)) return;
    void unkeep(clientId);
    waiting.get(clientId)?.resolve(sent);
    waiting.delete(clientId);
    pump();
  }

  function did(clientId: string): void {
    done.add(clientId);
    // A program may say a million.
    if (done.size > DONE_AT_MOST) done.delete(done.values().next().value!);
  }

  function giveUp(clientId: string, error: ChatError): void {
    waiting.get(clientId)?.reject(error);
    waiting.delete(clientId);
  }

  function forget(userId: string): void {
    unsent.delete(userId);
    for (const [clientId, { of }] of waiting)
      if (of === userId) giveUp(clientId, new ChatError("discarded", "Logged out."));
  }

  /** Takes what is stored and not known here: an earlier page, or another tab that is gone, had not sent it. */
  async function takeUp(): Promise<void> {
    if (!user) return;
    const mine = outbox;
    const entries = await storage.entries(prefix(user)).catch(() => null);
    if (mine !== outbox) return;
    takeUpAgain();
    untold = !entries;
    if (untold) takeUpAgain = clock.after(TAKE_UP_AGAIN, () => live() && void takeUp());
    const stored = (entries ?? []).map(([, value]) => value as OutboxEntry);
    restore(
      mine,
      stored.filter(({ clientId }) => !done.has(clientId)),
    );
    pump();
    changed();
  }

  return {
    connected(): void {
      pump();
      if (untold) void takeUp();
    },
    pending: (stream?: string) => outbox.entries.filter((entry) => stream === undefined || entry.stream === stream),

    write(stream: string, content: string): { clientId: string; sent: Promise<Sent> } {
      if (!user) throw new ChatError("signed_out", "Log in first.");
      // Not all who call are told by a compiler; stored, it would stand before all else that is said there.
      if (typeof content !== "string") throw new TypeError("content: must be text.");
      const entry = write(outbox, { clientId: randomId(), stream: stream.toLowerCase(), content }, clock.now());
      const sent = new Promise<Sent>((resolve, reject) => waiting.set(entry.clientId, { of: user!, resolve, reject }));
      // Whoever does not look at it is told by the event.
      sent.catch(() => {});
      // It is sent while it is stored, since a disk takes longer than a server. Where the page ends before it is stored, it may have been sent; to
      // wait would have lost it for certain. Where it is stored as well, the next page sends it again, with the same id: the server keeps one.
      void keep(entry);
      // Whoever called hears of it after they have its id, also where it is refused at once.
      queueMicrotask(pump);
      changed();
      return { clientId: entry.clientId, sent };
    },

    retry(clientId: string): void {
      const entry = retried(outbox, clientId);
      if (!entry) return;
      void keep(entry);
      pump();
      changed();
    },

    discard(clientId: string): void {
      if (!discarded(outbox, clientId)) return;
      did(clientId);
      void unkeep(clientId);
      giveUp(clientId, new ChatError("discarded", "Given up; it may have been sent."));
      pump();
      changed();
    },

    /** After the state has taken the frame in. */
    receive(frame: Frame, { me, streams }: ChatState): void {
      if (frame.type === "hello") setLimits(outbox, (limits = frame.limits));
      if (frame.type === "ack")
        confirm(frame.client_id, { stream: frame.stream, id: frame.message_id, seq: frame.seq });
      // One's own message, which says as much.
      if (frame.type === "message" && frame.message.client_id !== undefined && frame.message.sender.id === me?.id)
        confirm(frame.message.client_id, { stream: frame.stream, id: frame.message.id, seq: frame.message.seq });
      if (frame.type === "error" && frame.client_id !== undefined) refuse(frame);
      if (frame.type === "ack" || frame.type === "resumed" || "prev" in frame)
        arrived(outbox, (stream) => streams.get(stream)?.last ?? 0);
    },

    interrupted(): void {
      wake();
      interrupted(outbox);
    },

    /** Takes up what this user had not sent when the page went away. */
    enter(userId: string): Promise<void> {
      user = userId;
      outbox = newOutbox();
      done.clear();
      // What the storage has, another tab may have sent or discarded since.
      restore(outbox, unsent.get(userId)?.filter(({ clientId }) => unkept.has(clientId)) ?? []);
      unsent.delete(userId);
      return takeUp();
    },
    takeUp,

    /** Signed out. What is unsent waits for the next time, but where it is to be removed. */
    leave(remove: boolean): void {
      wake();
      takeUpAgain();
      if (user && remove) forget(user);
      else if (user) unsent.set(user, outbox.entries);
      user = null;
      outbox = newOutbox();
    },

    /** Removes all that is unsent of a user. */
    async erase(userId: string): Promise<void> {
      forget(userId);
      for (const [stored] of await storage.entries(prefix(userId)).catch(() => []))
        await storage.delete(stored).catch(() => {});
    },
  };
}
