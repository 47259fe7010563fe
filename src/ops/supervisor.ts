import type { Log } from "./log.ts";
import { probePort } from "./port.ts";
import { SELF } from "./runtime.ts";

/** A worker that dies at once again and again is broken: it comes back slower and slower. */
const MAX_PAUSE_MS = 10_000;

type Options = { count: number; host: string; port: number; log: Log; onStop: (stop: () => void) => void };

/** Runs workers that share the port, starts those again that end by themselves, and ends them all with itself. */
export async function supervise({ count, host, port, log, onStop }: Options): Promise<number> {
  // Workers share their port by `reusePort`, and so would two deployments: half of each one's clients would land at the other.
  await probePort(host, port).catch((error: Error) => {
    throw new Error(`HOST, PORT: cannot listen on ${host}:${port} (${error.message}).`);
  });
  let stopping = false;
  const children = new Set<Bun.Subprocess>();
  const { promise: stopped, resolve: endPauses } = Promise.withResolvers<void>();
  const stop = () => {
    stopping = true;
    endPauses();
    for (const child of children) child.kill("SIGTERM");
  };
  onStop(stop);

  const keep = async () => {
    for (let failures = 0; !stopping;) {
      const startedAt = performance.now();
      const child = Bun.spawn([...SELF, "worker"], {
        stdio: ["ignore", "inherit", "inherit"],
        // Nothing is said over it; that it closes tells a worker that its supervisor is gone, killed perhaps.
        ipc: () => {},
      });
      children.add(child);
      const code = await child.exited;
      children.delete(child);
      if (stopping) return 0;
      const lived = performance.now() - startedAt;
      // One that never came up has said why; more of the same would not help.
      if (code === 1 && lived < 5_000 && failures === 0) {
        stop();
        return 1;
      }
      failures = lived > 60_000 ? 1 : failures + 1;
      log.error({ worker: child.pid, code, signal: child.signalCode }, "a worker ended; starting it again");
      await Promise.race([stopped, Bun.sleep(Math.min(MAX_PAUSE_MS, 100 * 2 ** failures))]);
    }
    return 0;
  };
  return Math.max(...(await Promise.all(Array.from({ length: count }, keep))));
}
