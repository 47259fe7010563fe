/** What a client makes of messages that are gone: those it holds, and those of which it only knows a number. */
import { expect, test } from "bun:test";
import { ChatError } from "../../src/client/errors.ts";
import { createHistory } from "../../src/client/history.ts";
import { newState, receive, startResume } from "../../src/client/state.ts";
import { Device } from "./device.ts";
import { FakeNetwork } from "./fake-network.ts";
import { FakeServer } from "./fake-server.ts";

function alice(said: number) {
  const server = new FakeServer();
  const rows = Array.from({ length: said }, (_, i) => server.post("bob", "global", `m${i + 1}`).row);
  const device = new Device(server, "alice");
  device.connect();
  return { server, device, rows };
}

test("a removed message goes from what is held, and was not unread any more", () => {
  const { server, device, rows } = alice(3);
  device.load("global");
  server.change(rows[1]!, "remove");
  expect(device.contents()).toEqual(["m1", "m3"]);
  expect(device.room()).toMatchObject({ unread: 2, last: 4, lastMessage: { content: "m3" } });
  server.change(rows[2]!, "remove");
  expect(device.room()).toMatchObject({ unread: 1, last: 5, lastMessage: { content: "m1" } });
});

test("the removal of one that is not held has the server count again; of the last one, say what is last", () => {
  const { server, device, rows } = alice(3);
  expect(device.room()).toMatchObject({ unread: 3, messages: [] });
  server.change(rows[0]!, "remove");
  expect(device.room()).toMatchObject({ unread: 2, uncounted: false, lastMessage: { content: "m3" } });
  expect(device.resumes).toBe(1);
  server.change(rows[2]!, "remove");
  expect(device.room()).toMatchObject({ unread: 1, lastMessage: { content: "m2" } });
  expect(device.resumes).toBe(2);
  device.read("global");
  server.change(rows[1]!, "remove");
  expect(device.room()).toMatchObject({ unread: 0, lastMessage: null });
});

test("a removal is told, also of what is not held, and of what went while one was away", async () => {
  const network = new FakeNetwork();
  const { server } = network;
  const rows = ["old", "new", "newer"].map((content) => server.post("bob", "global", content).row);
  const alice = await network.live("alice");
  const told = new Set<string>();
  alice.on("removed", ({ stream, id }) => told.add(`${stream} ${id}`));
  server.change(rows[0]!, "remove");
  await network.clock.advance(0);
  expect([...told]).toEqual(["global 1"]);
  network.cut();
  server.change(rows[2]!, "remove");
  await network.clock.advance(10_000);
  expect([...told]).toEqual(["global 1", "global 3"]);
});

test("a count from before a removal that was applied since is not believed, but asked for again", () => {
  const { device } = alice(4);
  device.load("global");
  const { state } = device;
  receive(state, { type: "message_removed", stream: "global", seq: 5, prev: 4, message_id: 4 });
  expect(device.room().unread).toBe(3);
  const late = { type: "read", stream: "global", user_id: "alice", seq: 0, unread_count: 4, head_seq: 4 } as const;
  expect(receive(state, late)).toContainEqual({ do: "read", stream: "global", seq: 0 });
  expect(receive(state, { ...late, unread_count: 3, head_seq: 5 })).toEqual([]);
  expect(device.room().unread).toBe(3);
});

test("a page that was asked for before a removal brings nothing back, and is taken all the same", async () => {
  const state = newState();
  const server = new FakeServer();
  const rows = ["one", "two"].map((content) => server.post("bob", "global", content).row);
  receive(state, { type: "hello", epoch: "1", user: { id: "alice", username: "alice" } } as never);
  startResume(state, true);
  const snapshot = server.snapshotOf("alice", server.rooms.get("global")!);
  receive(state, { type: "snapshot", streams: [snapshot], more: false, presence: [] });
  receive(state, { type: "resumed", since: "1", streams: {} });
  let asked = 0;
  const rest = {
    messages: async () => {
      const page = server.messages("alice", "global", 50) as never[];
      if (asked++ === 0) {
        server.change(rows[0]!, "remove");
        receive(state, { type: "message_removed", stream: "global", seq: 3, prev: 2, message_id: 1 });
      }
      return page;
    },
    conversations: () => Promise.reject(new Error("nobody asks for the list")),
  };
  await createHistory({ rest, state: () => state, changed: () => {} }).loadLatest("global");
  expect([asked, state.streams.get("global")!.messages.map(({ content }) => content)]).toEqual([1, ["two"]]);
});

test("where the server has deleted what the oldest page begins with, there is nothing before it; other errors are told", async () => {
  const { device } = alice(60);
  device.load("global", 50);
  let error = new ChatError("unavailable", "not now", 503);
  const rest = { messages: () => Promise.reject(error), conversations: () => Promise.reject(error) };
  const { loadOlder } = createHistory({ rest, state: () => device.state, changed: () => {} });
  expect(await loadOlder("global").catch(({ code }) => code)).toBe("unavailable");
  expect(device.room().olderLeft).toBe(true);
  error = new ChatError("invalid_field", "before: must be the id of a message in this room", 400);
  await loadOlder("global");
  expect([device.room().olderLeft, device.contents().length]).toEqual([false, 50]);
});
