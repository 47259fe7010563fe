import type { Bus } from "../bus/bus.ts";
import type { Hears, Outgoing } from "../deps.ts";
import type { Clock } from "../ops/clock.ts";
import type { PresenceChange, ServerFrame } from "../protocol/frames.ts";
import {
  beat,
  echoed,
  newPresence,
  type PresenceEffect,
  othersKnown,
  type PresenceMessage,
  receive,
  setLocal,
  tick,
} from "./presence.ts";
import { jsonParts, Roll } from "./roll.ts";

type Deps = {
  bus: Bus;
  publish: (frames: Outgoing[]) => void;
  hears: Hears;
  /** Whom each of these shares a conversation with. */
  partnersOf: (users: string[]) => Promise<Map<string, string[]>>;
  writeLastSeen: (users: string[], at: Date) => Promise<void>;
  clock: Clock;
  times: { heartbeatMs: number; graceMs: number; expiryMs: number };
};

/** Changes are gathered this long, so that a storm of arrivals is told in few writes; longer where a batch is one frame. */
const GATHER_MS = 50;
const BATCH_MS = 250;
const MAX_BATCH = 250;
/** How exact a grace is; that a process fell silent may be noticed a second later. */
const GRACE_TICK_MS = 250;
const TICK_MS = 1_000;
const MAX_BEAT_MS = 5_000;
/** At a start the others are asked who is online with them; once more where one did not answer, and not for ever. */
const HEAR_OTHERS = { lookEveryMs: 20, askEveryMs: 300, atMostMs: 1_200 };

/** The presence core, wired to sockets, bus, clock and database. */
export function createTracker({ bus, publish, hears, partnersOf, writeLastSeen, clock, times }: Deps) {
  const beatMs = Math.min(MAX_BEAT_MS, times.heartbeatMs, times.expiryMs / 4);
  const self = crypto.randomUUID();
  const state = newPresence(self, { ...times, beatMs }, clock.ticks());
  const gathered: Outgoing[] = [];
  const roll = new Roll();
  /** By user: what happened last is what counts. */
  let changes = new Map<string, PresenceChange>();
  const stops: (() => void)[] = [];
  let left = false;

  function apply(effects: PresenceEffect[]): void {
    const lastSeen = new Map<number, string[]>();
    for (const effect of effects) {
      if (effect.kind === "send") {
        // After the good-bye it is nobody any more: sockets that close now must not bring it back.
        if (!left) bus.publish({ kind: "presence", message: effect.message });
        continue;
      }
      const { user, username, status } = effect;
      const change: PresenceChange = { user_id: user, username, status };
      const frame: ServerFrame = { type: "user_presence", ...change };
      if (hears("global", null))
        gathered.push({ endpoint: "global", user: null, except: user, frame: JSON.stringify(frame) });
      changes.set(user, change);
      gatherSoon();
      batchSoon();
      if (effect.status === "offline" && effect.tell)
        lastSeen.set(effect.since, [...(lastSeen.get(effect.since) ?? []), user]);
    }
    if (state.leaving.size) tickSoon();
    // Best effort: a database that is away keeps the older time.
    for (const [at, users] of lastSeen)
      writeLastSeen(users, new Date(clock.now() - clock.ticks() + at)).catch(() => {});
  }

  /** Whom partners are to be told of; what happened last is what counts. */
  const untold = new Map<string, PresenceChange>();
  let telling = false;
  const gatherSoon = once(clock, GATHER_MS, () => publish(gathered.splice(0)));
  const batchSoon = once(clock, BATCH_MS, tellBatch);
  const tickSoon = once(clock, GRACE_TICK_MS, () => apply(tick(state, clock.ticks())));

  function tellBatch(): void {
    const gone = changes;
    changes = new Map();
    const told = roll.update(gone.values());
    for (let i = 0; i < told.length; i += MAX_BATCH)
      publish([{ endpoint: "chat", user: null, frame: batchFrame(told.slice(i, i + MAX_BATCH)) }]);
    for (const { user_id } of told) gone.delete(user_id);
    // Best effort, as all presence: who comes back is told how it stands.
    for (const [user, change] of gone) untold.set(user, change);
    if (!telling) void tellPartners();
  }

  /** One question after the other: who left and came back would be told to have left last, where that answer was slower. */
  async function tellPartners(): Promise<void> {
    telling = true;
    while (untold.size) {
      const asked = [...untold.values()];
      untold.clear();
      const partners = await partnersOf(asked.map(({ user_id }) => user_id)).catch(() => new Map<string, string[]>());
      for (const change of asked) {
        // Back, and everyone was told so meanwhile.
        if (roll.has(change.user_id)) continue;
        for (const user of partners.get(change.user_id) ?? [])
          if (hears("chat", user)) publish([{ endpoint: "chat", user, frame: batchFrame([change]) }]);
      }
    }
    telling = false;
  }

  return {
    /** Who is online, as JSON arrays; of those whom not everyone is told of, the `extra` ones. */
    presentNow(extra: readonly string[]): string[] {
      const untold = extra.flatMap((id): [string, string][] => {
        const username = state.shown.get(id);
        return username !== undefined && !roll.has(id) ? [[id, username]] : [];
      });
      return [...roll.parts(), ...jsonParts(untold)];
    },
    online: () => state.shown.size,
    isOnline: (user: string) => state.shown.has(user),
    /** Everyone who is. */
    whoIsOnline: () => [...state.shown.keys()],
    /** Sockets of a user in all processes. */
    sockets: (user: string) => state.totals.get(user) ?? 0,
    /** The user now has this many sockets in this process. */
    set: (user: string, username: string, sockets: number) =>
      apply(setLocal(state, user, username, sockets, clock.ticks())),
    receive: (message: PresenceMessage) => apply(receive(state, message, clock.ticks())),
    echoed: () => echoed(state, clock.ticks()),
    /** Resolves when it knows who is online elsewhere: whoever came before would be shown that the others have left. */
    async start(): Promise<void> {
      stops.push(
        clock.every(beatMs, () => apply([beat(state)])),
        clock.every(TICK_MS, () => apply(tick(state, clock.ticks()))),
      );
      const { lookEveryMs, askEveryMs, atMostMs } = HEAR_OTHERS;
      let others: number | null = null;
      for (let waited = 0; waited < atMostMs; waited += lookEveryMs) {
        if (waited % askEveryMs === 0) {
          bus.publish({ kind: "presence", message: { t: "ask", node: null } });
          others = await bus.others();
        }
        if (others !== null && othersKnown(state) >= others) break;
        await clock.sleep(lookEveryMs);
      }
      tellBatch();
    },
    /** This process goes; its users have `spreadMs` on top of the grace to arrive elsewhere. */
    async leave(spreadMs: number): Promise<void> {
      if (left) return;
      for (const stop of stops.splice(0)) stop();
      bus.publish({ kind: "presence", message: { t: "bye", node: self, spreadMs } });
      left = true;
      const users = [...state.nodes.get(self)!.users.keys()];
      await Promise.race([writeLastSeen(users, new Date(clock.now())).catch(() => {}), clock.sleep(1_000)]);
    },
  };
}

/** Calls back `ms` after the first of some calls; an idle server has no timer for it. */
function once(clock: Clock, ms: number, callback: () => void): () => void {
  let armed = false;
  return () => {
    if (armed) return;
    armed = true;
    clock.after(ms, () => {
      armed = false;
      callback();
    });
  };
}

function batchFrame(changes: PresenceChange[]): string {
  return JSON.stringify({ type: "presence_batch", changes } satisfies ServerFrame);
}
