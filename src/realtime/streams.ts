import type { RoomEvent } from "../deps.ts";
import type { Clock } from "../ops/clock.ts";
import { createCounts, type Counts } from "../ops/counts.ts";
import type { Log } from "../ops/log.ts";
import { isAhead } from "../db/client.ts";
import { type Answer, arrive, newStream, repair, type Stream } from "./sequencer.ts";
import type { Look } from "./store.ts";

type Deps = {
  look: (horizon: string | null) => Promise<Look>;
  /** A room's events after `seq`; where that is null, those since the horizon. `whole`: up to the head. */
  eventsSince: (room: string, seq: number | null, horizon: string) => Promise<Answer<RoomEvent>>;
  deliver: (events: RoomEvent[]) => void;
  sessionEnded: (sessionId: string, disabled: boolean) => void;
  /** The database is of another history now: whatever was told is void. */
  historyChanged: () => void;
  counts?: Counts;
  clock: Clock;
  log: Log;
};

type Live = Stream<RoomEvent> & { filling: Promise<void> | null; touchedAt: number };

const LOOK_EVERY_MS = 1_000;
/** A hole is usually a message on its way: it gets this long before the database is asked. */
const HOLE_PATIENCE_MS = 30;
const MAX_IDLE_STREAMS = 10_000;

/**
 * From commits to sockets: each room's events, once and in order, whatever the bus does. Hints make it fast; once a second one
 * question to the database makes it true.
 */
export function createStreams({
  look,
  eventsSince,
  deliver,
  sessionEnded,
  historyChanged,
  counts = createCounts(),
  clock,
  log,
}: Deps) {
  const streams = new Map<string, Live>();
  let horizon = "";
  let epoch = "";
  /** When the question was asked that the horizon answers, and when one was last answered. */
  let askedAt = -Infinity;
  let lastLookAt = -Infinity;
  let looking = false;
  let failing = false;
  let stopTimer = () => {};

  /** Events that were committed here, or that another process told of. */
  function arrived(events: readonly RoomEvent[]): void {
    const due: RoomEvent[] = [];
    for (const [room, ofRoom] of Map.groupBy(events, (event) => event.room)) {
      const stream = live(room);
      due.push(...arrive(stream, ofRoom));
      if (stream.held.size && stream.last !== null) counts.repairs.hole++;
      if (stream.held.size) void fill(room, stream, stream.last === null ? 0 : HOLE_PATIENCE_MS).catch(() => {}); // The next look tries again.
    }
    if (due.length) deliver(due);
  }

  function live(room: string): Live {
    let stream = streams.get(room);
    if (!stream) streams.set(room, (stream = { ...newStream<RoomEvent>(), filling: null, touchedAt: 0 }));
    stream.touchedAt = clock.ticks();
    return stream;
  }

  /** Fetches what is missing, one fetch a room at a time. */
  function fill(room: string, stream: Live, patienceMs: number): Promise<void> {
    return (stream.filling ??= (async () => {
      if (patienceMs) await clock.sleep(patienceMs);
      if (patienceMs && !stream.held.size) return; // The hole closed by itself.
      for (;;) {
        const answer = await eventsSince(room, stream.last, horizon);
        if (stream.last !== null) {
          counts.repairs.fetch++;
          counts.repairs.event += answer.events.length;
        }
        const due = repair(stream, answer);
        if (due.length) deliver(due);
        if (answer.whole) return;
      }
    })().finally(() => (stream.filling = null)));
  }

  async function lookOnce(): Promise<void> {
    if (looking) return;
    looking = true;
    const startedAt = clock.ticks();
    try {
      const seen = await look(horizon);
      if (seen.epoch !== epoch || isAhead(horizon, seen.horizon)) startAnew(seen);
      for (const { id, disabled } of seen.endedSessions) sessionEnded(id, disabled);
      for (const { room, seq } of seen.heads) {
        const stream = live(room);
        for (let tries = 0; stream.last === null || stream.last < seq; tries++) {
          if (tries > 2) throw new Error(`room ${room} stays behind its head`);
          await fill(room, stream, 0);
        }
      }
      // Only now: what could not be fetched must be seen again by the next look.
      horizon = seen.horizon;
      askedAt = startedAt;
      lastLookAt = clock.ticks();
      if (failing) log.info("the database says what changed again");
      failing = false;
      forget(startedAt);
    } catch (error) {
      if (!failing) log.warn({ err: error }, "the database does not say what changed");
      failing = true;
    } finally {
      looking = false;
    }
  }

  /** A restore or a failover took the database back, under a running process. */
  function startAnew(seen: Look): void {
    log.warn("the database was restored or failed over: every client starts anew");
    streams.clear();
    seen.heads = [];
    epoch = seen.epoch;
    historyChanged();
  }

  /** Rooms without anything that the horizon has not seen can be met again as if for the first time. */
  function forget(before: number): void {
    if (streams.size <= MAX_IDLE_STREAMS) return;
    for (const [room, stream] of streams) {
      if (stream.touchedAt < before && !stream.held.size && !stream.filling) streams.delete(room);
    }
  }

  return {
    arrived,
    async start(): Promise<void> {
      // What this snapshot sees was before this process: history.
      askedAt = clock.ticks();
      ({ horizon, epoch } = await look(null));
      lastLookAt = clock.ticks();
      stopTimer = clock.every(LOOK_EVERY_MS, () => void lookOnce());
    },
    stop: () => stopTimer(),
    epoch: () => epoch,
    /** A snapshot that was taken after `time` and of which all has been delivered; null while there is none. */
    deliveredSince: (time: number): string | null => (askedAt > time ? horizon : null),
    /** How long ago the database last answered (ms). */
    silence: () => clock.ticks() - lastLookAt,
  };
}
