/** Where lines stand, against the simplest reckoning, by random schedules. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Message } from "../../src/client/index.ts";
import { createHeights } from "../../src/web/app/heights.ts";
import { keyOf, linesOf, placeOf } from "../../src/web/app/lines.ts";
import { createRows, MOST } from "../../src/web/app/rows.ts";

test("heights add up whatever is put above or below, changed or cut", () => {
  const height = fc.nat(200);
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), heights: fc.array(height, { maxLength: 40 }) }),
    fc.record({ do: fc.constant("prepend" as const), heights: fc.array(height, { maxLength: 40 }) }),
    fc.record({ do: fc.constant("set" as const), at: fc.nat(), height }),
    fc.record({ do: fc.constant("cut" as const), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(9_000), (steps, y) => {
      const heights = createHeights();
      let plain: number[] = [];
      for (const step of steps) {
        if (step.do === "push") for (const height of step.heights) plain.push((heights.push(height), height));
        if (step.do === "prepend") {
          heights.prepend(step.heights);
          plain = step.heights.concat(plain);
        }
        if (step.do === "set" && plain.length) {
          heights.set(step.at % plain.length, step.height);
          plain[step.at % plain.length] = step.height;
        }
        if (step.do === "cut") {
          heights.cut(step.at % 60);
          plain = plain.slice(0, step.at % 60);
        }
      }
      const tops = plain.map((_, i) => plain.slice(0, i).reduce((sum, height) => sum + height, 0));
      const total = plain.reduce((sum, height) => sum + height, 0);
      expect(heights.count()).toBe(plain.length);
      expect(plain.map((_, i) => heights.offset(i))).toEqual(tops);
      expect(heights.total()).toBe(total);
      const row = plain.findIndex((height, i) => tops[i]! <= y && y < tops[i]! + height);
      expect(heights.at(y)).toBe(row < 0 ? Math.max(0, plain.length - 1) : row);
    }),
    { numRuns: 1_000 },
  );
});

const ESTIMATE = 41;
const message = (seq: number): Message => ({
  id: seq,
  seq,
  version: seq,
  sender: { id: `${seq % 3}`, username: "" },
  content: `${seq}`,
  timestamp: new Date(seq * 1_000).toISOString(),
});
const talkOf = (messages: Message[], pending: { clientId: string; content: string; at: number }[] = []) => ({
  messages,
  pending,
  olderLeft: false,
  me: "me",
  newFrom: null,
});

/** What a room goes through: pages above, messages below, removals, those let go, one's own on their way. */
const changes = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom("older" as const, "newer" as const), count: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ do: fc.constantFrom("remove" as const, "trim" as const, "send" as const, "ack" as const), count: fc.nat() }), // prettier-ignore
    fc.record({ do: fc.constant("measure" as const), count: fc.nat() }),
  ),
  { maxLength: 30 },
);

test("a row has the height that was measured of it, else the estimate, whatever came, went or was let go around it", () => {
  fc.assert(
    fc.property(changes, (all) => {
      const rows = createRows(() => ESTIMATE);
      const known = new Map<string, number>();
      let messages: Message[] = [];
      let pending: { clientId: string; content: string; at: number }[] = [];
      for (const change of all) {
        const first = messages[0]?.seq ?? 5_000;
        const last = messages.at(-1)?.seq ?? 4_999;
        if (change.do === "older")
          messages.unshift(...Array.from({ length: change.count }, (_, i) => message(first - change.count + i)));
        if (change.do === "newer")
          messages.push(...Array.from({ length: change.count }, (_, i) => message(last + 1 + i)));
        if (change.do === "remove") messages.splice(change.count % (messages.length + 1), 1);
        if (change.do === "trim") messages = messages.slice(change.count % (messages.length + 1));
        if (change.do === "send") pending.push({ clientId: `own ${change.count}`, content: "", at: change.count });
        if (change.do === "ack" && pending.length)
          messages.push({ ...message(last + 1), clientId: pending.shift()!.clientId });
        const talk = talkOf(messages, pending);
        rows.sync(talk);
        const count = messages.length + pending.length;
        if (change.do === "measure" && count) {
          const i = change.count % count;
          rows.set(i, 20 + (change.count % 300));
          known.set(keyOf(talk, i), 20 + (change.count % 300));
        }
        expect(rows.count()).toBe(count);
        let top = 0;
        for (let i = 0; i < count; i++) {
          expect(rows.offset(i)).toBe(top);
          top += known.get(keyOf(talk, i)) ?? ESTIMATE;
        }
        expect(rows.total()).toBe(top);
        for (const [i, { seq }] of messages.entries()) expect([rows.seqOf(i), rows.indexOf(seq)]).toEqual([seq, i]);
      }
    }),
    { numRuns: 300 },
  );
});

test("all that is in view is shown, something around it too, and never more than eighty lines", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 41, max: 900 }), { minLength: 1, maxLength: 400 }),
      fc.integer({ min: -500, max: 40_000 }),
      fc.integer({ min: 100, max: 2_400 }),
      (heights, y, height) => {
        const rows = createRows(() => ESTIMATE);
        rows.sync(talkOf(heights.map((_, i) => message(i + 1))));
        for (const [i, height] of heights.entries()) rows.set(i, height);
        const { from, to } = rows.around(y, height);
        expect(to - from).toBeLessThanOrEqual(MOST);
        expect(from === 0 || rows.offset(from) <= y).toBe(true);
        expect(to === heights.length || rows.offset(to) >= y + height).toBe(true);
        expect(rows.suffices({ from, to }, y, height)).toBe(true);
        // A row has been scrolled away at either side, and nothing is to be done yet.
        const isInside = from > 0 && to < heights.length && to - from < MOST;
        if (isInside) expect(rows.offset(from) <= y - 300 && rows.offset(to) >= y + height + 300).toBe(true);
      },
    ),
  );
});

test("a new message in a room of a hundred thousand costs what it is, not what the room is", () => {
  const messages = Array.from({ length: 100_000 }, (_, i) => message(i + 1));
  let looks = 0;
  const counted = new Proxy(messages, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key);
    },
  });
  const rows = createRows(() => ESTIMATE);
  rows.sync(talkOf(counted));
  messages.push(message(100_001));
  looks = 0;
  const talk = talkOf(counted);
  rows.sync(talk);
  const { from, to } = rows.around(rows.total() - 800, 800);
  expect(linesOf(talk, from, to).length).toBe(to - from);
  expect(placeOf(counted, 100_001)).toBe(100_000);
  expect(looks).toBeLessThan(2_000);
});
