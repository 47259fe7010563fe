/** What stands in a room, line by line: pure. A line is made when it is shown, from its neighbours: a room may hold a hundred thousand. */
import type { Message } from "../../client/index.ts";

type Own = { clientId: string; content: string; at: number };

/** A room's messages, and below them what is unsent. */
export type Talk<P extends Own = Own> = {
  /** Ascending by `seq`. */
  messages: readonly Message[];
  pending: readonly P[];
  /** There may be messages above those. */
  olderLeft: boolean;
  /** Whose own messages never count as new. */
  me: string;
  /** The seq up to which all was read when the room was opened; null where nothing was new. */
  newFrom: number | null;
};

export type Line<P extends Own = Own> = {
  key: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Above it stands its day, or that from here all is new. */
  day: boolean;
  isNew: boolean;
  /** `first`: of what its author says in one go, and so with name and time; `last`: of it. */
  first: boolean;
  last: boolean;
} & ({ message: Message; pending?: never } | { pending: P; message?: never });

/** What one author says within a minute stands together (ms). */
const TOGETHER = 60_000;
const DAY = 86_400_000;

export const countOf = ({ messages, pending }: Talk): number => messages.length + pending.length;

// One's own keeps its key when the server has it, and so its place on the page.
export const keyOf = ({ messages, pending }: Talk, i: number): string =>
  messages[i] ? (messages[i].clientId ?? `${messages[i].id}`) : pending[i - messages.length]!.clientId;

/** Where the message of that seq is, or would be. */
export function placeOf(messages: readonly Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The lines from `from` to before `to`. */
export function linesOf<P extends Own>(talk: Talk<P>, from: number, to: number): Line<P>[] {
  const { messages, pending, me } = talk;
  const count = countOf(talk);
  const latest = messages.length ? Date.parse(messages.at(-1)!.timestamp) : 0;
  const firstNew = firstNewOf(talk);

  const author = (i: number) => messages[i]?.sender.id ?? me;
  // By the device's clock, which may be wrong: never before what is there.
  const time = (i: number) =>
    messages[i] ? Date.parse(messages[i].timestamp) : Math.max(pending[i - messages.length]!.at, latest);
  const isOtherDay = (i: number) =>
    i === 0 || time(i) - time(i - 1) >= DAY || new Date(time(i)).getDate() !== new Date(time(i - 1)).getDate();
  const isFirst = (i: number) =>
    i === firstNew || isOtherDay(i) || author(i) !== author(i - 1) || time(i) - time(i - 1) >= TOGETHER;

  const lines: Line<P>[] = [];
  for (let i = from; i < Math.min(to, count); i++) {
    const what = messages[i] ? { message: messages[i]! } : { pending: pending[i - messages.length]! };
    lines.push({
      key: keyOf(talk, i),
      at: time(i),
      day: isOtherDay(i),
      isNew: i === firstNew,
      first: isFirst(i),
      last: i === count - 1 || isFirst(i + 1),
      ...what,
    });
  }
  return lines;
}

/** Others' first message above `newFrom`; -1 where there is none, or where it may not be held yet. */
function firstNewOf({ messages, olderLeft, me, newFrom }: Talk): number {
  if (newFrom === null) return -1;
  let i = placeOf(messages, newFrom + 1);
  if (i === 0 && olderLeft) return -1;
  while (messages[i]?.sender.id === me) i++;
  return i < messages.length ? i : -1;
}
