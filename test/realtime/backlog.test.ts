/** Readers that are slow one by one are cut by the runtime; these are many that are slow together. */
import { expect, test } from "bun:test";
import { createGateway } from "../../src/realtime/gateway.ts";
import { createDispatch } from "../../src/realtime/dispatch.ts";
import { Heads } from "../../src/realtime/heads.ts";
import { createPublisher } from "../../src/realtime/publisher.ts";
import { createResume } from "../../src/realtime/resume.ts";
import { openConnection, type Socket, Sockets } from "../../src/realtime/sockets.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { silent } from "../support/services.ts";

/** Sockets of as many people, which read nothing. */
function crowd(many: number, bufferedOf: (i: number) => number) {
  const clock = new SimulatedClock();
  const sockets = new Sockets();
  const publisher = createPublisher({ publishTo: () => {}, sockets, heads: new Heads(clock) });
  const closed: [i: number, code: number][] = [];
  const all = Array.from({ length: many }, (_, i) => {
    const caller = { userId: `u${i}`, sessionId: `s${i}`, username: `person${i}` };
    const data = openConnection({ endpoint: "chat", network: "" }, caller, clock.now());
    const ws = {
      data,
      readyState: 1,
      send: () => {},
      subscribe: () => {},
      unsubscribe: () => {},
      getBufferedAmount: () => bufferedOf(i),
      terminate: () => closed.push([i, 1006]),
      close(code: number) {
        closed.push([i, code]);
        this.readyState = 3;
        data.drained?.();
      },
    };
    sockets.add(ws as unknown as Socket, caller);
    return { ws: ws as unknown as Socket, data };
  });
  return { clock, sockets, publisher, closed, all };
}

test("where sockets lag by too much together, those that lag most are let go, and no others", () => {
  const megabyte = 1024 * 1024;
  const { clock, sockets, publisher, closed } = crowd(10, (i) => i * megabyte);
  const gateway = (maxBacklogBytes: number) =>
    createGateway({
      sockets,
      publisher,
      heads: new Heads(clock),
      dispatch: createDispatch(silent, () => {}),
      commands: { global: {}, private: {}, chat: {} },
      admit: async () => Promise.reject(new Error("nobody knocks")),
      resume: async () => {},
      hello: () => "",
      deliveredSince: () => null,
      isEnded: () => false,
      presence: { set: () => {}, sockets: () => 0 },
      maxSocketsPerUser: 20,
      maxUnauthenticated: 20,
      maxFrameBytes: 1_000,
      maxBacklogBytes,
      gate: { perSecond: 1_000, burst: 1_000 },
      idleMs: 60_000,
      silenceMs: 60_000,
      clock,
      log: silent,
    });
  // They lag by 45 MiB.
  gateway(45 * megabyte).sweep();
  expect(closed).toEqual([]);
  gateway(44 * megabyte).sweep();
  expect(closed.map(([i]) => i)).toEqual([9, 8, 7]);
});

test("of those who come back and do not read, the one that was waited for longest makes room", async () => {
  const { clock, publisher, closed, all } = crowd(70, () => 1024 * 1024);
  const owed = { since: "1", ahead: false, streams: [], more: false, events: ["{}", "{}"], changed: [] };
  const { resume } = createResume({ publisher, catchUp: async () => owed, presentNow: () => [], heads: new Heads(clock), epoch: () => "e", clock, log: silent }); // prettier-ignore
  const resuming = all.map(({ ws, data }) => resume(ws, data, {}));
  await Bun.sleep(10);
  expect(closed).toEqual([0, 1, 2, 3, 4, 5].map((i) => [i, 4010]));
  for (const { ws } of all) ws.close(1000);
  await Promise.all(resuming);
});

test("what is kept for all who come back is bounded together, too", () => {
  const { publisher, closed, all } = crowd(200, () => 0);
  for (const { ws, data } of all) publisher.hold(ws, "chat", data.caller.userId);
  // To everyone: 200 times as much in a moment.
  for (let i = 0; i < 7; i++) publisher.publish([{ endpoint: "chat", user: null, frame: "x".repeat(100_000) }]);
  const kept = 200 - closed.length;
  expect(closed.every(([, code]) => code === 4010)).toBe(true);
  expect(kept * 700_000).toBeLessThan(64 * 1024 * 1024);
  expect(kept).toBeGreaterThan(50);
});
