import { expect, test } from "bun:test";
import { createDispatch } from "../../src/realtime/dispatch.ts";
import { createGateway } from "../../src/realtime/gateway.ts";
import { Heads } from "../../src/realtime/heads.ts";
import { createPublisher } from "../../src/realtime/publisher.ts";
import { openConnection, type Socket, Sockets } from "../../src/realtime/sockets.ts";
import { silent } from "../support/services.ts";
import { SimulatedClock } from "../simulation/clock.ts";

/** A gateway with one open socket; `handled` is what reached the dispatch, in order. */
type Options = {
  delay?: (frame: string) => Promise<unknown>;
  gate?: { perSecond: number; burst: number };
  isEnded?: () => boolean;
};

/** A gateway that knows nobody. */
const stub = (clock: SimulatedClock) => ({
  commands: { global: {}, private: {}, chat: {} },
  admit: async () => Promise.reject(new Error("nobody knocks")),
  resume: async () => {},
  hello: () => "",
  deliveredSince: (): string | null => null,
  isEnded: () => false,
  presence: { set: () => {}, sockets: () => 0 },
  maxSocketsPerUser: 20,
  maxUnauthenticated: 2,
  maxFrameBytes: 1_000,
  gate: { perSecond: 1_000, burst: 1_000 },
  idleMs: 60_000,
  silenceMs: 60_000,
  clock,
  log: silent,
});

function oneSocket({
  delay = async () => {},
  gate = { perSecond: 1_000, burst: 1_000 },
  isEnded = () => false,
}: Options = {}) {
  const handled: string[] = [];
  const closed: number[] = [];
  const sent: { code: string }[] = [];
  const clock = new SimulatedClock();
  const sockets = new Sockets();
  const heads = new Heads(clock);
  const { websocket } = createGateway({
    ...stub(clock),
    sockets,
    heads,
    publisher: createPublisher({ publishTo: () => {}, sockets, heads }),
    dispatch: async (_endpoint, frame) => {
      await delay(frame);
      handled.push(frame);
    },
    isEnded,
    gate,
  });
  const data = openConnection(
    { endpoint: "global", network: "" },
    { userId: "u", sessionId: "s", username: "ada" },
    clock.now(),
  );
  const ws = {
    data,
    readyState: 1,
    subscribe: () => {},
    close: (code: number) => closed.push(code),
    send: (frame: string) => sent.push(JSON.parse(frame)),
  } as unknown as Socket;
  void websocket.open?.(ws);
  return { receive: (frame: string) => void websocket.message?.(ws, frame), handled, closed, sent };
}

test("a frame waits for the one before it, however long that takes", async () => {
  const { receive, handled } = oneSocket({ delay: (frame) => Bun.sleep(frame === "first" ? 30 : 0) });
  for (const frame of ["first", "second", "third"]) receive(frame);
  await Bun.sleep(60);
  expect(handled).toEqual(["first", "second", "third"]);
});

test("who piles up more frames than are acted upon is closed", () => {
  const { receive, closed } = oneSocket({ delay: () => new Promise(() => {}) });
  for (let i = 0; i < 257; i++) receive("x");
  expect(closed).toEqual([]);
  receive("x");
  expect(closed).toEqual([4009]);
});

test("frames beyond the socket's own rate are refused before they are parsed", async () => {
  const { receive, handled, sent } = oneSocket({ gate: { perSecond: 10, burst: 3 } });
  for (let i = 0; i < 5; i++) receive("x");
  await Bun.sleep(1);
  expect([handled.length, sent.map(({ code }) => code)]).toEqual([3, ["rate_limited", "rate_limited"]]);
});

test("a session that ended during the handshake gets no socket", () => {
  expect(oneSocket({ isEnded: () => true }).closed).toEqual([4001]);
});

test("a cursor never overtakes what it stands for, however much is still on its way out", async () => {
  const clock = new SimulatedClock();
  const sockets = new Sockets();
  const heads = new Heads(clock);
  const frames: string[] = [];
  const publisher = createPublisher({ publishTo: (_to, frame) => frames.push(frame), sockets, heads });
  let delivered = "before";
  const { websocket } = createGateway({
    ...stub(clock),
    sockets,
    heads,
    publisher,
    dispatch: createDispatch(silent, () => {}),
    deliveredSince: () => delivered,
  });
  const data = openConnection(
    { endpoint: "chat", network: "" },
    { userId: "u", sessionId: "s", username: "ada" },
    clock.now(),
  );
  const ws = { data, readyState: 1, send: (frame: string) => frames.push(frame) } as unknown as Socket;
  void websocket.open?.(ws);
  data.phase = { name: "live", since: "0", at: 0, toldTo: 0 };
  const much = (name: string) => ({ endpoint: "chat" as const, user: null, frame: name + "x".repeat(300_000) });
  publisher.publish([much("one"), much("two")]);
  void websocket.message?.(ws, JSON.stringify({ type: "ping" }));
  // Committed, found by a look, and handed to the publisher, which is still busy with what came before.
  publisher.publish([much("three")]);
  delivered = "after three";
  await Bun.sleep(20);
  const said = frames.map((frame) => (frame.startsWith("{") ? JSON.parse(frame).since : frame.slice(0, 3)));
  // The first is the hello.
  expect(said).toEqual(["", "one", "two", "before", "thr"]);
});
