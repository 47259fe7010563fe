/**
 * `bun test/simulation/run.ts [seeds] [first seed] [steps] [mutation]`: prints the first failing seed with what was wrong, and exits 1.
 * A mutation (see mutations.ts) breaks one line of the real code first, to show that the simulation can fail.
 */
import { availableParallelism } from "node:os";
import { mutate } from "./mutations.ts";

const [seeds = 200, first = 1, steps = 500, mutation] = process.argv
  .slice(2)
  .map((arg, i) => (i < 3 ? Number(arg) : arg)) as [number?, number?, number?, string?];

process.exit(seeds > 1_000 ? await inParallel(availableParallelism()) : await inThisProcess());

async function inThisProcess(): Promise<number> {
  if (mutation) mutate(mutation);
  const { World } = await import("./world.ts");
  for (let seed = first; seed < first + seeds; seed++) {
    const failures = new World(mulberry32(seed)).run(steps);
    if (!failures.length) continue;
    console.log(`seed ${seed}: ${failures.slice(0, 5).join("; ")}`);
    console.log(`again: bun test/simulation/run.ts 1 ${seed} ${steps}${mutation ? ` "${mutation}"` : ""}`);
    return 1;
  }
  console.log(`${seeds} seeds of ${steps} steps: nothing lost, nothing doubled, everything in order`);
  return 0;
}

/** A thousand seeds a process. */
async function inParallel(jobs: number): Promise<number> {
  let next = first;
  const work = async () => {
    while (next < first + seeds) {
      const from = next;
      next += 1_000;
      const args = [Math.min(1_000, first + seeds - from), from, steps, mutation ?? ""].filter(String).map(String);
      const status = await Bun.spawn([process.execPath, import.meta.path, ...args], {
        stdio: ["ignore", "inherit", "inherit"],
      }).exited;
      if (status) return status;
    }
    return 0;
  };
  return Math.max(...(await Promise.all(Array.from({ length: jobs }, work))));
}

/** A small generator with a seed (mulberry32, public domain). */
function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
