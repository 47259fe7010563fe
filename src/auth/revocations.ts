import type { AuthStore } from "./store.ts";
import type { Clock } from "../ops/clock.ts";

/** Far more than the clocks of processes and database differ. */
const HOUR_MS = 3_600_000;

/**
 * Sessions that ended while their access tokens still run. Every process holds them all, so that a request is checked without
 * a query: filled at start from the database, then by the bus at once and by the look at the horizon within a second.
 */
export class Revocations {
  #ended = new Map<string, number>();

  constructor(
    private readonly accessTokenMs: number,
    private readonly clock: Clock,
    /** Called once for each session, when its end is first heard of. */
    private readonly onEnded: (sessionId: string, disabled: boolean) => void,
  ) {}

  has(sessionId: string): boolean {
    return this.#ended.has(sessionId);
  }

  /** `disabled`: it ended with its account. */
  add(sessionId: string, disabled = false): void {
    if (this.#ended.has(sessionId)) return;
    this.#ended.set(sessionId, this.clock.now());
    this.onEnded(sessionId, disabled);
  }

  /** Access tokens of a session that ended before this time have expired, by anybody's clock. */
  since(): number {
    return this.clock.now() - this.accessTokenMs - HOUR_MS;
  }

  prune(): void {
    const before = this.since();
    for (const [id, at] of this.#ended) {
      if (at > before) return;
      this.#ended.delete(id);
    }
  }
}

/** A session that nobody refreshed ends by time, and its sockets with it; what was over for long is cleared away. */
export async function closeExpired(
  store: Pick<AuthStore, "overAmong" | "deleteOver">,
  revocations: Revocations,
  open: string[],
  now: number,
): Promise<void> {
  for (const id of await store.overAmong(open, new Date(now))) revocations.add(id);
  await store.deleteOver(new Date(revocations.since()));
}
