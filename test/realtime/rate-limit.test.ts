import { expect, test } from "bun:test";
import fc from "fast-check";
import { Redis } from "ioredis";
import { createBucket, gcra } from "../../src/realtime/rate-limit.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { haveServices, startRedis } from "../support/services.ts";

test("never more than the burst at once, nor than the rate over time, and the wait that it tells is right", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3_000), { maxLength: 200 }),
      fc.integer({ min: 1, max: 10 }),
      fc.constantFrom(100, 250, 1000),
      (waits, burst, interval) => {
        let tat: number | undefined;
        let now = 1_000_000;
        const taken: number[] = [];
        for (const wait of waits) {
          now += wait;
          const result = gcra(tat, now, interval, burst);
          if (result.waitMs === 0) taken.push(now);
          else {
            expect(gcra(tat, now + result.waitMs - 1, interval, burst).waitMs).toBeGreaterThan(0);
            expect(gcra(tat, now + result.waitMs, interval, burst).waitMs).toBe(0);
          }
          tat = result.tat;
        }
        for (let i = 0; i < taken.length; i++) {
          const within = taken.filter((at) => at >= taken[i]! && at < taken[i]! + 5 * interval).length;
          expect(within).toBeLessThanOrEqual(burst + 5);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("who waits long enough has the whole burst again", () => {
  let tat: number | undefined;
  for (const now of [0, 100_000]) {
    for (let i = 0; i < 5; i++) {
      const result = gcra(tat, now, 1000, 5);
      expect(result.waitMs).toBe(0);
      tat = result.tat;
    }
    expect(gcra(tat, now, 1000, 5).waitMs).toBe(1000);
  }
});

test.skipIf(!haveServices)(
  "a clock of Redis that was set back keeps nobody waiting for longer than an empty bucket does",
  async () => {
    const { url, stop } = await startRedis();
    const redis = new Redis(url);
    const bucket = createBucket({ perSecond: 1, burst: 5 }, redis, "test", new SimulatedClock());
    await redis.set("test:messages:ada", Date.now() + 3_600_000);
    expect(await Promise.all(Array.from({ length: 5 }, () => bucket.take("ada")))).toEqual([0, 0, 0, 0, 0]);
    expect(await bucket.take("ada")).toBeWithin(1, 1_001);
    redis.disconnect();
    await stop();
  },
);
