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

test("partners of who is beyond it are told in the order in which it happened, whichever answer of the database is the faster", async () => {
  const clock = new SimulatedClock();
  const told: string[] = [];
  const asked: (() => void)[] = [];
  const tracker = createTracker({
    bus: createLocalBus(),
    clock,
    hears: (endpoint) => endpoint === "chat",
    writeLastSeen: async () => {},
    publish: (frames) => {
      for (const { user, frame } of frames) if (user === "bob") told.push(JSON.parse(frame).changes[0].status);
    },
    partnersOf: (users) =>
      new Promise((resolve) => asked.push(() => resolve(new Map(users.map((user) => [user, ["bob"]]))))),
    times: { heartbeatMs: 5_000, graceMs: 5_000, expiryMs: 60_000 },
  });
  for (let i = 0; i < 2_000; i++) tracker.set(`u${i}`, `u${i}`, 1);
  clock.advance(1_000);
  for (const sockets of [1, 0]) {
    tracker.set("carol", "carol", sockets);
    clock.advance(8_000);
  }
  while (asked.length) {
    asked.pop()!();
    await Bun.sleep(1);
  }
  expect(told).toEqual(["online", "offline"]);
});
