import type { Clock } from "../../src/ops/clock.ts";

/** Time that goes by only when told to, in the order of the timers; promises settle in between. */
export class SimulatedClock implements Clock {
  private time = 1_000_000;
  private timers: { at: number; n: number; run: () => void }[] = [];
  private count = 0;

  now = (): number => this.time;

  after = (ms: number, callback: () => void): (() => void) => {
    const timer = { at: this.time + Math.max(0, ms), n: this.count++, run: callback };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  };

  every = (ms: number, callback: () => void): (() => void) => {
    let stop = () => {};
    const again = () => {
      stop = this.after(ms, again);
      callback();
    };
    stop = this.after(ms, again);
    return () => stop();
  };

  sleep = (ms: number): Promise<void> => new Promise((resolve) => this.after(ms, resolve));

  async advance(ms: number): Promise<void> {
    const until = this.time + ms;
    await settle();
    for (;;) {
      let next: (typeof this.timers)[number] | undefined;
      for (const timer of this.timers)
        if (timer.at <= until && (!next || timer.at < next.at || (timer.at === next.at && timer.n < next.n)))
          next = timer;
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.time = next.at;
      next.run();
      await settle();
    }
    this.time = until;
  }
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
