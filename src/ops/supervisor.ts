import type { Log } from "./log.ts";

/** A worker that dies at once again and again is broken: it comes back slower and slower. */
const MAX_PAUSE_MS = 10_000;

/** Runs workers that share the port, starts those again that end by themselves, and ends them all with itself. */
export async function supervise(count: number, log: Log): Promise<number> {
  let stopping = false;
  const children = new Set<Bun.Subprocess>();
  const stop = () => {
    stopping = true;
    for (const child of children) child.kill("SIGTERM");
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  const keep = async () => {
    for (let failures = 0; !stopping;) {
      const startedAt = performance.now();
      const child = Bun.spawn([process.execPath, ...process.execArgv, Bun.main, "worker"], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      children.add(child);
      const code = await child.exited;
      children.delete(child);
      if (stopping) return 0;
      const lived = performance.now() - startedAt;
      // One that never came up has said why; more of the same would not help.
      if (code === 1 && lived < 5_000 && failures === 0) return (stop(), 1);
      failures = lived > 60_000 ? 1 : failures + 1;
      log.error({ worker: child.pid, code, signal: child.signalCode }, "a worker ended; starting it again");
      await Bun.sleep(Math.min(MAX_PAUSE_MS, 100 * 2 ** failures));
    }
    return 0;
  };
  return Math.max(...(await Promise.all(Array.from({ length: count }, keep))));
}
