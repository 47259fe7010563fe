import { fullGC } from "bun:jsc";

/**
 * What Bun and its JavaScript engine read from the environment when a process begins, and from nowhere else. Measured with a hundred sockets: a
 * message costs a fifth less where a hundred are said a second, and a fifth less where ten are.
 */
const SETTINGS = {
  // Hot code is compiled a tenth as late: a small room would not say enough in its first hour, and each restart begins anew.
  BUN_JSC_thresholdForOptimizeAfterWarmUp: "100",
  BUN_JSC_thresholdForOptimizeSoon: "100",
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
  } catch {
    // A sandbox may forbid it. It serves as well, a little slower.
  }
}

/** Gives memory back that nobody uses, and keeps what was compiled. */
export const collect = (): void => void fullGC();
