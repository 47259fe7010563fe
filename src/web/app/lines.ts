/** What stands in a room, line by line: pure. */
import type { Message } from "../../client/index.ts";

type Own = { clientId: string; content: string; at: number };

export type Line<P extends Own = Own> =
  | { kind: "day"; key: string; at: number }
  | { kind: "new"; key: string }
  /** `first`: of what its author says in one go, and so with name and time; `last`: of it. */
  | { kind: "message"; key: string; at: number; first: boolean; last: boolean; message: Message }
  | { kind: "pending"; key: string; at: number; first: boolean; last: boolean; pending: P };

/** What one author says within a minute stands together (ms). */
const TOGETHER = 60_000;

/**
 * @param newFrom the seq up to which all was read when the room was opened; null where nothing was new
 * @param me whose own messages never count as new
 */
export function linesOf<P extends Own>(
  messages: readonly Message[],
  pending: readonly P[],
  me: string,
  newFrom: number | null,
): Line<P>[] {
  const lines: Line<P>[] = [];
  let before: { author: string; at: number; line: { last: boolean } } | null = null;
  let isNew = newFrom === null;

  function add(line: Extract<Line<P>, { first: boolean }>, author: string): void {
    const day = new Date(line.at).toDateString();
    if (!before || new Date(before.at).toDateString() !== day) {
      lines.push({ kind: "day", key: `day ${day}`, at: line.at });
      before = null;
    }
    if (!isNew && author !== me && line.kind === "message" && line.message.seq > newFrom!) {
      lines.push({ kind: "new", key: "new" });
      isNew = true;
      before = null;
    }
    if (before?.author === author && line.at - before.at < TOGETHER) {
      line.first = false;
      before.line.last = false;
    }
    lines.push(line);
    before = { author, at: line.at, line };
  }

  for (const message of messages) {
    const at = Date.parse(message.timestamp);
    // One's own keeps its key when the server has it, and so its place on the page.
    const key = message.clientId ?? `${message.id}`;
    add({ kind: "message", key, at, first: true, last: true, message }, message.sender.id);
  }
  // By the device's clock, which may be wrong: never before what is there.
  const latest = messages.length ? Date.parse(messages.at(-1)!.timestamp) : 0;
  for (const entry of pending) {
    const at = Math.max(entry.at, latest);
    add({ kind: "pending", key: entry.clientId, at, first: true, last: true, pending: entry }, me);
  }
  return lines;
}
