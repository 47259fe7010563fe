import { Redis } from "ioredis";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Bus, BusMessage } from "./bus.ts";

export type { Redis };

/** A connection for commands: a Redis that is away or frozen costs 100 ms, never more. */
export function connectRedis(url: string, log: Log): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    commandTimeout: 100,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: backOff,
  });
  let told = false;
  redis.on("error", (error) => {
    if (!told) log.warn({ err: error }, "redis is away; this process goes on by itself");
    told = true;
  });
  redis.on("ready", () => {
    if (told) log.info("redis is back");
    told = false;
  });
  return redis;
}

/** What Redis thinks the time is (ms since 1970); rejects with what is in the way. */
export async function askRedisTime(url: string, patienceMs: number): Promise<number> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason: Error | undefined;
  redis.on("error", (error: Error) => (reason ??= error));
  try {
    await redis.connect();
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  } catch (error) {
    throw reason ?? error; // The driver only says that the connection is closed.
  } finally {
    redis.disconnect();
  }
}

const DEAF_MS = 15_000;
const ANSWER_MS = 5_000;

/** Pub/sub over one channel. ioredis subscribes again by itself after a restart of Redis; what was published meanwhile is gone. */
export function createRedisBus(url: string, publisher: Redis, channel: string, clock: Clock, log: Log): Bus {
  const self = crypto.randomUUID();
  const subscriber = new Redis(url, { retryStrategy: backOff, maxRetriesPerRequest: null });
  subscriber.on("error", () => {}); // `connectRedis` logs for both.
  // It asks whether Redis is ready before it subscribes, and would wait for that answer until the end.
  subscriber.on("connect", () =>
    clock.after(ANSWER_MS, () => void (subscriber.status === "connect" && subscriber.disconnect(true))),
  );
  // A peer that vanished without a word is noticed by the missing echo; presence says something every few seconds.
  let unheardSince: number | null = null;
  const isDeaf = () =>
    publisher.status === "ready" &&
    subscriber.status === "ready" &&
    unheardSince !== null &&
    clock.ticks() - unheardSince > DEAF_MS;
  // What was said during an outage is gone: its echo is not to be waited for.
  for (const connection of [publisher, subscriber]) connection.on("ready", () => (unheardSince = null));
  return {
    publish: (message) => {
      if (isDeaf()) {
        log.warn("redis does not answer; connecting again");
        unheardSince = null;
        subscriber.disconnect(true);
        publisher.disconnect(true);
      }
      unheardSince ??= clock.ticks();
      publisher
        .publish(channel, `${self}${JSON.stringify(message)}`)
        .catch((error) => log.debug({ err: error }, "a hint was lost"));
    },
    subscribe: async (handler, onEcho) => {
      subscriber.on("message", (_channel, text) => {
        if (text.startsWith(self)) {
          unheardSince = null;
          return onEcho();
        }
        try {
          handler(JSON.parse(text.slice(self.length)) as BusMessage);
        } catch (error) {
          log.error({ err: error }, "a bus message failed");
        }
      });
      const subscribed = subscriber.subscribe(channel);
      subscribed.catch(() => {});
      // A start does not wait for ever: without Redis the server works, as one that is degraded.
      await Promise.race([subscribed, clock.sleep(2_000)]);
    },
    others: async () => {
      const counted = await publisher.pubsub("NUMSUB", channel).catch(() => null);
      return counted && Math.max(0, Number(counted[1]) - 1);
    },
    isUp: () => publisher.status === "ready" && subscriber.status === "ready" && !isDeaf(),
    close: async () => {
      subscriber.disconnect();
      publisher.disconnect();
    },
  };
}

const backOff = (attempt: number) => Math.min(attempt * 100, 1_000);
