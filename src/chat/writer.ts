import { QUERY_DEADLINE_MS, sqlState } from "../db/client.ts";
import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Faults, Person } from "../deps.ts";
import { notFound, Refusal, unauthenticated, unavailable } from "../errors.ts";
import type { Clock } from "../ops/clock.ts";
import { createCounts, type Counts } from "../ops/counts.ts";
import type { MessageEvent } from "./rooms.ts";
import type { ChatStore } from "./store.ts";

/** `sessionId`: which its sender speaks in, and which has to live when it is stored. */
export type Draft = {
  room: string;
  sender: Person;
  sessionId: string;
  content: string;
  clientId: string | null;
  audience: string[];
};
export type Stored = { event: MessageEvent; repeat: boolean };
export type Writer = ReturnType<typeof createWriter>;

/** `since` by the clock, for its deadline; `arrivedAt` exactly, for figures. */
type Waiting = {
  draft: Draft;
  since: number;
  arrivedAt: number;
  resolve: (stored: Stored) => void;
  reject: (error: unknown) => void;
};
type Deps = {
  store: ChatStore;
  hasRoom: () => boolean;
  /** `arrivals`: when each of them was let in. */
  committed: (events: MessageEvent[], arrivals: number[]) => void;
  counts?: Counts;
  clock: Clock;
  at: Faults;
};

const MAX_BATCH = 500;
/** The runtime writes to a socket when so many frames wait for it, and at the end of a turn. */
const FRAMES_A_WRITE = 32;
/** More than this waiting in one lane means that the database is too slow; a quick no is better than a late one. */
const MAX_WAITING = 10_000;

/**
 * Group commit: the commit under way is the window in which the next batch gathers. Two lanes, so that private sends never wait
 * for the global room's row. Within a lane the order of arrival is the order of the batch.
 */
export function createWriter({ store, hasRoom, committed, counts = createCounts(), clock, at }: Deps) {
  const lanes = { global: [] as Waiting[], rooms: [] as Waiting[] };
  const working = new Map<Waiting[], Promise<void>>();
  /** Of each lane what came last: it settles last. */
  const latest = new Map<Waiting[], Promise<unknown>>();

  async function work(lane: Waiting[]): Promise<void> {
    while (lane.length) {
      const batch = takeBatch(lane);
      const late = batch.filter((one) => clock.ticks() - one.since > QUERY_DEADLINE_MS);
      for (const one of late) one.reject(unavailable());
      const timely = batch.filter((one) => !late.includes(one));
      if (timely.length) await commit(timely, 2);
    }
    working.delete(lane);
  }

  async function commit(batch: Waiting[], retries: number): Promise<void> {
    const startedAt = performance.now();
    let outcomes: Awaited<ReturnType<ChatStore["storeMessages"]>>;
    try {
      const answer = store.storeMessages(batch.map((one) => one.draft));
      at("storing");
      outcomes = await answer;
    } catch (error) {
      const state = sqlState(error);
      // A deadlock or a serialization failure stored nothing: again.
      const again = state === "40P01" || state === "40001";
      if (again && retries > 0) return commit(batch, retries - 1);
      // One poisoned row must fail alone.
      if (batch.length > 1 && /^2[23]/.test(state ?? "")) {
        for (const one of batch) await commit([one], 0);
        return;
      }
      // A lost connection leaves the outcome open; only a client_id makes it safe to send again.
      for (const one of batch) one.reject(again ? unavailable() : error);
      return;
    }
    at("committed");
    counts.commit.observe((performance.now() - startedAt) / 1000);
    const events: MessageEvent[] = [];
    const arrivals: number[] = [];
    outcomes.forEach((outcome, i) => {
      const { draft, arrivedAt, resolve, reject } = batch[i]!;
      if (outcome.kind === "not_found") return reject(notFound());
      if (outcome.kind === "unauthenticated") return reject(unauthenticated());
      if (outcome.kind === "mismatch")
        return reject(new Refusal("idempotency_mismatch", "Another message was sent with this client_id."));
      const { id, seq, sentAt } = outcome;
      const event = {
        room: draft.room,
        seq,
        body: {
          id,
          sender: draft.sender,
          content: draft.content,
          sentAt,
          clientId: draft.clientId,
          audience: draft.audience,
        },
      };
      if (outcome.kind === "stored") {
        events.push(event);
        arrivals.push(arrivedAt);
      } else counts.repeats++;
      resolve({ event, repeat: outcome.kind === "duplicate" });
    });
    // A batch is of one lane.
    counts.messages[batch[0]!.draft.room === GLOBAL_ROOM ? "global" : "direct"] += events.length;
    if (events.length) committed(events, arrivals);
    at("published");
  }

  return {
    /** Settles after the commit: with the event, or with a refusal. Its place in the order is taken when it is called. */
    store(draft: Draft): Promise<Stored> {
      const lane = draft.room === GLOBAL_ROOM ? lanes.global : lanes.rooms;
      if (lane.length >= MAX_WAITING || !hasRoom()) return Promise.reject(unavailable());
      const stored = new Promise<Stored>((resolve, reject) => {
        lane.push({ draft, since: clock.ticks(), arrivedAt: performance.now(), resolve, reject });
        if (!working.has(lane))
          working.set(
            lane,
            Promise.resolve().then(() => work(lane)),
          );
      });
      latest.set(lane, stored);
      return stored;
    },

    /** How many wait to be stored. */
    waiting: () => ({ writer_global: lanes.global.length, writer_rooms: lanes.rooms.length }),

    /** Resolves when what was under way is done; others may have come meanwhile. */
    async idle(): Promise<void> {
      await Promise.allSettled(latest.values());
    },
  };
}

/**
 * The oldest of the lane, up to the first that repeats a client_id within the batch: its turn is the next batch, which finds
 * the stored one. Of many, as many as fill each socket's writes: a write costs nearly the same with one frame as with all of them, and
 * the rest is soon in better company.
 */
function takeBatch(lane: Waiting[]): Waiting[] {
  const seen = new Set<string>();
  let n = 0;
  for (; n < lane.length && n < MAX_BATCH; n++) {
    const { room, sender, clientId } = lane[n]!.draft;
    if (clientId === null) continue;
    const key = `${room} ${sender.id} ${clientId}`;
    if (seen.has(key)) break;
    seen.add(key);
  }
  return lane.splice(0, n > FRAMES_A_WRITE ? n - (n % FRAMES_A_WRITE) : n);
}
