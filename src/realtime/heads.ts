import type { Clock } from "../ops/clock.ts";

/** Pongs tell of what was delivered since the last one; nobody is told of what is older than this. */
const KEEP_MS = 5 * 60_000;

type Noted = Map<string, { seq: number; place: number; at: number }>;

/** Which streams were delivered lately, to everyone or to one user, up to which seq. */
export class Heads {
  #everyone: Noted = new Map();
  #byUser = new Map<string, Noted>();
  /** Counts what is noted. Clocks are set back now and then, and a millisecond is long. */
  place = 0;

  constructor(private readonly clock: Clock) {}

  note(user: string | null, [stream, seq]: readonly [string, number]): void {
    let noted = this.#everyone;
    if (user !== null) {
      noted = this.#byUser.get(user) ?? new Map();
      this.#byUser.set(user, noted);
    }
    noted.set(stream, { seq, place: ++this.place, at: this.clock.ticks() });
  }

  /** What was noted after a place. */
  since(user: string, place: number): Record<string, number> {
    const heads: Record<string, number> = {};
    for (const noted of [this.#everyone, this.#byUser.get(user)])
      for (const [stream, head] of noted ?? []) if (head.place > place) heads[stream] = head.seq;
    return heads;
  }

  prune(): void {
    const before = this.clock.ticks() - KEEP_MS;
    for (const [user, noted] of this.#byUser) {
      for (const [stream, { at }] of noted) if (at < before) noted.delete(stream);
      if (!noted.size) this.#byUser.delete(user);
    }
  }
}
