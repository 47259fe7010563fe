import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { Identity } from "../deps.ts";
import { Refusal } from "../errors.ts";
import { networkOf } from "../ops/address.ts";

export type AddressLimits = ReturnType<typeof createAddressLimits>;

/** How many in a time, by a key. */
type Limit = { take(key: string): Promise<void>; giveBack(key: string): Promise<void> };

/** How long wrong passwords are counted together, and the longest delay, in seconds. */
const GUESSING = { counted: 3_600, longest: 300 };
/** Of one account from one address: as many as a person needs who tries all the passwords they have. */
const FREE_GUESSES = 5;

/** How often a minute one account may be asked for its password again: a moderator is, by each removal. */
const CONFIRMATIONS = 60;

/** Limits by client address. Over Redis all processes count together; without it, each for itself. */
export function createAddressLimits(
  perMinute: { signup: number; login: number; connect: number },
  redis: Redis | null,
  prefix: string,
) {
  const limiter = (name: string, points: number, duration: number) => {
    const options = { keyPrefix: `${prefix}:${name}`, points, duration };
    const memory = new RateLimiterMemory(options);
    return redis ? new RateLimiterRedis({ ...options, storeClient: redis, insuranceLimiter: memory }) : memory;
  };

  const limit = (name: string, points: number): Limit => {
    if (!points) return { take: async () => {}, giveBack: async () => {} };
    const counter = limiter(name, points, 60);
    return {
      take: async (key) => void (await counter.consume(networkOf(key)).catch(refuse)),
      giveBack: async (key) => void (await counter.reward(networkOf(key))),
    };
  };

  /**
   * Wrong passwords by a key: `free` of them, then one after each delay, which doubles from one second on. They are counted in one step
   * and before the password is looked at: guesses that come all at once must not all find the count untouched.
   */
  const delays = (name: string, free: number) => {
    const counter = limiter(`${name}-failed`, Number.MAX_SAFE_INTEGER, GUESSING.counted);
    const gate = limiter(`${name}-delayed`, 1, GUESSING.longest);
    const giveBack = (key: string) => counter.reward(key);
    return {
      async take(key: string): Promise<void> {
        const { consumedPoints: n } = await counter.consume(key);
        if (n < free) return;
        const customDuration = Math.min(2 ** (n - free), GUESSING.longest);
        await gate.consume(key, 1, { customDuration }).catch(async (reason) => {
          await giveBack(key); // It was not tried: who waits for too short a time must not wait for longer.
          return refuse(reason);
        });
      },
      giveBack,
      reset: (key: string) => Promise.all([counter.delete(key), gate.delete(key)]),
    };
  };
  const login = limit("login", perMinute.login);
  const byPair = delays("pair", FREE_GUESSES);
  // In the time counted together a whole office mistypes less; beyond it, somebody tries one password on many names.
  const byAddress = delays("address", Math.ceil(perMinute.login / 3));

  /** Of this process, by account and address: the latest attempt that is under way. */
  const underWay = new Map<string, Promise<unknown>>();

  async function judge<T>(place: string, pair: string, attempt: () => Promise<T | null>): Promise<T | null> {
    let answer: T | null;
    try {
      answer = await attempt();
    } catch (error) {
      // Nobody looked at the password: the server was too busy, or its database away.
      await Promise.all([byPair.giveBack(pair), byAddress.giveBack(place)]);
      throw error;
    }
    if (answer !== null) await Promise.all([byPair.reset(pair), byAddress.giveBack(place)]);
    return answer;
  }

  /** `pair` starts anew when it is right, `place` does not. */
  async function guess<T>(place: string, pair: string, attempt: () => Promise<T | null>): Promise<T | null> {
    await byAddress.take(place);
    for (let taken = false; !taken;)
      try {
        await byPair.take(pair);
        taken = true;
      } catch (error) {
        const other = underWay.get(pair);
        if (!other) {
          await byAddress.giveBack(place);
          throw error;
        }
        // It was counted before it is looked at, and may turn out right.
        await Promise.allSettled([other]);
      }
    const judged = judge(place, pair, attempt);
    underWay.set(pair, judged);
    try {
      return await judged;
    } finally {
      if (underWay.get(pair) === judged) underWay.delete(pair);
    }
  }
  const confirmations = limit("confirm", perMinute.login);
  const ownConfirmations = limit("confirm-own", CONFIRMATIONS);

  return {
    signup: limit("signup", perMinute.signup),
    /** New passwords by a link: nobody guesses one, but each try asks the database. */
    reset: limit("reset", perMinute.login),
    connect: limit("connect", perMinute.connect),
    /** Sockets with a bad token, apart from good ones: an old page that comes back for ever must not lock its neighbours out. */
    failedConnect: limit("failed-connect", perMinute.connect),

    /**
     * Tries a password: `attempt` gives null where it is wrong. By account and address together, and by address alone, but never by
     * account alone: anyone could lock anyone out. A right one lets this account start anew at this address; it does not excuse what else
     * came from there, or somebody with an account could guess for ever.
     */
    async guess<T>(address: string, account: string, attempt: () => Promise<T | null>): Promise<T | null> {
      if (!perMinute.login) return attempt();
      await login.take(address);
      const place = networkOf(address);
      // People type passwords where the name goes, and names of any length: neither is to be kept.
      const pair = `${place} ${Bun.CryptoHasher.hash("sha256", account, "base64url")}`;
      return guess(place, pair, attempt);
    },

    /**
     * The same for somebody who is signed in: by the session, wherever it is used from. What neighbours of their address try at the log-in
     * must keep nobody from changing a password, nor an admin from disabling those neighbours.
     */
    async confirm<T>(
      address: string,
      { userId, sessionId }: Identity,
      attempt: () => Promise<T | null>,
    ): Promise<T | null> {
      if (!perMinute.login) return attempt();
      await ownConfirmations.take(userId);
      await confirmations.take(address);
      return guess(sessionId, sessionId, attempt);
    },
  };
}

function refuse(reason: unknown): never {
  if (!(reason instanceof RateLimiterRes)) throw reason;
  throw new Refusal("rate_limited", "Too many attempts. Wait a moment.", { retryAfterMs: reason.msBeforeNext });
}
