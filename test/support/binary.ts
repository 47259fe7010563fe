import { expect } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const TARGET = `linux-${process.arch === "arm64" ? "arm64" : "x64"}`;
let built: string | undefined;

/** The program as one file, for this machine; made once a run. */
export function builtBinary(): string {
  if (built) return built;
  const build = Bun.spawnSync([process.execPath, "build/binary.ts", TARGET], { cwd: ROOT });
  expect([build.exitCode, build.stderr.toString()]).toEqual([0, ""]);
  return (built = join(ROOT, `dist/liquidchat-${TARGET}`));
}
