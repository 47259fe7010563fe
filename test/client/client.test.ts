/** The whole client over a server, a network and a clock that do as told. */
import { expect, test } from "bun:test";
import type { Client } from "../../src/client/index.ts";
import { memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";

const contents = (client: Client, stream = "global") =>
  client.state.streams.get(stream)!.messages.map(({ content }) => content);
const pending = (client: Client, stream = "global") =>
  client.pending(stream).map(({ content, state }) => [content, state]);

test("what one says the other hears, once, and it is confirmed", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  const bob = await network.live("bob");
  const heard: string[] = [];
  bob.on("message", ({ stream, message }) => heard.push(`${stream}: ${message.content}`));
  const { sent, clientId } = alice.send("global", "hello");
  expect(pending(alice)).toEqual([["hello", "queued"]]);
  await network.clock.advance(0);
  expect(await sent).toEqual({ stream: "global", id: 1, seq: 1 });
  expect(heard).toEqual(["global: hello"]);
  expect([contents(alice), contents(bob), pending(alice)]).toEqual([["hello"], ["hello"], []]);
  expect(alice.state.streams.get("global")!.messages[0]!.clientId).toBe(clientId);
});

test("what is said without a network is sent when there is one, in order, over a reload of the page", async () => {
  const network = new FakeNetwork();
  const storage = memoryStorage();
  const first = await network.live("alice", storage);
  network.up = false;
  network.cut();
  first.send("global", "one");
  first.send("global", "two");
  await network.clock.advance(60_000);
  expect(pending(first)).toEqual([["one", "queued"], ["two", "queued"]]); // prettier-ignore
  first.close();
  const second = network.client(storage);
  expect(await second.restore()).toMatchObject({ id: "alice" });
  expect(pending(second)).toHaveLength(2);
  second.send("a-room", "elsewhere");
  expect([pending(second).length, second.pending().length]).toEqual([2, 3]);
  second.discard(second.pending("a-room")[0]!.clientId);
  network.up = true;
  second.connect();
  await network.clock.advance(100);
  expect(contents(second)).toEqual(["one", "two"]);
  expect((await storage.entries("outbox/")).length).toBe(0);
});

test("an answer that is lost sends the message again, and it is there once", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  network.server.answer = () => {
    network.server.answer = () => undefined;
    network.server.post("alice", "global", "once", "id0");
    network.cut();
    return null;
  };
  const { sent } = alice.send("global", "once");
  await network.clock.advance(20_000);
  expect(await sent).toMatchObject({ seq: 1 });
  expect(network.server.rows).toHaveLength(1);
  expect(network.server.sends.length).toBeGreaterThan(0);
});

test("what is sent is being stored by then; a storage that is slow or fails holds up nothing and loses nothing", async () => {
  const network = new FakeNetwork();
  const storage = memoryStorage();
  const alice = await network.live("alice", storage);
  const done: string[] = [];
  const settled: (() => void)[] = [];
  storage.set = (_, value) => {
    done.push(`stores ${(value as { content: string }).content}`);
    return new Promise((_, reject) => settled.push(() => reject(new Error("full"))));
  };
  network.server.answer = ({ content }) => void done.push(`sends ${content}`);
  alice.send("global", "hello");
  await network.clock.advance(0);
  alice.send("global", "again");
  for (const fail of settled) fail();
  await network.clock.advance(1_000);
  expect(done).toEqual(["stores hello", "sends hello", "stores again", "sends again"]);
  expect([contents(alice), pending(alice)]).toEqual([["hello", "again"], []]);
});

test("a refusal is told by the promise and the event; retry sends it again; discard rejects", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  const failed: string[] = [];
  alice.on("failed", ({ content, error }) => failed.push(`${content}: ${error!.code}`));
  network.server.answer = ({ content }) => (content === "bad" ? { code: "too_long", detail: "Too long." } : undefined);
  const { sent, clientId } = alice.send("global", "bad");
  const other = alice.send("global", "good");
  await network.clock.advance(0);
  expect(await sent.catch(({ code }) => code)).toBe("too_long");
  expect(await other.sent).toMatchObject({ seq: 1 });
  expect([failed, pending(alice)]).toEqual([["bad: too_long"], [["bad", "failed"]]]);
  network.server.answer = () => undefined;
  alice.retry(clientId);
  await network.clock.advance(0);
  expect(contents(alice)).toEqual(["good", "bad"]);
  network.up = false;
  network.cut();
  const given = alice.send("global", "never mind");
  alice.discard(given.clientId);
  expect(await given.sent.catch(({ code }) => code)).toBe("discarded");
  expect(pending(alice)).toEqual([]);
});

test("what is no text is refused where it is said, and holds nothing up", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  expect(() => alice.send("global", 42 as never)).toThrow("content: must be text.");
  alice.send("global", "42");
  await network.clock.advance(0);
  expect([contents(alice), pending(alice)]).toEqual([["42"], []]);
});

test("someone who types fast never meets the limit", async () => {
  const network = new FakeNetwork();
  Object.assign(network.server.limits, { rate_per_s: 1, burst: 2 });
  const alice = await network.live("alice");
  for (const content of ["1", "2", "3", "4"]) alice.send("global", content);
  await network.clock.advance(0);
  expect(contents(alice)).toEqual(["1", "2"]);
  await network.clock.advance(2_000);
  expect(contents(alice)).toEqual(["1", "2", "3", "4"]);
});

test("a page that is older than what came meanwhile leaves no hole and brings nothing back", async () => {
  const network = new FakeNetwork();
  const { server } = network;
  const rows = ["1", "2", "3"].map((content) => server.post("bob", "global", content).row);
  const alice = await network.live("alice");
  let release = () => {};
  network.hold = new Promise((resolve) => (release = resolve));
  const loading = alice.loadLatest("global");
  await network.clock.advance(0);
  server.post("bob", "global", "4");
  server.change(rows[1]!, "remove");
  server.change(rows[2]!, { content: "3, better" });
  await network.clock.advance(0);
  release();
  await loading;
  expect(contents(alice)).toEqual(["1", "3, better", "4"]);
  expect(network.calls.filter((call) => call.includes("messages"))).toHaveLength(2);
});

test("history is loaded page by page to its beginning, asked for once however often", async () => {
  const network = new FakeNetwork();
  const all = Array.from({ length: 120 }, (_, i) => network.server.post("bob", "global", `${i}`).row.message.content);
  const alice = await network.live("alice");
  await Promise.all([alice.loadLatest("global"), alice.loadLatest("global")]);
  expect(contents(alice)).toEqual(all.slice(-50));
  await Promise.all([alice.loadOlder("global"), alice.loadOlder("global")]);
  expect(contents(alice)).toEqual(all.slice(-100));
  await alice.loadOlder("global");
  await alice.loadOlder("global");
  expect(contents(alice)).toEqual(all);
  expect(network.calls.filter((call) => call.includes("messages"))).toHaveLength(3);
});

test("a room that was emptied because too much was missed is loaded again by itself", async () => {
  const network = new FakeNetwork();
  network.server.replay = 2;
  const alice = await network.live("alice");
  network.up = false;
  network.cut();
  for (const content of ["1", "2", "3"]) network.server.post("bob", "global", content);
  network.up = true;
  // Also where that fails at first, and the socket does not.
  const failure = Promise.withResolvers<void>();
  network.hold = failure.promise;
  await network.clock.advance(10_000);
  failure.reject(new TypeError("fetch failed"));
  await network.clock.advance(0);
  expect([alice.connection.state, contents(alice)]).toEqual(["live", []]);
  await network.clock.advance(5_000);
  expect(contents(alice)).toEqual(["1", "2", "3"]);
});

test("a conversation is opened, typed in and read", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  const bob = await network.live("bob");
  const room = await alice.openConversation("bob");
  alice.send(room, "hello");
  await network.clock.advance(0);
  expect(bob.state.streams.get(room)).toMatchObject({ unread: 1, participants: [{ id: "alice" }, { id: "bob" }] });
  bob.markRead(room);
  await network.clock.advance(0);
  expect(bob.state.streams.get(room)!.unread).toBe(0);
  expect(alice.state.streams.get(room)!.othersReadSeq).toBe(1);
});

test("typing is told every three seconds at most, ends after five without a key, and another's is forgotten after six", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  const room = await alice.openConversation("bob");
  const types: string[] = [];
  const take = network.server.take.bind(network.server);
  network.server.take = (line, frame) => {
    if (frame.type.startsWith("typing")) types.push(frame.type);
    take(line, frame);
  };
  for (let i = 0; i < 8; i++) {
    alice.typing(room);
    await network.clock.advance(500);
  }
  expect(types).toEqual(["typing_start", "typing_start"]);
  await network.clock.advance(5_000);
  expect(types.slice(2)).toEqual(["typing_stop"]);
  const [line] = network.server.lines;
  line!.hear({ type: "typing_indicator", stream: room, user_id: "bob", username: "Bob", status: "typing" });
  await network.clock.advance(5_999);
  expect([...alice.state.streams.get(room)!.typing]).toEqual([["bob", "Bob"]]);
  await network.clock.advance(1);
  expect(alice.state.streams.get(room)!.typing.size).toBe(0);
});

test("rooms beyond the snapshot are listed by REST", async () => {
  const network = new FakeNetwork();
  network.server.page = 1;
  for (const other of ["bob", "carol"]) network.server.post(other, network.server.room("alice", other).name, "hi");
  const alice = await network.live("alice");
  expect([alice.state.more, alice.state.streams.size]).toEqual([true, 1]);
  await alice.loadConversations();
  expect([alice.state.more, alice.state.streams.size]).toEqual([false, 3]);
  expect([...alice.state.streams.values()].map(({ unread }) => unread)).toContain(1);
});

test("listeners are told once for all that happens in one go", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  let calls = 0;
  const stop = alice.subscribe(() => calls++);
  const { revision } = alice;
  for (const content of ["1", "2", "3"]) alice.send("global", content);
  await Promise.resolve();
  expect([calls, alice.revision > revision]).toEqual([1, true]);
  stop();
  await network.clock.advance(0);
  expect(calls).toBe(1);
});

test("a session that ends signs out and forgets what was seen, but not what is unsent; a log-out forgets that too", async () => {
  const network = new FakeNetwork();
  const storage = memoryStorage();
  const alice = await network.live("alice", storage);
  const reasons: string[] = [];
  alice.on("signedOut", ({ reason }) => reasons.push(reason));
  network.server.answer = () => null;
  const { sent } = alice.send("global", "unsent");
  await network.clock.advance(0);
  network.cut(4500);
  await network.clock.advance(0);
  expect([reasons, alice.connection.state, alice.state.streams.size]).toEqual([["expired"], "offline", 0]);
  expect((await storage.entries("")).map(([key]) => key)).toEqual(["outbox/alice/id0"]);
  expect(() => alice.send("global", "x")).toThrow("signed_out");
  await alice.logIn({ username: "alice", password: "secret" });
  expect(pending(alice)).toEqual([["unsent", "queued"]]);
  await alice.logOut();
  expect(await sent.catch(({ code }) => code)).toBe("discarded");
  expect([reasons, await storage.entries("")]).toEqual([["expired", "logged_out"], []]);
});
