import { expect, test } from "bun:test";
import { join } from "node:path";
import { MUTATIONS } from "./simulation/mutations.ts";

const simulate = (...args: (string | number)[]) => {
  const run = Bun.spawnSync([process.execPath, join(import.meta.dir, "simulation/run.ts"), ...args.map(String)]);
  return { code: run.exitCode, output: run.stdout.toString() + run.stderr.toString() };
};

test("two hundred seeds of kills, lost hints, late and failing databases: nothing lost, doubled or out of order", () => {
  const { code, output } = simulate(200);
  expect([code, output.trim()]).toEqual([
    0,
    "200 seeds of 500 steps: nothing lost, nothing doubled, everything in order",
  ]);
}, 60_000);

for (const mutation of Object.keys(MUTATIONS)) {
  test(`the simulation can fail: ${mutation}`, () => {
    const { code, output } = simulate(1_000, 1, 500, mutation);
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^seed \d+: .*\nagain: bun test\/simulation\/run\.ts 1 \d+ 500 ".*"\n$/),
    ]);
  }, 60_000);
}
