import { drainMicrotasks } from "bun:jsc";
import type { Clock } from "../../src/ops/clock.ts";

type Timer = { at: number; n: number; run: (() => void) | null };

/** Time that goes by only when told to, in the order of the timers; promises settle in between. */
export class SimulatedClock implements Clock {
  private time = 1_000_000;
  /** A heap: the next one first. */
  private timers: Timer[] = [];
  private count = 0;

  now = (): number => this.time;
  ticks = this.now;

  after = (ms: number, callback: () => void): (() => void) => {
    const timer: Timer = { at: this.time + Math.max(0, ms), n: this.count++, run: callback };
    this.push(timer);
    return () => void (timer.run = null);
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

  advance(ms: number): void {
    const until = this.time + ms;
    drainMicrotasks();
    while (this.timers.length && this.timers[0]!.at <= until) {
      const next = this.pop();
      if (!next.run) continue;
      this.time = next.at;
      next.run();
      drainMicrotasks();
    }
    this.time = until;
  }

  private push(timer: Timer): void {
    const { timers } = this;
    let i = timers.push(timer) - 1;
    for (let up = (i - 1) >> 1; i > 0 && earlier(timer, timers[up]!); up = (i - 1) >> 1) {
      timers[i] = timers[up]!;
      i = up;
    }
    timers[i] = timer;
  }

  private pop(): Timer {
    const { timers } = this;
    const first = timers[0]!;
    const last = timers.pop()!;
    if (!timers.length) return first;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= timers.length) break;
      if (down + 1 < timers.length && earlier(timers[down + 1]!, timers[down]!)) down++;
      if (!earlier(timers[down]!, last)) break;
      timers[i] = timers[down]!;
      i = down;
    }
    timers[i] = last;
    return first;
  }
}

function earlier(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.n < other.n);
}
