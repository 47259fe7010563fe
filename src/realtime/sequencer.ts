/**
 * The order of one room in one process, as a pure core: events come from the local writer, from the bus (lost, doubled, late) and
 * from the database; each leaves once, in order. `last` is the seq that was delivered last, null while nothing is known.
 */
export type Stream<E extends { seq: number }> = { last: number | null; held: Map<number, E> };

export function newStream<E extends { seq: number }>(): Stream<E> {
  return { last: null, held: new Map() };
}

/** Takes events in; gives those whose turn it is. What stays held is behind a hole, or in a room of which nothing is known yet. */
export function arrive<E extends { seq: number }>(stream: Stream<E>, events: readonly E[]): E[] {
  for (const event of events) {
    if (stream.last === null || event.seq > stream.last) stream.held.set(event.seq, event);
  }
  return release(stream);
}

/** `after`: the last event before `events`; `head`: the room's last seq at that moment; `whole`: `events` go that far. */
export type Answer<E> = { after: number; events: readonly E[]; head: number; whole: boolean };

/**
 * Takes in what the database said: the room's events after `last`, or, at first sight, those since the horizon, in order. It is the truth: what it does
 * not have is not there (a message that was removed, a row that an operator deleted), and at first sight everything below the horizon was seen to at an
 * earlier look.
 */
export function repair<E extends { seq: number; prev?: number }>(
  stream: Stream<E>,
  { after, events, head, whole }: Answer<E>,
): E[] {
  const due: E[] = [];
  stream.last ??= after;
  for (const event of events) {
    if (event.seq <= stream.last) continue;
    due.push(event.seq === stream.last + 1 ? event : { ...event, prev: stream.last });
    stream.last = event.seq;
  }
  if (whole) stream.last = Math.max(stream.last, head);
  for (const seq of stream.held.keys()) if (seq <= stream.last) stream.held.delete(seq);
  return [...due, ...release(stream)];
}

function release<E extends { seq: number }>(stream: Stream<E>): E[] {
  const due: E[] = [];
  if (stream.last === null) return due;
  for (let next = stream.held.get(stream.last + 1); next; next = stream.held.get(stream.last + 1)) {
    stream.held.delete(next.seq);
    stream.last = next.seq;
    due.push(next);
  }
  return due;
}
