import { expect, test } from "bun:test";
import { createLocalBus } from "../../src/bus/local.ts";
import { Roll } from "../../src/presence/roll.ts";
import { createTracker } from "../../src/presence/tracker.ts";
import type { PresenceChange } from "../../src/protocol/frames.ts";
import { SimulatedClock } from "../simulation/clock.ts";

const change = (i: number, status: "online" | "offline"): PresenceChange => ({
  user_id: `u${i}`,
  username: `n${i}`,
  status,
});
const people = (roll: Roll) => roll.parts().flatMap((part) => JSON.parse(part) as PresenceChange[]);

test("everyone is told of two thousand people; who leaves makes room for who comes next", () => {
  const roll = new Roll();
  const told = roll.update(Array.from({ length: 2_100 }, (_, i) => change(i, "online")));
  expect([told.length, people(roll).length, roll.has("u1999"), roll.has("u2000")]).toEqual([2_000, 2_000, true, false]);
  // Nobody was told that u2050 came, so nobody is told that they go.
  expect(roll.update([change(2_050, "offline"), change(3, "offline"), change(2_101, "online")])).toEqual([
    change(3, "offline"),
    change(2_101, "online"),
  ]);
  expect(people(roll).map(({ user_id }) => user_id)).not.toContain("u3");
  for (const part of roll.parts()) expect(part.length).toBeLessThan(24 * 1024);
});

/** Two thousand people who are online, and beside them those of whom `bob`, a partner of everybody, is told. */
function crowd(partnersOf: (users: string[]) => Promise<Map<string, string[]>>) {
  const clock = new SimulatedClock();
  const told: string[] = [];
  const tracker = createTracker({
    bus: createLocalBus(),
    clock,
    hears: (endpoint) => endpoint === "chat",
    writeLastSeen: async () => {},
    publish: (frames) => {
      for (const { user, frame } of frames)
        if (user === "bob" || user === null)
          for (const { user_id, status } of JSON.parse(frame).changes) if (user_id === "carol") told.push(status);
    },
    partnersOf,
    times: { heartbeatMs: 5_000, graceMs: 5_000, expiryMs: 3_600_000 },
  });
  for (let i = 0; i < 2_000; i++) tracker.set(`u${i}`, `u${i}`, 1);
  clock.advance(1_000);
  return { clock, told, tracker };
}
const toBob = (users: string[]) => new Map(users.map((user) => [user, ["bob"]]));

for (const comesBack of [false, true])
  test(`partners of who is beyond it ${comesBack ? "and comes back among it " : ""}are told last what happened last, whichever answer of the database is the faster`, async () => {
    const asked: (() => void)[] = [];
    const { clock, told, tracker } = crowd(
      (users) => new Promise((resolve) => asked.push(() => resolve(toBob(users)))),
    );
    tracker.set("carol", "carol", 1);
    clock.advance(8_000);
    tracker.set("carol", "carol", 0);
    if (comesBack) {
      asked.shift()!();
      await Bun.sleep(1);
      tracker.set("u7", "u7", 0);
      clock.advance(5_600);
      tracker.set("carol", "carol", 1);
    }
    clock.advance(8_000);
    while (asked.length) {
      asked.pop()!();
      await Bun.sleep(1);
    }
    expect(told).toEqual(comesBack ? ["online", "online"] : ["online", "offline"]);
    expect(tracker.isOnline("carol")).toBe(comesBack);
  });

test("what waits for a database that is away is asked for in one go once it is back", async () => {
  let away = true;
  let questions = 0;
  const { clock, told, tracker } = crowd(async (users) => {
    questions++;
    if (away) await clock.sleep(5_000).then(() => Promise.reject(new Error("unavailable")));
    return toBob(users);
  });
  for (let i = 0; i < 240; i++) {
    tracker.set(i % 2 ? "dave" : "carol", i % 2 ? "dave" : "carol", 1 - (i & 1));
    tracker.set(`v${i}`, `v${i}`, 1);
    await clock.advance(250);
  }
  expect(questions).toBeLessThan(20);
  away = false;
  questions = 0;
  await clock.advance(20_000);
  expect(questions).toBeLessThan(5);
  expect(told).toEqual([]);
});
