/** Mallory guesses passwords. */
import { expect, test } from "bun:test";
import { createAddressLimits } from "../../src/auth/limits.ts";
import { connectRedis, type Redis } from "../../src/bus/redis.ts";
import type { Refusal } from "../../src/errors.ts";
import { haveServices, silent, startRedis } from "../support/services.ts";

const LOGINS = 300;
const limitsOver = (redis: Redis | null, login = LOGINS) =>
  createAddressLimits({ signup: 0, login, connect: 0 }, redis, "test");
type Limits = ReturnType<typeof limitsOver>;

/** "wrong", "right", or how many seconds to wait. */
async function guess(limits: Limits, address: string, account: string, right = false) {
  return limits
    .guess(address, account, async () => right || null)
    .then(
      (answer) => (answer ? "right" : "wrong"),
      (refusal: Refusal) => Math.ceil(refusal.retryAfterMs! / 1000),
    );
}

async function times<T>(n: number, act: (i: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let i = 0; i < n; i++) answers.push(await act(i));
  return answers;
}

const wrong = (n: number) => Array(n).fill("wrong");

for (const [name, open] of [
  ["in memory", async () => null],
  ["over Redis, by two processes", startRedis],
] as const) {
  const run = test.skipIf(open === startRedis && !haveServices);

  /** Two processes, or one twice; they begin without any failures. */
  const rig = async () => {
    const service = await open();
    const redis = service && [connectRedis(service.url, silent), connectRedis(service.url, silent)];
    await Promise.all((redis ?? []).map((one) => new Promise((ready) => one.once("ready", ready))));
    const pair = redis ? redis.map((one) => limitsOver(one)) : Array(2).fill(limitsOver(null));
    const stop = async () => {
      for (const one of redis ?? []) one.disconnect();
      await service?.stop();
    };
    return { of: (i: number): Limits => pair[i % 2], stop };
  };

  run(
    `${name}: after five wrong passwords one waits for one second, then for two, and so on; a right one starts anew`,
    async () => {
      const { of, stop } = await rig();
      expect(await times(5, (i) => guess(of(i), "192.0.2.1", "alice"))).toEqual(wrong(5));
      // Asking too early does not make it longer.
      expect(await times(4, (i) => guess(of(i), "192.0.2.1", "alice"))).toEqual([1, 1, 1, 1]);
      await Bun.sleep(1_050);
      expect(await times(2, (i) => guess(of(i), "192.0.2.1", "alice"))).toEqual(["wrong", 2]);
      await Bun.sleep(1_000);
      expect(await guess(of(0), "192.0.2.1", "alice", true)).toBe(1);
      await Bun.sleep(1_050);
      expect(await guess(of(1), "192.0.2.1", "alice", true)).toBe("right");
      expect(await times(5, (i) => guess(of(i), "192.0.2.1", "alice"))).toEqual(wrong(5));
      expect(await guess(of(1), "192.0.2.1", "alice")).toBe(1);
      await stop();
    },
    30_000,
  );

  run(
    `${name}: a stranger's guesses lock nobody out, neither the owner elsewhere nor a neighbour here`,
    async () => {
      const { of, stop } = await rig();
      await times(20, (i) => guess(of(i), "192.0.2.1", "alice"));
      expect(await guess(of(0), "192.0.2.1", "alice")).not.toBe("wrong");
      expect(await guess(of(1), "192.0.2.2", "alice", true)).toBe("right");
      expect(await guess(of(1), "192.0.2.1", "bob", true)).toBe("right");
      // And the owner's success elsewhere does not help the stranger.
      expect(await guess(of(0), "192.0.2.1", "alice", true)).toBeNumber();
      await stop();
    },
    30_000,
  );

  run(
    `${name}: a hundred guesses at once are counted before the first is looked at`,
    async () => {
      const { of, stop } = await rig();
      let looked = 0;
      const slow = async () => {
        looked++;
        await Bun.sleep(200);
        return null;
      };
      const answers = await Promise.allSettled(
        Array.from({ length: 100 }, (_, i) => of(i).guess("192.0.2.1", "alice", slow)),
      );
      expect([looked, answers.filter(({ status }) => status === "fulfilled").length]).toEqual([5, 5]);
      await stop();
    },
    30_000,
  );

  run(
    `${name}: eight right log-ins of one account at once all get in, and of eight wrong ones five are looked at`,
    async () => {
      const { of, stop } = await rig();
      let looked = 0;
      const attempt = (right: boolean) => async () => {
        looked++;
        await Bun.sleep(100);
        return right || null;
      };
      const eight = (account: string, right: boolean) =>
        Promise.allSettled(Array.from({ length: 8 }, () => of(0).guess("192.0.2.1", account, attempt(right))));
      const fulfilled = (answers: PromiseSettledResult<unknown>[]) =>
        answers.filter(({ status }) => status === "fulfilled").length;
      expect([fulfilled(await eight("alice", true)), looked]).toEqual([8, 8]);
      looked = 0;
      expect([fulfilled(await eight("bob", false)), looked]).toEqual([5, 5]);
      // Nothing is left over of the right ones.
      expect(await times(5, (i) => guess(of(i), "192.0.2.1", "alice"))).toEqual(wrong(5));
      await stop();
    },
    30_000,
  );

  run(
    `${name}: one password on five thousand names: an address gets so many, then one at a time, and takes no memory`,
    async () => {
      const service = await open();
      const redis = service && connectRedis(service.url, silent);
      // Until then the process counts by itself.
      if (redis) await new Promise((ready) => redis.once("ready", ready));
      const limits = limitsOver(redis);
      const before = process.memoryUsage().heapUsed;
      const answers = await times(5_000, (i) =>
        guess(limits, `2001:db8:1:2::${i.toString(16)}`, `${i}`.padEnd(200_000, "x")),
      );
      expect(answers.slice(0, 100)).toEqual(wrong(100));
      // By the second, not by the name.
      expect(answers.slice(100).filter((answer) => answer === "wrong").length).toBeLessThan(6);
      Bun.gc(true);
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
      expect(await guess(limits, "2001:db8:1:3::1", "x", true)).toBe("right");
      if (redis) {
        // What was typed as a name may be a password.
        const keys = await redis.keys("*");
        expect([keys.length < 120, keys.filter((key) => key.includes("xx"))]).toEqual([true, []]);
        redis.disconnect();
      }
      await service?.stop();
    },
    60_000,
  );
}

test("an address that tried many names waits longer and longer, whatever name it tries, and its own account does not free it", async () => {
  const limits = limitsOver(null);
  await times(99, (i) => guess(limits, "192.0.2.1", `name ${i}`));
  expect(await guess(limits, "192.0.2.1", "mallory", true)).toBe("right");
  expect(await times(2, (i) => guess(limits, "192.0.2.1", `another ${i}`))).toEqual([1, 1]);
  await Bun.sleep(1_050);
  expect(await times(2, (i) => guess(limits, "192.0.2.1", `the hundredth ${i}`))).toEqual(["wrong", 1]);
  await Bun.sleep(1_050);
  expect(await times(2, (i) => guess(limits, "192.0.2.1", `one more ${i}`))).toEqual(["wrong", 2]);
  expect(await guess(limits, "192.0.2.9", "another", true)).toBe("right");
});

test("who is signed in is asked for the password apart from the address: by the session, from wherever, and so often by the account", async () => {
  const limits = limitsOver(null);
  const confirm = (address: string, session: string, right = false, user = "alice") =>
    limits
      .confirm(address, { userId: user, sessionId: session }, async () => right || null)
      .then(
        (answer) => (answer ? "right" : "wrong"),
        (refusal: Refusal) => Math.ceil(refusal.retryAfterMs! / 1000),
      );
  // A neighbour spends all that their address may.
  await Promise.allSettled(Array.from({ length: LOGINS + 1 }, (_, i) => guess(limits, "192.0.2.1", `nobody${i}`)));
  expect(await guess(limits, "192.0.2.1", "alice", true)).toBeNumber();
  expect(await confirm("192.0.2.1", "session 1", true)).toBe("right");
  expect(await times(5, (i) => confirm(`192.0.2.${i}`, "session 1"))).toEqual(wrong(5));
  expect(await confirm("192.0.2.9", "session 1", true)).toBe(1);
  // Whoever has that session keeps nobody from ending it.
  expect(await confirm("192.0.2.1", "session 2", true)).toBe("right");
  // A password is dear to look at.
  const answers = await times(60, (i) => confirm("192.0.2.1", `mallory ${i}`, true, "mallory"));
  expect(new Set(answers)).toEqual(new Set(["right"]));
  expect(await confirm("192.0.2.1", "mallory 1", true, "mallory")).toBeGreaterThan(50);
  expect(await confirm("192.0.2.1", "session 2", true)).toBe("right");
});

test("what was not looked at, because the server was busy, is no wrong password", async () => {
  const limits = limitsOver(null);
  const busy = () => Promise.reject(new Error("busy"));
  for (let i = 0; i < 20; i++) expect(await limits.guess("192.0.2.1", "alice", busy).catch(String)).toContain("busy");
  expect(await times(5, () => guess(limits, "192.0.2.1", "alice"))).toEqual(wrong(5));
});

test.skipIf(!haveServices)(
  "a frozen Redis makes nobody wait for long, and the process counts by itself",
  async () => {
    const service = await startRedis();
    const redis = connectRedis(service.url, silent);
    await new Promise((ready) => redis.once("ready", ready));
    const limits = limitsOver(redis);
    process.kill(service.pid, "SIGSTOP");
    const startedAt = performance.now();
    expect(await guess(limits, "192.0.2.1", "alice", true)).toBe("right");
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await times(5, () => guess(limits, "192.0.2.1", "bob"))).toEqual(wrong(5));
    expect(await guess(limits, "192.0.2.1", "bob")).toBeNumber();
    process.kill(service.pid, "SIGCONT");
    redis.disconnect();
    await service.stop();
  },
  30_000,
);
