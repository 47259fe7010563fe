import { fullGC } from "bun:jsc";

/**
 * What Bun and its JavaScript engine read from the environment when a process begins, and from nowhere else. With a hundred
 * sockets a message costs nearly a quarter less for it.
 */
const SETTINGS = {
  // What was called seven times is compiled, and what was called twice more is compiled well: a small room would not say enough in its first hour,
  // and each restart begins anew. At the first call it would cost a start 150 ms and 20 MB, for all that is called once.
  BUN_JSC_thresholdForJITAfterWarmUp: "100",
  BUN_JSC_thresholdForOptimizeAfterWarmUp: "30",
  BUN_JSC_thresholdForOptimizeSoon: "30",
  // No collection of garbage every second, whatever there is: the engine collects by need, and `collect` what a rush has left behind.
  BUN_GC_TIMER_DISABLE: "1",
};

/** This program again: a binary is itself, else Bun runs it. */
export const SELF = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, ...process.execArgv, Bun.main];

/** Begins this process anew, under the same id, with what the runtime is to know; does nothing where it knows, by us or by the operator. */
export function beginTuned(args: readonly string[]): void {
  if (Object.keys(SETTINGS).every((name) => name in process.env)) return;
  try {
    process.execve?.(process.execPath, [...SELF, ...args], { ...SETTINGS, ...process.env });
  } catch (error) {
    // A sandbox may forbid it.
    process.emitWarning(`it serves a little slower, for it cannot begin anew: ${(error as Error).message}`);
  }
}

/** Gives memory back that nobody uses, and keeps what was compiled. */
export const collect = (): void => void fullGC();
