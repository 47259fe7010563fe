/**
 * Where the lines of a room stand, and which of them are to be in the document: pure. Heights are measured once lines are shown (`set`), kept
 * by key, and estimated before.
 */
import type { Message } from "../../client/index.ts";
import { createHeights } from "./heights.ts";
import { countOf, keyOf, placeOf, type Talk } from "./lines.ts";

/** So much above and below the view is in the document too (px), while that is not too many lines. */
export const AROUND = 600;
/** Lines in the document at most; more only where so many are in view. */
export const MOST = 80;

/** A part of the lines; `to` excluded. */
export type Span = { from: number; to: number };

/** @param estimate the likely height of a text (px), with what is around it if it is `first` of its author */
export function createRows(estimate: (text: string, first: boolean) => number) {
  const heights = createHeights();
  const measured = new Map<string, number>();
  let talk: Talk = { messages: [], pending: [], olderLeft: false, me: "", newFrom: null };
  /** So many messages are among the heights, from the first of these seqs to the last. Below them is what was pending. */
  let held = { count: 0, first: 0, last: 0 };

  function heightOf(i: number): number {
    const { messages, pending, me } = talk;
    const author = (i: number) => messages[i]?.sender.id ?? me;
    const { content } = messages[i] ?? pending[i - messages.length]!;
    return measured.get(keyOf(talk, i)) ?? estimate(content, i === 0 || author(i) !== author(i - 1));
  }

  /** Where the messages held are now; null where some were let go, removed or put between. */
  function moved(messages: readonly Message[]): number | null {
    const above = placeOf(messages, held.first);
    const stands = messages[above]?.seq === held.first && messages[above + held.count - 1]?.seq === held.last;
    return held.count && stands ? above : null;
  }

  function around(y: number, height: number, most: number): Span {
    const first = heights.at(y);
    const end = heights.at(y + height) + 1;
    const spare = Math.max(0, MOST - (end - first)) >> 1;
    return {
      from: Math.max(heights.at(y - most), first - spare),
      to: Math.min(heights.at(y + height + most) + 1, end + spare, heights.count()),
    };
  }

  return {
    offset: heights.offset,
    count: heights.count,
    total: heights.total,
    at: heights.at,
    /** The lines as they are now. What came at either end costs what it is; anything else adds up all anew. */
    sync(next: Talk): void {
      talk = next;
      const { messages } = next;
      const above = moved(messages);
      heights.cut(above === null ? 0 : held.count);
      if (above) heights.prepend(Array.from({ length: above }, (_, i) => heightOf(i)));
      for (let i = heights.count(); i < countOf(next); i++) heights.push(heightOf(i));
      held = { count: messages.length, first: messages[0]?.seq ?? 0, last: messages.at(-1)?.seq ?? 0 };
    },
    set(i: number, height: number): void {
      measured.set(keyOf(talk, i), height);
      heights.set(i, height);
    },
    /** The seq of a line, and so its name whatever comes above it; of something unsent, that of the last message. */
    seqOf: (i: number): number | undefined => talk.messages[Math.min(i, talk.messages.length - 1)]?.seq,
    indexOf: (seq: number): number => Math.max(0, Math.min(placeOf(talk.messages, seq), talk.messages.length - 1)),
    /** What is to be in the document for a view of `height` from `y` on, and at most so much around it (px). */
    around: (y: number, height: number, most = AROUND): Span => around(y, height, most),
    /** Whether such a span will do for that view a little longer. */
    suffices({ from, to }: Span, y: number, height: number, most = AROUND): boolean {
      const need = around(y, height, most / 2);
      return from <= need.from && to >= need.to;
    },
  };
}
