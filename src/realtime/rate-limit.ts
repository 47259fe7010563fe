import type { Redis } from "ioredis";
import type { Bucket } from "../deps.ts";
import type { Clock } from "../ops/clock.ts";

/**
 * GCRA, a token bucket in one number: `tat` is when the bucket will be full again (ms). Takes a token if there is one.
 * @returns the new `tat`, and 0 or how long to wait (ms), in which case `tat` stays.
 */
export function gcra(
  tat: number | undefined,
  now: number,
  intervalMs: number,
  burst: number,
): { tat: number; waitMs: number } {
  const next = Math.max(tat ?? now, now) + intervalMs;
  const waitMs = Math.max(0, Math.ceil(next - now - burst * intervalMs));
  return { tat: waitMs > 0 ? tat! : next, waitMs };
}

/** The same formula inside Redis, by Redis' clock: the processes' clocks may differ. ARGV: interval, burst; a negative interval gives back. */
const GCRA = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = tonumber(redis.call('GET', KEYS[1])) or now
-- No bucket is emptier than empty: the clock was set back.
if interval > 0 and tat > now + burst * interval + 1 then tat = now end
if interval < 0 then
  tat = tat + interval
else
  local nxt = math.max(tat, now) + interval
  local wait = math.ceil(nxt - now - burst * interval)
  if wait > 0 then return wait end
  tat = nxt
end
if tat > now then redis.call('SET', KEYS[1], string.format('%.3f', tat), 'PX', math.ceil(tat - now)) else redis.call('DEL', KEYS[1]) end
return 0`;

type Limit = { perSecond: number; burst: number };

/** A user's messages over all sockets and processes; per process while Redis is away. 0 a second is no limit. */
export function createBucket(
  { perSecond, burst }: Limit,
  redis: Redis | null,
  prefix: string,
  clock: Clock,
): Bucket & { prune(): void } {
  const intervalMs = 1000 / perSecond;
  const local = new Map<string, number>();

  const takeLocal = (key: string) => {
    const { tat, waitMs } = gcra(local.get(key), clock.ticks(), intervalMs, burst);
    local.set(key, tat);
    return waitMs;
  };
  const inRedis = (key: string, interval: number) =>
    redis!.eval(GCRA, 1, `${prefix}:messages:${key}`, interval, burst) as Promise<number>;

  return {
    async take(key) {
      if (!perSecond) return 0;
      if (!redis) return takeLocal(key);
      return inRedis(key, intervalMs).catch(() => takeLocal(key));
    },
    giveBack(key) {
      if (!perSecond) return;
      const tat = local.get(key);
      if (tat !== undefined) local.set(key, tat - intervalMs);
      if (redis) inRedis(key, -intervalMs).catch(() => {});
    },
    /** Forgets the full buckets. */
    prune() {
      const now = clock.ticks();
      for (const [key, tat] of local) if (tat <= now) local.delete(key);
    },
  };
}

export const aMinute = (n: number) => ({ perSecond: n / 60, burst: n });

/** A socket's own flood gate: far above what the message limit lets through; without one, far above what a person can do. */
export const gateOf = ({ perSecond, burst }: { perSecond: number; burst: number }) =>
  perSecond ? { perSecond: 50 + 2 * perSecond, burst: 100 + 2 * burst } : { perSecond: 1_000, burst: 2_000 };
