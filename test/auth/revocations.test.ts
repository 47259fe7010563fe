import { expect, test } from "bun:test";
import { Revocations } from "../../src/auth/revocations.ts";
import { SimulatedClock } from "../simulation/clock.ts";

test("an ended session is remembered as long as its access tokens can run, told once, and then forgotten", async () => {
  const clock = new SimulatedClock();
  const told: string[] = [];
  const revocations = new Revocations(900_000, clock, (id) => told.push(id));
  revocations.add("s");
  revocations.add("s");
  await clock.advance(900_000);
  revocations.prune();
  expect([revocations.has("s"), told]).toEqual([true, ["s"]]);
  await clock.advance(3_601_000);
  revocations.prune();
  expect(revocations.has("s")).toBe(false);
});
