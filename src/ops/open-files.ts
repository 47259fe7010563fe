import { readFileSync } from "node:fs";
import type { Log } from "./log.ts";

/** For the database, the log and requests. */
export const BESIDE_SOCKETS = 1_000;

/**
 * How many sockets there is room for: each takes a descriptor, and a process that has none left can open nothing more, files of its
 * database included.
 */
export function roomForSockets(wanted: number, log: Log): number {
  const files = openFiles();
  const room = Math.max(BESIDE_SOCKETS, files - BESIDE_SOCKETS);
  if (room < wanted) log.info({ openFiles: files }, `room for ${room} sockets: raise the limit of open files for more`);
  return Math.min(wanted, room);
}

/** What this process may have open; unknown counts as enough. */
export function openFiles(): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity; // Not Linux.
  }
}
