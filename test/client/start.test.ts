/** How a page starts, and what it takes over from others of the same device. */
import { expect, test } from "bun:test";
import { memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";

const PAGE = "GET /api/chat/global/messages/";

for (const [what, meanwhile, asked] of [
  ["the page that was asked for while connecting is the room's, and is asked for once", () => {}, 1],
  [
    "where something was said in between, the page is asked for again: it would have a hole",
    (network: FakeNetwork) => void network.server.post("bob", "global", "three"),
    2,
  ],
  [
    "where something was removed in between, too: it would bring it back",
    ({ server }: FakeNetwork) => server.change(server.rows[0]!, "remove"),
    2,
  ],
] as const)
  // prettier-ignore
  test(what, async () => {
    const network = new FakeNetwork();
    for (const text of ["one", "two"]) network.server.post("bob", "global", text);
    const alice = network.client();
    await alice.logIn({ username: "alice", password: "secret" });
    alice.preload("global");
    await network.clock.advance(0);
    meanwhile(network);
    alice.connect();
    await network.clock.advance(0);
    await alice.loadLatest("global");
    const held = network.server.messages("alice", "global", 50).map((message: any) => message.content);
    expect(alice.state.streams.get("global")!.messages.map(({ content }) => content)).toEqual(held);
    expect(network.calls.filter((call) => call === PAGE).length).toBe(asked);
  });

test("a page that could not be got beforehand is got when it is needed", async () => {
  const network = new FakeNetwork();
  network.server.post("bob", "global", "one");
  const alice = network.client();
  await alice.logIn({ username: "alice", password: "secret" });
  network.up = false;
  alice.preload("global");
  await network.clock.advance(0);
  network.up = true;
  alice.connect();
  await network.clock.advance(0);
  await alice.loadLatest("global");
  expect(alice.state.streams.get("global")!.messages.length).toBe(1);
});

test("what another tab left unsent is taken up by asking again, and what it had sent is not", async () => {
  const network = new FakeNetwork();
  const storage = memoryStorage();
  const mine = await network.live("alice", storage);
  const left = { stream: "global", at: 1 };
  await storage.set("outbox/alice/a", { ...left, clientId: "a", content: "unsent" });
  // Sent, and told here, but the tab went before it could say so.
  network.server.post("alice", "global", "sent", "b");
  await network.clock.advance(0);
  await storage.set("outbox/alice/b", { ...left, clientId: "b", content: "sent" });
  await mine.restore();
  await network.clock.advance(0);
  expect(network.server.sends.map(({ client_id }) => client_id)).toEqual(["a"]);
  expect(network.server.rows.map(({ message }) => message.content)).toEqual(["sent", "unsent"]);
  expect(mine.pending("global")).toEqual([]);
});

test("who asks again is whoever the device knows now: out where another tab logged out, somebody else where they logged in", async () => {
  const network = new FakeNetwork();
  const storage = memoryStorage();
  const mine = await network.live("alice", storage);
  const other = network.client(storage);
  const reasons: string[] = [];
  mine.on("signedOut", ({ reason }) => reasons.push(reason));
  await other.restore();
  expect(await mine.restore()).toMatchObject({ id: "alice" });
  expect([mine.connection.state, reasons]).toEqual(["live", []]);

  await other.logOut();
  expect(await mine.restore()).toBeNull();
  expect([mine.user(), mine.state.streams.size, mine.connection.state, reasons]).toEqual([null, 0, "offline", ["logged_out"]]); // prettier-ignore
  await other.logIn({ username: "bob", password: "secret" });
  expect(await mine.restore()).toMatchObject({ id: "bob" });
  expect(mine.state.me).toMatchObject({ id: "bob" });

  await other.logIn({ username: "carol", password: "secret" });
  expect(await mine.restore()).toMatchObject({ id: "carol" });
  expect(reasons).toEqual(["logged_out", "logged_out"]);
});
