import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  acked,
  arrived,
  discarded,
  due,
  interrupted,
  newOutbox,
  type Outbox,
  refused,
  restore,
  retried,
  setLimits,
  write,
} from "../../src/client/outbox.ts";

function outbox(...messages: string[]): Outbox {
  const box = newOutbox();
  for (const message of messages) add(box, message);
  return box;
}

/** `room/content`; its id is itself. */
const add = (box: Outbox, message: string, now = 0) =>
  write(box, { clientId: message, stream: message.split("/")[0]!, content: message }, now);

const sent = (box: Outbox, now: number) => due(box, now).send.map(({ clientId }) => clientId);
const error = (client_id: string, code: string, retry_after_ms?: number) =>
  ({ type: "error", code, detail: "", client_id, ...(retry_after_ms !== undefined && { retry_after_ms }) }) as never;

test("one message a room is under way at a time, in the order in which they were written", () => {
  const box = outbox("a/1", "a/2", "b/1");
  expect(sent(box, 0)).toEqual(["a/1", "b/1"]);
  expect(sent(box, 1)).toEqual([]);
  acked(box, "a/1", 1);
  expect(sent(box, 2)).toEqual(["a/2"]);
});

test("what is said in many rooms is not sent all at once, and all of it in the end", () => {
  const rooms = Array.from({ length: 1_000 }, (_, i) => `${i}/1`);
  const box = outbox(...rooms);
  const all: string[] = [];
  // The server closes a socket on which 256 frames wait.
  for (let now = 0; all.length < rooms.length; now++) {
    const next = sent(box, now);
    expect(next.length).toBeWithin(1, 257);
    for (const id of next) acked(box, id, 1);
    all.push(...next);
  }
  expect(all).toEqual(rooms);
  // Unanswered ones hold nobody up for longer than until they are sent again.
  for (const id of rooms) add(box, id.replace("/1", "/2"));
  const first = sent(box, 2_000);
  expect([first.length > 0, sent(box, 2_001)]).toEqual([true, []]);
  expect(sent(box, 20_000)).toEqual(first);
});

test("without an answer for ten seconds a message is sent again, with the same id", () => {
  const box = outbox("a/1", "a/2");
  expect(due(box, 0)).toMatchObject({ wake: 10_000 });
  expect(sent(box, 9_999)).toEqual([]);
  expect(sent(box, 10_000)).toEqual(["a/1"]);
});

test("a broken socket sends it again on the next one", () => {
  const box = outbox("a/1");
  sent(box, 0);
  interrupted(box);
  expect(sent(box, 1)).toEqual(["a/1"]);
});

test("busy, unavailable and internal mean later, for as long as it takes; what is behind in the room waits", () => {
  const box = outbox("a/1", "a/2");
  for (const [at, code] of [
    [0, "unavailable"],
    [700, "internal"],
  ] as const) {
    // prettier-ignore
    expect(sent(box, at)).toEqual(["a/1"]);
    expect(refused(box, error("a/1", code, 700), at)).toBeUndefined();
    expect(due(box, at + 699)).toEqual({ send: [], wake: at + 700 });
  }
});

test("rate_limited holds all rooms up: the limit is the user's", () => {
  const box = outbox("a/1", "b/1");
  setLimits(box, { rate_per_s: 1, burst: 5 });
  expect(sent(box, 0)).toEqual(["a/1", "b/1"]);
  refused(box, error("a/1", "rate_limited", 3_000), 0);
  refused(box, error("b/1", "rate_limited", 3_000), 0);
  add(box, "c/1");
  expect(sent(box, 2_999)).toEqual([]);
  expect(sent(box, 3_000)).toEqual(["a/1"]);
  expect(sent(box, 4_000)).toEqual(["b/1"]);
});

test("a refusal is told, and does not hold up what is behind; retry sends it again, discard lets it go", () => {
  const box = outbox("a/1", "a/2");
  sent(box, 0);
  expect(refused(box, error("a/1", "too_long"), 0)).toMatchObject({ state: "failed", error: { code: "too_long" } });
  expect(sent(box, 1)).toEqual(["a/2"]);
  acked(box, "a/2", 1);
  retried(box, "a/1");
  expect(sent(box, 2)).toEqual(["a/1"]);
  expect(discarded(box, "a/1")).toBeDefined();
  expect(sent(box, 99_999)).toEqual([]);
});

test("a confirmed message stays until it has arrived in its room, and is confirmed once", () => {
  const box = outbox("a/1");
  sent(box, 0);
  expect(acked(box, "a/1", 7)).toBeDefined();
  expect(acked(box, "a/1", 7)).toBeUndefined();
  arrived(box, () => 6);
  expect(box.entries).toMatchObject([{ state: "sent" }]);
  arrived(box, () => 7);
  expect(box.entries).toEqual([]);
});

test("a late refusal of what was confirmed means nothing, nor does one of an unknown message", () => {
  const box = outbox("a/1");
  acked(box, "a/1", 1);
  expect(refused(box, error("a/1", "too_long"), 0)).toBeUndefined();
  expect(refused(box, error("x", "too_long"), 0)).toBeUndefined();
  expect(box.entries).toMatchObject([{ state: "sent" }]);
});

test("after a crash the stored messages are there, in order, the refused ones still refused", () => {
  const box = outbox("a/3");
  const stored = (clientId: string, at: number) => ({ clientId, stream: "a", content: clientId, at });
  restore(box, [stored("a/2", -1), { ...stored("a/1", -2), error: { code: "empty" as const, detail: "" } }]);
  expect(box.entries.map(({ clientId, state }) => [clientId, state])).toEqual([
    ["a/1", "failed"],
    ["a/2", "queued"],
    ["a/3", "queued"],
  ]);
  expect(sent(box, 0)).toEqual(["a/2"]);
});

test("a clock that is set back does not change the order", () => {
  const box = newOutbox();
  add(box, "a/1", 5_000);
  expect(add(box, "a/2", 1_000).at).toBe(5_001);
});

test("a clock that is set back by an hour holds nothing up for longer than it would have been", () => {
  const box = newOutbox();
  setLimits(box, { rate_per_s: 1, burst: 1 });
  add(box, "a/1");
  add(box, "b/1");
  expect(sent(box, 3_600_000)).toEqual(["a/1"]);
  expect(sent(box, 0)).toEqual([]);
  expect(sent(box, 1_000)).toEqual(["b/1"]);
  expect(sent(box, 10_000)).toEqual(["a/1"]);
});

test("no more is ever sent than the limits allow, nor less than they could", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.record({ ms: fc.nat(900), room: fc.nat(4) }), { maxLength: 60 }),
      (rate, burst, writes) => {
        const box = newOutbox();
        setLimits(box, { rate_per_s: rate, burst });
        let now = 0;
        // The server's bucket.
        let tokens = burst;
        let n = 0;
        const order = new Map<string, number>();
        const run = (until: number) => {
          for (;;) {
            const { send, wake } = due(box, now);
            for (const { clientId, stream, at } of send) {
              tokens--;
              expect(tokens).toBeGreaterThan(-1e-6);
              expect(at).toBeGreaterThan(order.get(stream) ?? -1);
              order.set(stream, at);
              acked(box, clientId, 1);
            }
            if (send.length) continue;
            const next = Math.min(wake, until);
            if (next > now) tokens = Math.min(burst, tokens + ((next - now) / 1_000) * rate);
            now = Math.max(now, next);
            if (next >= until) return;
          }
        };
        for (const { ms, room } of writes) {
          run(now + ms);
          add(box, `${room}/${n++}`, now);
        }
        run(now + ((n + 1) * 1_000) / rate);
        expect(box.entries.every(({ state }) => state === "sent")).toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});
