import type { CatchUp, Owed } from "../deps.ts";
import { Refusal, toRefusal } from "../errors.ts";
import type { Clock } from "../ops/clock.ts";
import { createCounts, type Counts } from "../ops/counts.ts";
import type { Log } from "../ops/log.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ChatFrame } from "../protocol/frames.ts";
import { errorFrame } from "./dispatch.ts";
import type { Heads } from "./heads.ts";
import type { Publisher } from "./publisher.ts";
import { gcra } from "./rate-limit.ts";
import type { Open, Socket } from "./sockets.ts";

/** Who is online, as JSON: some hundred `{user_id, username, status}` a part; `extra` are people whom the parts may leave out. */
type PresentNow = (extra: readonly string[]) => string[];

type Deps = {
  publisher: Publisher;
  catchUp: CatchUp;
  presentNow: PresentNow;
  heads: Heads;
  epoch: () => string;
  counts?: Counts;
  clock: Clock;
  log: Log;
};

/** A client may ask again when it sees a hole, and all devices of somebody may come back at once, but not all the time. */
const OF_A_SOCKET = { everyMs: 1_000, burst: 5 };
const OF_A_USER = { everyMs: 500, burst: 20 };
/** A reader that takes nothing for so long holds what it missed in our memory. */
const PATIENCE_MS = 15_000;
/** No frame is larger than 64 KiB, whatever somebody's conversations are. */
const MAX_FRAME_BYTES = 60 * 1024;
const STREAMS_A_FRAME = 500;
/** What may lie in the socket's own buffer while it is told what it missed; the runtime cuts it at 1 MiB. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Readers that are waited for at once; each holds up to a megabyte of what it missed. */
const MAX_WAITED_FOR = 64;

/**
 * Coming back, on any process and of any age. The order is what makes it whole: first what happens from now on is kept for this
 * socket, then the database is asked; what its snapshot does not show is committed later, and so is among what is kept. Doubles fall to the client's rule.
 */
export function createResume({
  publisher,
  catchUp,
  presentNow,
  heads,
  epoch,
  counts = createCounts(),
  clock,
  log,
}: Deps) {
  /** When each user's gate is open wide again; forgotten after that. */
  const gates = new Map<string, number>();
  /** Who is being waited for, the longest first. */
  const slow = new Set<Socket>();

  async function resume(
    ws: Socket,
    data: Open,
    asked: { epoch?: string | null; since?: string | null },
  ): Promise<void> {
    const { userId } = data.caller;
    const now = clock.ticks();
    const own = gcra(data.resumeGateAt, now, OF_A_SOCKET.everyMs, OF_A_SOCKET.burst);
    const all = gcra(gates.get(userId), now, OF_A_USER.everyMs, OF_A_USER.burst);
    const waitMs = Math.max(own.waitMs, all.waitMs, data.phase.name === "resuming" ? 1_000 : 0);
    if (waitMs) throw new Refusal("rate_limited", "You come back too often.", { retryAfterMs: waitMs });
    data.resumeGateAt = own.tat;
    gates.set(userId, all.tat);
    data.phase = { name: "resuming" };
    publisher.hold(ws, "chat", userId);
    try {
      const mismatch = asked.since != null && asked.epoch !== epoch();
      const owed = await catchUp(userId, mismatch ? null : (asked.since ?? null));
      const at = clock.ticks();
      if (mismatch || owed.ahead)
        ws.send(
          errorFrame(
            new Refusal("epoch_mismatch", "This is not the history that your cursor is of."),
            undefined,
            log,
            counts,
          ),
        );
      for (const frame of framesFor(owed, presentNow)) {
        if (ws.readyState !== WebSocket.OPEN) return;
        ws.send(frame);
        if (ws.getBufferedAmount() > MAX_BUFFERED_BYTES) await drained(ws, data);
      }
      if (ws.readyState !== WebSocket.OPEN) return;
      publisher.tell(ws, "chat", userId);
      counts.resumes[mismatch || owed.ahead ? "mismatch" : asked.since == null ? "fresh" : "back"]++;
      data.phase = { name: "live", since: owed.since, at, toldTo: heads.place };
    } catch (error) {
      // It comes back by itself, later and perhaps elsewhere, and then misses nothing.
      const isDefect = toRefusal(error).code === "internal";
      log[isDefect ? "error" : "debug"]({ err: error }, "a socket could not be told what it missed");
      ws.close(CLOSE.tryAgain, "what you missed cannot be told now");
    } finally {
      if (data.phase.name === "resuming") publisher.forget(ws);
    }
  }

  async function drained(ws: Socket, data: Open): Promise<void> {
    const [longest] = slow;
    if (slow.size >= MAX_WAITED_FOR) {
      slow.delete(longest!);
      counts.evictions.slow_return++;
      longest!.close(CLOSE.behind, "too slow");
    }
    const stop = clock.after(PATIENCE_MS, () => ws.close(CLOSE.behind, "too slow"));
    slow.add(ws);
    await new Promise<void>((wake) => (data.drained = wake));
    slow.delete(ws);
    data.drained = null;
    stop();
  }

  return {
    resume,
    prune(): void {
      const now = clock.ticks();
      for (const [user, tat] of gates) if (tat <= now) gates.delete(user);
    },
  };
}

function* framesFor(owed: Owed, presentNow: PresentNow): Generator<string> {
  const people = new Set(owed.streams.flatMap(({ participants }) => participants.map(({ id }) => id)));
  const [present = "[]", ...others] = presentNow([...people]);
  const streams: string[] = [];
  let bytes = Buffer.byteLength(present);
  for (const stream of owed.streams) {
    const text = JSON.stringify(stream);
    bytes += Buffer.byteLength(text);
    if (bytes > MAX_FRAME_BYTES) break;
    streams.push(text);
  }
  const more = owed.more || streams.length < owed.streams.length;
  yield `{"type":"snapshot","streams":[${streams.join()}],"more":${more},"presence":${present}}`;
  for (const changes of others) yield `{"type":"presence_batch","changes":${changes}}`;
  yield* owed.events;
  for (let i = 0; i === 0 || i < owed.changed.length; i += STREAMS_A_FRAME) {
    const frame: ChatFrame = {
      type: "resumed",
      since: owed.since,
      streams: Object.fromEntries(owed.changed.slice(i, i + STREAMS_A_FRAME)),
    };
    if (i + STREAMS_A_FRAME < owed.changed.length) frame.more = true;
    yield JSON.stringify(frame);
  }
}
