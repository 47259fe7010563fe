import type { Config } from "../config.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { removalEvents, type RemovalStore } from "./removal-store.ts";
import type { RemovalEvent } from "./rooms.ts";

type Deps = {
  store: Pick<RemovalStore, "eraseStep" | "outdated" | "purge">;
  /** Tells this process and the others. */
  committed: (events: RemovalEvent[]) => void;
  /** How long rooms are kept that say nothing of their own. */
  days: Config["retentionDays"];
  clock: Clock;
  log: Log;
};

/** Between two steps, so that who writes in the same room gets in. */
const PAUSE_MS = 10;
const ERASE_EVERY_MS = 60_000;
const PURGE_EVERY_MS = 3_600_000;

/**
 * What goes without anybody asking for it message by message, in small steps: all of those who left and asked for it, and what is older than
 * its room keeps. Each runs once at a time here; what was stopped, by a crash too, goes on at the next call, of whichever process.
 */
export function createLeaving({ store, committed, days, clock, log }: Deps) {
  let stopped = false;

  /** Every process may be at it, each at another account. */
  async function erase(): Promise<void> {
    for (let step = await store.eraseStep(); step && !stopped; step = await store.eraseStep()) {
      if (step.removed.length) committed(removalEvents(step.room, step.removed, step.audience));
      // Everyone there is told of each: a thousand a second, so that nobody's socket falls behind by it.
      await clock.sleep(PAUSE_MS + step.removed.length);
    }
  }

  /** One process at a time. */
  async function purge(): Promise<void> {
    const now = new Date(clock.now());
    for (let after: string | null | undefined; after !== null && !stopped;) {
      const { rooms, last } = await store.outdated(after, days, now);
      for (const { room, before } of rooms)
        for (let gone: number | null = 1; gone !== 0 && !stopped; await clock.sleep(PAUSE_MS)) {
          gone = await store.purge(room, before);
          if (gone === null) return;
        }
      after = last;
    }
  }

  function once(work: () => Promise<void>, failure: string): () => Promise<void> {
    let running: Promise<void> | null = null;
    return () =>
      (running ??= work()
        .catch((error) => stopped || log.warn({ err: error }, failure))
        .then(() => void (running = null)));
  }

  const eraseOnce = once(erase, "messages of a deleted account are still there");
  const purgeOnce = once(purge, "messages that are too old are still there");
  return {
    erase: eraseOnce,
    /** Begins with what was left undone. @returns what ends it */
    start(): () => void {
      void eraseOnce();
      void purgeOnce();
      const stops = [clock.every(ERASE_EVERY_MS, eraseOnce), clock.every(PURGE_EVERY_MS, purgeOnce)];
      return () => {
        stopped = true;
        for (const stop of stops) stop();
      };
    },
  };
}
