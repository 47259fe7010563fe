import { expect, test } from "bun:test";
import fc from "fast-check";
import { arrive, newStream, repair } from "../../src/realtime/sequencer.ts";

type Event = { seq: number; prev?: number };
const events = (...seqs: number[]): Event[] => seqs.map((seq) => ({ seq }));

test("what is next leaves, what is old is ignored, what is ahead waits", () => {
  const stream = { ...newStream<Event>(), last: 0 };
  expect(arrive(stream, events(1, 2))).toEqual(events(1, 2));
  expect(arrive(stream, events(2, 4, 5))).toEqual([]);
  expect(stream.held.size).toBe(2);
  expect(arrive(stream, events(3))).toEqual(events(3, 4, 5));
});

test("a room met in the middle waits for the database, which says where to begin", () => {
  const stream = newStream<Event>();
  expect(arrive(stream, events(9))).toEqual([]);
  expect(repair(stream, { after: 7, events: events(8, 9), head: 9, whole: true })).toEqual(events(8, 9));
});

test("a late double of something below the horizon is not delivered again", () => {
  const stream = newStream<Event>();
  arrive(stream, events(5));
  expect(repair(stream, { after: 7, events: [], head: 7, whole: true })).toEqual([]);
  expect([stream.last, stream.held.size]).toEqual([7, 0]);
});

test("a row that is gone for good holds nothing up", () => {
  const stream = newStream<Event>();
  arrive(stream, events(1, 4));
  expect(repair(stream, { after: 1, events: events(2, 4), head: 5, whole: true })).toEqual([
    { seq: 2 },
    { seq: 4, prev: 2 },
  ]);
  expect([stream.last, stream.held.size]).toEqual([5, 0]);
  expect(arrive(stream, events(6))).toEqual(events(6));
});

test("an answer that was cut short goes on where it ended", () => {
  const stream = newStream<Event>();
  arrive(stream, events(1));
  expect(repair(stream, { after: 1, events: events(2, 3), head: 9, whole: false })).toEqual(events(2, 3));
  expect(stream.last).toBe(3);
});

test("whatever is lost, doubled or out of order, each event leaves once and in order", () => {
  const schedule = fc.array(fc.record({ seq: fc.integer({ min: 1, max: 30 }), mend: fc.boolean() }), {
    minLength: 1,
    maxLength: 120,
  });
  fc.assert(
    fc.property(schedule, fc.integer({ min: 0, max: 10 }), (steps, start) => {
      const stream = newStream<Event>();
      const out: number[] = [];
      let committed = start;
      for (const { seq, mend } of steps) {
        committed = Math.max(committed, start + seq);
        out.push(...arrive(stream, events(start + seq)).map((e) => e.seq));
        if (!mend) continue;
        const from = stream.last ?? start;
        out.push(
          ...repair(stream, {
            after: from,
            events: events(...Array.from({ length: committed - from }, (_, i) => from + 1 + i)),
            head: committed,
            whole: true,
          }).map((e) => e.seq),
        );
        expect(stream.held.size).toBe(0);
      }
      expect(out).toEqual(Array.from({ length: out.length }, (_, i) => start + 1 + i));
    }),
    { numRuns: 2_000 },
  );
});
