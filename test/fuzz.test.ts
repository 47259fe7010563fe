import { expect, test } from "bun:test";
import { join } from "node:path";

/** More of it: `bun run test:fuzz`. */
const CASES = process.env.FUZZ_CASES ?? "4000";

test(`${CASES} odd frames and requests are answered as promised, and the next good one goes its way`, () => {
  const run = Bun.spawnSync([process.execPath, "--no-orphans", join(import.meta.dir, "fuzz/run.ts"), CASES]);
  expect([run.exitCode, run.stdout.toString() + run.stderr.toString()]).toEqual([
    0,
    expect.stringMatching(/^\d+ cases: everything answered as promised\n$/),
  ]);
}, 120_000);
