import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SECRET, startServer } from "../support/server.ts";

test.skipIf(process.platform !== "linux")(
  "a server begins anew as the same process, with what its runtime is to know, and with what the operator set",
  async () => {
    const server = await startServer({ SECRET_KEY: SECRET, BUN_JSC_thresholdForOptimizeSoon: "500" });
    const settings = readFileSync(`/proc/${server.pid}/environ`, "utf8").split("\0");
    const ours = settings.filter((setting) => setting.startsWith("BUN_")).sort();
    expect(ours).toEqual([
      "BUN_GC_TIMER_DISABLE=1",
      "BUN_JSC_thresholdForJITAfterWarmUp=100",
      "BUN_JSC_thresholdForOptimizeAfterWarmUp=30",
      "BUN_JSC_thresholdForOptimizeSoon=500",
    ]);
    expect(server.output()).not.toMatch(/warning/i);
    await server.kill();
    expect(await server.exited).toBe(0);
  },
  30_000,
);
