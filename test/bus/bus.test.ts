/** What every bus promises, held over each. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Bus, BusMessage } from "../../src/bus/bus.ts";
import { createLocalBus } from "../../src/bus/local.ts";
import { connectRedis, createRedisBus } from "../../src/bus/redis.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { startProxy } from "../support/proxy.ts";
import { eventually, haveServices, startRedis, silent } from "../support/services.ts";

const hint = (id: string): BusMessage => ({ kind: "session_ended", sessionId: id });

/** How far the buses' clock runs ahead. */
let ahead = 0;

type Made = { make: (channel?: string) => Bus; stop: () => Promise<void>; restart?: () => Promise<void> };
const kinds: [string, () => Promise<Made>][] = [
  ["local", async () => ({ make: createLocalBus, stop: async () => {} })],
];
if (haveServices) {
  kinds.push([
    "redis",
    async () => {
      let redis = await startRedis();
      return {
        make: (channel = "test") =>
          createRedisBus(
            redis.url,
            connectRedis(redis.url, silent),
            channel,
            { ...systemClock, now: () => Date.now() + ahead },
            silent,
          ),
        stop: () => redis.stop(),
        restart: async () => {
          await redis.stop();
          redis = await startRedis(redis.port);
        },
      };
    },
  ]);
}

for (const [name, start] of kinds) {
  describe(name, async () => {
    const { make, stop, restart } = await start();
    const open: Bus[] = [];
    const listen = async (channel?: string) => {
      const bus = make(channel);
      const heard: BusMessage[] = [];
      let echoes = 0;
      await bus.subscribe(
        (message) => heard.push(message),
        () => echoes++,
      );
      open.push(bus);
      return { bus, heard, echoes: () => echoes };
    };
    afterAll(async () => {
      for (const bus of open) await bus.close();
      await stop();
    });

    test("a publisher hears an echo of each message and never the message", async () => {
      const one = await listen();
      one.bus.publish(hint("a"));
      one.bus.publish(hint("b"));
      await eventually(() => expect(one.echoes()).toBe(2));
      expect(one.heard).toEqual([]);
      expect(one.bus.isUp()).toBe(true);
    });

    if (name !== "local")
      test("every other process hears it once, in order; those of another deployment never", async () => {
        const [one, two, three, stranger] = [await listen(), await listen(), await listen(), await listen("another")];
        const messages = Array.from({ length: 200 }, (_, i) => hint(`m${i}`));
        for (const message of messages) one.bus.publish(message);
        await eventually(() => expect(three.heard.length).toBe(200));
        expect([two.heard, three.heard, stranger.heard, one.heard]).toEqual([messages, messages, [], []]);
      });

    if (restart)
      test("publishing while it is down neither blocks nor throws, and it comes back by itself", async () => {
        const [one, two] = [await listen(), await listen()];
        await restart();
        one.bus.publish(hint("lost, or not"));
        // However long it was away: that nothing was heard meanwhile is no sign of deafness.
        ahead += 60_000;
        await eventually(() => expect([one.bus.isUp(), two.bus.isUp()]).toEqual([true, true]));
        await eventually(() => {
          one.bus.publish(hint("again"));
          expect(two.heard).toContainEqual(hint("again"));
        });
      });
  });
}

test.skipIf(!haveServices)(
  "redis that accepts and does not answer is heard as soon as it does again",
  async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    proxy.silence(true);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const bus = createRedisBus(url, connectRedis(url, silent), "late", systemClock, silent);
    const speaker = createRedisBus(redis.url, connectRedis(redis.url, silent), "late", systemClock, silent);
    const heard: BusMessage[] = [];
    await bus.subscribe(
      (message) => heard.push(message),
      () => {},
    );
    proxy.silence(false);
    await eventually(() => {
      speaker.publish(hint("late"));
      expect(heard).toContainEqual(hint("late"));
    }, 12_000);
    await Promise.all([bus.close(), speaker.close()]);
    proxy.stop();
    await redis.stop();
  },
  20_000,
);
