/** Time as a dependency: tests turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Whole milliseconds since some moment, for how long a thing takes: `now` is set back now and then, and an hour would last two. */
  ticks(): number;
  /** Calls back every `ms` until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
  after(ms: number, callback: () => void): () => void;
  sleep(ms: number): Promise<void>;
}

/** Resolves when it is so, or after `ms` at the latest. */
export async function until(done: () => boolean, clock: Clock, ms: number): Promise<void> {
  for (let waited = 0; !done() && waited < ms; waited += 10) await clock.sleep(10);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => Math.floor(performance.now()),
  every: (ms, callback) => {
    const timer = setInterval(callback, ms);
    return () => clearInterval(timer);
  },
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms) => Bun.sleep(ms),
};
