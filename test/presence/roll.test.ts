import { expect, test } from "bun:test";
import type { PresenceChange } from "../../src/protocol/frames.ts";
import { Roll } from "../../src/presence/roll.ts";

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
