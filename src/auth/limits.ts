import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { Refusal } from "../errors.ts";
import { networkOf } from "../ops/address.ts";

export type AddressLimits = ReturnType<typeof createAddressLimits>;

/** How many in `seconds`, by a key; 0 is off. */
type Limit = { take(key: string): Promise<void>; giveBack(key: string): Promise<void> };

/** Wrong passwords in a row for one account from one address. By account alone, anyone could lock anyone out. */
const FAILED_LOGINS = { points: 10, seconds: 300 };

/** Limits by client address. Over Redis all processes count together; without it, each for itself. */
export function createAddressLimits(
  perMinute: { signup: number; login: number; connect: number },
  redis: Redis | null,
  prefix: string,
) {
  const limit = (name: string, points: number, seconds = 60): Limit => {
    if (!points) return { take: async () => {}, giveBack: async () => {} };
    const options = { keyPrefix: `${prefix}:${name}`, points, duration: seconds };
    const memory = new RateLimiterMemory(options);
    const limiter = redis ? new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory }) : memory;
    return {
      take: async (key) => void (await limiter.consume(network(key)).catch(refuse)),
      giveBack: async (key) => void (await limiter.reward(network(key))),
    };
  };
  return {
    signup: limit("signup", perMinute.signup),
    login: limit("login", perMinute.login),
    failedLogin: limit("failed-login", perMinute.login && FAILED_LOGINS.points, FAILED_LOGINS.seconds),
    connect: limit("connect", perMinute.connect),
    /** Sockets with a bad token, apart from good ones: an old page that comes back for ever must not lock its neighbours out. */
    failedConnect: limit("failed-connect", perMinute.connect),
  };
}

/** Keys begin with the address. */
function network(key: string): string {
  const [address = "", ...rest] = key.split(" ");
  return [networkOf(address), ...rest].join(" ");
}

function refuse(reason: unknown): never {
  if (!(reason instanceof RateLimiterRes)) throw reason;
  throw new Refusal("rate_limited", "Too many attempts. Wait a moment.", { retryAfterMs: reason.msBeforeNext });
}
