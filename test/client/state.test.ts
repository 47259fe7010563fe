import { expect, test } from "bun:test";
import { asking, MAX_UNREAD, merge, fromWire } from "../../src/client/messages.ts";
import { newState, receive, startResume } from "../../src/client/state.ts";
import * as protocol from "../../src/protocol/frames.ts";
import { Device } from "./device.ts";
import { FakeServer } from "./fake-server.ts";

function alice(prepare: (server: FakeServer) => void = () => {}) {
  const server = new FakeServer();
  prepare(server);
  const device = new Device(server, "alice");
  device.connect();
  return { server, device };
}

const say = (server: FakeServer, ...contents: string[]) =>
  contents.map((content) => server.post("bob", "global", content).row);

test("the numbers are those of the protocol", () => {
  expect(MAX_UNREAD).toBe(protocol.MAX_UNREAD);
});

test("a fresh client starts from the snapshot, holds what comes live, and knows that older messages are left", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  expect(device.room()).toMatchObject({ last: 2, loaded: false, olderLeft: true, unread: 2, messages: [] });
  say(server, "three");
  expect(device.contents()).toEqual(["three"]);
  device.load("global");
  expect(device.contents()).toEqual(["one", "two", "three"]);
  expect(device.room()).toMatchObject({ olderLeft: false, unread: 3 });
});

test("an empty room is loaded from the start", () => {
  expect(alice().device.room()).toMatchObject({ last: 0, loaded: true, olderLeft: false });
});

test("a doubled frame is ignored, whatever it says", () => {
  const { server, device } = alice();
  const [row] = say(server, "one", "two");
  device.hear({ type: "message", stream: "global", seq: 1, prev: 0, message: { ...row!.message, content: "other" } });
  expect(device.contents()).toEqual(["one", "two"]);
  expect(device.told).toEqual(["one", "two"]);
});

test("a gap is resumed once, and what comes before the answer is not lost", () => {
  const { server, device } = alice();
  server.lose = () => true;
  say(server, "one");
  server.lose = () => false;
  say(server, "two");
  expect(device.contents()).toEqual(["one", "two"]);
  expect(device.resumes).toBe(2);
});

test("gaps during a resume ask for no second one, unless it did not bring what was missed", () => {
  const state = newState();
  const { server, device } = alice();
  const frames = say(server, "one", "two", "three", "four").map(({ message }) => message);
  const message = (seq: number, prev = seq - 1) =>
    receive(state, { type: "message", stream: "global", seq, prev, message: frames[seq - 1]! });
  const resumed = () => receive(state, { type: "resumed", since: "9", streams: {} });
  message(1);
  state.since = "1";
  state.resume = null;
  expect(message(3)).toEqual([{ do: "resume" }]);
  startResume(state, false);
  expect(message(3)).toEqual([]);
  message(2, 0);
  message(3);
  expect(resumed()).toEqual([]);
  startResume(state, false);
  expect(message(4)).toMatchObject([{ do: "message" }]);
  receive(state, { type: "message", stream: "global", seq: 9, prev: 8, message: frames[3]! });
  expect(resumed()).toEqual([{ do: "resume" }]);
  expect(device.contents()).toHaveLength(4);
});

test("an event of an unknown kind takes its place", () => {
  const { device } = alice();
  device.hear({ type: "reaction", stream: "global", seq: 1, prev: 0 } as never);
  expect(device.room().last).toBe(1);
  expect(device.resumes).toBe(1);
});

test("a lower version never overwrites a higher one, nor does a page from before a removal bring anything back", () => {
  const { server, device } = alice();
  const [one, two] = say(server, "one", "two");
  const old = [one, two].map((row) => fromWire(row!.message));
  const done = asking(device.room());
  server.change(one!, { content: "one, better" });
  server.change(two!, "remove");
  expect(device.contents()).toEqual(["one, better"]);
  merge(device.room(), old, false, "alice");
  done();
  expect(device.contents()).toEqual(["one, better"]);
  expect(device.room()).toMatchObject({ unread: 1, lastMessage: { content: "one, better" } });
});

test("too much was missed: the room is emptied, asked for again, and goes on from its head", () => {
  const { server, device } = alice((server) => say(server, "old"));
  device.load("global");
  device.hangUp();
  server.replay = 2;
  say(server, "one", "two", "three");
  device.connect();
  expect(device.room()).toMatchObject({ last: 4, loaded: false, messages: [], unread: 4 });
  expect(device.reloads).toEqual(["global"]);
  say(server, "four");
  device.load("global");
  expect(device.contents()).toEqual(["old", "one", "two", "three", "four"]);
});

test("a page that begins above all that is held replaces it, rather than leave a hole", () => {
  const { server, device } = alice((server) => say(server, "0"));
  device.load("global");
  device.hangUp();
  say(server, ...Array.from({ length: 9 }, (_, i) => `${i + 1}`));
  device.load("global", 3);
  expect(device.contents()).toEqual(["7", "8", "9"]);
  device.connect();
  expect(device.contents()).toEqual(["7", "8", "9"]);
  expect(device.room()).toMatchObject({ last: 10, olderLeft: true, unread: 10 });
});

test("another epoch forgets everything, told by hello or by an error", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.load("global");
  device.hangUp();
  Object.assign(server, { epoch: "e2", rows: [], txn: 0 });
  server.rooms.get("global")!.head = 0;
  say(server, "new");
  device.connect();
  device.load("global");
  expect(device.contents()).toEqual(["new"]);
  device.hear({ type: "error", code: "epoch_mismatch", detail: "" });
  expect(device.resumes).toBe(2);
});

test("a cursor ahead of the database is another epoch", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.load("global");
  device.hangUp();
  server.rows.pop();
  server.rooms.get("global")!.head = 1;
  device.connect();
  expect(device.room()).toMatchObject({ last: 1, messages: [], loaded: false });
});

test("a pong takes no newer cursor while something is missing", () => {
  const { server, device } = alice();
  server.lose = () => true;
  say(server, "one");
  const before = device.state.since;
  expect(receive(device.state, { type: "pong", since: "99", heads: { global: 1 } })).toEqual([{ do: "resume" }]);
  expect(device.state.since).toBe(before);
  device.ping();
  expect(device.contents()).toEqual(["one"]);
  device.ping();
  expect(device.state.since).toBe("1");
});

test("reading is zero at once, told again if it was lost, and marks never fall", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.hangUp();
  device.read("global");
  expect(device.room()).toMatchObject({ unread: 0, readSeq: 2 });
  device.connect();
  expect(server.rooms.get("global")!.read.get("alice")).toBe(2);
  device.hear({ type: "read", stream: "global", user_id: "alice", seq: 1, unread_count: 1, head_seq: 2 });
  expect(device.room()).toMatchObject({ unread: 0, readSeq: 2 });
});

test("one's own messages are never unread", () => {
  const { server, device } = alice();
  server.post("alice", "global", "mine");
  say(server, "yours");
  expect(device.room().unread).toBe(1);
});

test("a room that appears is known with all that is in it", () => {
  const { server, device } = alice();
  server.room("alice", "bob");
  server.post("bob", "alice-bob", "hello");
  expect(device.room("alice-bob")).toMatchObject({
    kind: "direct",
    unread: 1,
    participants: [{ id: "alice" }, { id: "bob" }],
  });
  expect(device.contents("alice-bob")).toEqual(["hello"]);
});

test("old messages are let go, but not from under who reads them", () => {
  const { server, device } = alice();
  const many = (n: number) => say(server, ...Array.from({ length: n }, (_, i) => `${i}`));
  many(700);
  expect(device.room().messages.length).toBeLessThanOrEqual(600);
  expect(device.room()).toMatchObject({ olderLeft: true, unread: 700 });
  device.room().wide = true;
  const held = device.room().messages.length;
  many(700);
  expect(device.room()).toMatchObject({ unread: MAX_UNREAD });
  expect(device.room().messages.length).toBe(held + 700);
});

test("a conversation that began while one was away is told and held, though nothing was known of it", () => {
  const { server, device } = alice();
  device.hangUp();
  server.room("alice", "bob");
  for (const content of ["one", "two"]) server.post("bob", "alice-bob", content);
  device.connect();
  expect([device.told, device.contents("alice-bob")]).toEqual([["one", "two"], ["one", "two"]]); // prettier-ignore
  expect(device.room("alice-bob")).toMatchObject({ unread: 2, last: 2 });
});

test("a cursor is taken with the last part of resumed only: the socket may break before", () => {
  const { device } = alice();
  startResume(device.state, false);
  device.hear({ type: "resumed", since: "7", streams: {}, more: true });
  expect(device.state.since).toBe("0");
  device.hear({ type: "resumed", since: "7", streams: {} });
  expect(device.state.since).toBe("7");
});
