import { expect, test } from "bun:test";
import { createClient } from "../../src/client/index.ts";
import { memoryStorage } from "../../src/client/storage.ts";
import { ChatError } from "../../src/client/errors.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { live, world } from "./connection-world.ts";

test("it comes up by hello, resume and resumed, with the token where no log has it", async () => {
  const { sockets, states, resumes } = await live();
  expect([sockets[0]!.url, sockets[0]!.protocols]).toEqual(["wss://server/ws/chat/", [SUBPROTOCOL, "bearer.access1"]]);
  expect(states.map(({ state }) => state)).toEqual(["connecting", "resuming", "live"]);
  expect([sockets[0]!.types(), resumes]).toEqual([["resume"], [true]]);
});

test("the wait is anything up to twice as long each time, half a minute at most, and short again after it was live", async () => {
  const w = world({ random: 0.999 });
  w.connection.connect();
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    await w.clock.advance(0);
    w.last().end(1006);
    waits.push(Math.round(w.wait()! / 0.999));
    await w.clock.advance(w.wait()!);
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  await w.up();
  w.random = 0;
  w.last().end(1006);
  expect(w.wait()).toBe(0);
});

test("hello alone does not make the wait short again: a server that dies of each resume must not be hammered", async () => {
  const w = world({ random: 1 });
  w.connection.connect();
  for (const wait of [500, 1_000, 2_000]) {
    await w.clock.advance(0);
    w.last().hear({ type: "hello", heartbeat_s: 30 });
    w.last().end(1011);
    expect(w.wait()).toBe(wait);
    await w.clock.advance(wait);
  }
});

test("a socket that comes up and goes down at once does not make the wait short again; one that lasts does", async () => {
  const w = world({ random: 1 });
  w.connection.connect();
  for (const wait of [500, 1_000, 2_000]) {
    await w.up();
    w.last().end(1009);
    expect(w.wait()).toBe(wait);
    await w.clock.advance(wait);
  }
  await w.up();
  await w.clock.advance(6_000);
  w.last().end(1006);
  expect(w.wait()).toBe(500);
});

test("4001 refreshes the token first; where that fails by the network, it is refreshed the next time", async () => {
  const w = await live();
  w.last().end(4001);
  w.failure = new ChatError("offline", "");
  await w.clock.advance(250);
  expect(w.connection.status().state).toBe("waiting");
  w.failure = null;
  await w.clock.advance(1_000);
  expect(w.tokens).toEqual(["access", "fresh"]);
  expect(w.last().protocols[1]).toBe("bearer.fresh2");
});

test("a server that says when to come back is believed", async () => {
  const w = await live();
  w.last().hear({ type: "reconnect", after_ms: 3_210 });
  w.last().end(4012);
  expect(w.wait()).toBe(3_210);
  await w.clock.advance(3_210);
  expect(w.sockets).toHaveLength(2);
  w.last().end(4012);
  expect(w.wait()).toBeLessThanOrEqual(1_000);
});

test("codes from 4500 up end it; a session or an account that is over signs out", async () => {
  for (const [code, ended] of [
    [4500, ["expired"]],
    [4501, ["disabled"]],
    [4502, []],
    [4999, []],
  ] as const) {
    // prettier-ignore
    const w = await live();
    w.last().end(code, "why");
    await w.clock.advance(1e6);
    expect([w.connection.status(), w.ended]).toEqual([{ state: "offline", code, reason: "why" }, [...ended]]);
    expect(w.sockets).toHaveLength(1);
  }
});

test("every other code means to come back", async () => {
  for (const code of [1000, 1001, 1005, 1006, 1009, 1012, 4009, 4010, 4013, 4499]) {
    const w = await live();
    w.last().end(code);
    await w.clock.advance(500);
    expect(w.sockets).toHaveLength(2);
  }
});

test("nobody signed in: it stays offline; no network for the token: it tries again", async () => {
  const w = world();
  w.failure = new ChatError("signed_out", "");
  w.connection.connect();
  await w.clock.advance(1e6);
  expect(w.states.map(({ state }) => state)).toEqual(["connecting", "offline"]);
  w.failure = new ChatError("rate_limited", "", 429, [], 5_000);
  w.connection.connect();
  await w.clock.advance(0);
  expect(w.wait()).toBe(5_000);
});

test("it pings at each heartbeat, and gives a socket up on which nothing came for a heartbeat and ten seconds", async () => {
  const w = await live();
  await w.clock.advance(30_000);
  expect(w.last().sent.at(-1)).toEqual({ type: "ping", t: w.clock.now() });
  w.last().hear({ type: "pong", since: null, heads: {} });
  await w.clock.advance(39_999);
  expect(w.sockets[0]!.closed).toBe(false);
  await w.clock.advance(1);
  expect(w.sockets[0]!.closed).toBe(true);
  expect(w.connection.status().state).toBe("waiting");
  await w.clock.advance(500);
  expect(w.sockets).toHaveLength(2);
});

test("no hello, no snapshot or no resumed within fifteen seconds: it tries again; a long replay may go on", async () => {
  const steps = [{ type: "hello", heartbeat_s: 30 }, { type: "snapshot" }, { seq: 1, prev: 0 }];
  for (let n = 0; n <= steps.length; n++) {
    const w = world();
    w.connection.connect();
    await w.clock.advance(0);
    for (const step of steps.slice(0, n)) {
      await w.clock.advance(10_000);
      w.last().hear(step);
    }
    await w.clock.advance(14_999);
    expect(w.sockets[0]!.closed).toBe(false);
    await w.clock.advance(1);
    expect(w.sockets[0]!.closed).toBe(true);
  }
});

test("who is told to come back next month comes back within a minute", async () => {
  const w = world();
  w.failure = new ChatError("unavailable", "", 503, [], 9_999_999_000);
  w.connection.connect();
  await w.clock.advance(0);
  expect(w.wait()).toBe(60_000);
});

test("what an old socket still says is not heard", async () => {
  const w = await live();
  w.connection.close();
  const heard = w.frames.length;
  w.sockets[0]!.hear({ type: "pong" });
  w.sockets[0]!.end(4500);
  expect([w.frames.length, w.ended, w.connection.status()]).toEqual([heard, [], { state: "offline" }]);
});

test("a gap is resumed on the same socket, which is then not the first resume", async () => {
  const w = await live();
  w.connection.resume();
  expect(w.connection.status().state).toBe("resuming");
  w.last().hear({ type: "resumed", since: "1", streams: {}, more: true });
  expect(w.connection.status().state).toBe("resuming");
  w.last().hear({ type: "resumed", since: "2", streams: {} });
  expect([w.connection.status().state, w.resumes, w.sockets.length]).toEqual(["live", [true, false], 1]);
});

test("a resume that came too soon after others is asked for again, when the server says so", async () => {
  const w = await live();
  w.connection.resume();
  w.last().hear({ type: "error", code: "rate_limited", detail: "wait", retry_after_ms: 700 });
  await w.clock.advance(699);
  expect(w.resumes).toEqual([true, false]);
  await w.clock.advance(1);
  expect(w.resumes).toEqual([true, false, false]);
  w.last().hear({ type: "error", code: "rate_limited", detail: "wait", retry_after_ms: 700 });
  w.last().hear({ type: "resumed", since: "2", streams: {} });
  await w.clock.advance(700);
  expect([w.connection.status().state, w.resumes.length, w.sockets.length]).toEqual(["live", 3, 1]);
});

test("reconnectNow does not wait, pings a socket that seems well, and leaves one that was silent", async () => {
  const w = await live();
  w.connection.reconnectNow();
  expect(w.last().types()).toEqual(["resume", "ping"]);
  await w.clock.advance(31_000);
  w.connection.reconnectNow();
  await w.clock.advance(0);
  expect([w.sockets.length, w.sockets[0]!.closed]).toEqual([2, true]);
  w.last().end(1006);
  w.connection.reconnectNow();
  await w.clock.advance(0);
  expect(w.sockets).toHaveLength(3);
});

test("after a sleep the first timer that fires leaves the dead socket", async () => {
  const w = await live();
  const { now } = w.clock;
  w.clock.now = () => now() + 3_600_000;
  await w.clock.advance(30_000);
  expect([w.last().closed, w.last().types()]).toEqual([true, ["resume"]]);
});

test("a healthy socket is kept where timers run once a minute, as in a hidden tab, and a dead one is left", async () => {
  const w = world();
  const { after, now } = w.clock;
  w.clock.after = (ms, run) => after(ms && Math.ceil((now() + ms) / 60_000) * 60_000 - now(), run);
  await w.clock.advance(60_000 - (now() % 60_000));
  w.connection.connect();
  await w.up();
  for (let minute = 1; minute <= 10; minute++) {
    await w.clock.advance(60_000);
    w.last().hear({ type: "pong", since: null, heads: {} });
    expect([w.connection.status().state, w.sockets.length]).toEqual(["live", 1]);
    expect(
      w
        .last()
        .types()
        .filter((type) => type === "ping").length,
    ).toBe(minute);
  }
  await w.clock.advance(120_000);
  expect(w.sockets[0]!.closed).toBe(true);
});

test("a clock that is set back while it comes up keeps nobody waiting", async () => {
  const w = world();
  w.connection.connect();
  await w.clock.advance(0);
  w.last().hear({ type: "hello", heartbeat_s: 30 });
  const { now } = w.clock;
  w.clock.now = () => now() - 3_600_000;
  await w.clock.advance(35_000);
  expect(w.sockets[0]!.closed).toBe(true);
});

test("noise on the socket does no harm", async () => {
  const w = await live();
  w.last().onmessage!({ data: "{" });
  expect(w.connection.status().state).toBe("live");
});

test("where there is no WebSocket, connect says so rather than try for ever", async () => {
  const client = createClient({
    url: "http://server",
    storage: memoryStorage(),
    ports: { WebSocket: undefined as never },
  });
  expect(client.connect).toThrow("There is no WebSocket here");
});
