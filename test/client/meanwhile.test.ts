/** What happens to a client between a question and its answer. */
import { expect, test } from "bun:test";
import { createClient } from "../../src/client/index.ts";
import { newState, receive, startResume } from "../../src/client/state.ts";
import { type ChatStorage, memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";

test("full disk: unsent waits for the same user to log in again", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  const full: ChatStorage = {
    ...inner,
    set: (k, v) => (k.startsWith("outbox") ? Promise.reject(new Error("quota")) : inner.set(k, v)),
  };
  const ada = await net.live("ada", full);
  net.server.answer = () => null;
  const { sent } = ada.send("global", "precious");
  await net.clock.advance(0);
  net.cut(4500);
  await net.clock.advance(0);
  expect(ada.user()).toBe(null);
  net.server.answer = () => undefined;
  await ada.logIn({ username: "ada", password: "secret" });
  ada.connect();
  await net.clock.advance(60_000);
  await sent;
  expect(net.server.rows.map((r) => r.message.content)).toEqual(["precious"]);
});

test("a storage that cannot list once leaves nothing unsent until a reload", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  const one = await net.live("ada", inner);
  net.up = false;
  net.cut();
  one.send("global", "first");
  await net.clock.advance(0);
  one.close();
  net.up = true;
  let fail = true;
  const two = net.client({
    ...inner,
    entries: (p) => (fail ? ((fail = false), Promise.reject(new Error("UnknownError"))) : inner.entries(p)),
  });
  await two.restore();
  two.connect();
  await net.clock.advance(600_000);
  expect(net.server.rows.map((r) => r.message.content)).toEqual(["first"]);
});

test("a conversation that one user opened is not shown to the next", async () => {
  const net = new FakeNetwork();
  const tab = await net.live("ada");
  net.server.post("bob", net.server.room("ada", "bob").name, "secret for ada");
  await net.clock.advance(0);
  let go = () => {};
  net.hold = new Promise((r) => (go = r));
  const opening = tab.openConversation("bob").catch((e) => e);
  await net.clock.advance(0);
  await tab.logOut();
  await tab.logIn({ username: "eve", password: "secret" });
  tab.connect();
  await net.clock.advance(0);
  go();
  await opening;
  await net.clock.advance(0);
  expect([...tab.state.streams.keys()]).toEqual(["global"]);
});

test("what one asked is not done in another's name", async () => {
  const net = new FakeNetwork();
  const ports = net.ports();
  const seen: string[] = [];
  let go = () => {};
  const held = new Promise<void>((r) => (go = r));
  const inner = ports.fetch;
  const client = createClient({
    url: "http://server",
    storage: memoryStorage(),
    ports: {
      ...ports,
      fetch: async (url, init) => {
        if (init.method === "DELETE") {
          seen.push(init.headers.Authorization!);
          if (seen.length === 1) {
            await held;
            return {
              status: 401,
              headers: { get: () => null },
              json: async () => ({ code: "unauthenticated", detail: "" }),
            };
          }
        }
        return inner(url, init);
      },
    },
  });
  await client.logIn({ username: "ada", password: "x" });
  client.connect();
  await net.clock.advance(0);
  const removing = client.request("DELETE", "/api/auth/sessions/current/").catch((e) => e);
  await net.clock.advance(0);
  net.cut(4500);
  await net.clock.advance(0);
  expect(client.user()).toBe(null);
  await client.logIn({ username: "eve", password: "x" });
  go();
  await removing;
  expect(seen).toEqual(["Bearer access-ada"]);
});

test("a proxy's 403 or 404 page does not leave an emptied room empty", async () => {
  const net = new FakeNetwork();
  const ports = net.ports();
  let portal = false;
  const inner = ports.fetch;
  const client = createClient({
    url: "http://server",
    storage: memoryStorage(),
    ports: {
      ...ports,
      fetch: async (url, init) =>
        portal
          ? {
              status: 404,
              headers: { get: () => null },
              json: async () => {
                throw new SyntaxError("<html>");
              },
            }
          : inner(url, init),
    },
  });
  await client.logIn({ username: "ada", password: "x" });
  client.connect();
  await net.clock.advance(0);
  net.server.post("bob", "global", "0");
  await client.loadLatest("global");
  net.server.replay = 3;
  net.up = false;
  net.cut();
  for (let i = 0; i < 9; i++) net.server.post("bob", "global", `${i}`);
  net.up = true;
  portal = true;
  await net.clock.advance(2_000);
  expect(client.connection.state).toBe("live");
  portal = false;
  await net.clock.advance(60_000);
  expect(client.state.streams.get("global")!.messages.length).toBeGreaterThan(0);
});

test("a room emptied by a resume is loaded after close and connect", async () => {
  const net = new FakeNetwork();
  const ada = await net.live("ada");
  net.server.post("bob", "global", "0");
  await ada.loadLatest("global");
  net.server.replay = 2;
  net.up = false;
  net.cut();
  for (let i = 0; i < 5; i++) net.server.post("bob", "global", `${i}`);
  net.up = true;
  const f = Promise.withResolvers<void>();
  net.hold = f.promise;
  await net.clock.advance(5_000);
  f.reject(new TypeError("x"));
  await net.clock.advance(0);
  ada.close();
  await net.clock.advance(10_000);
  expect(ada.state.streams.get("global")!.messages).toEqual([]);
  ada.connect();
  await net.clock.advance(60_000);
  expect(ada.state.streams.get("global")!.messages.length).toBe(6);
});

test("a page that is ahead of a socket that stalls leaves nothing uncounted", async () => {
  const net = new FakeNetwork();
  net.server.post("bob", "global", "before");
  net.server.read("ada", "global", 1);
  const ada = await net.live("ada");
  const line = [...net.server.lines][0]!;
  const hear = line.hear,
    held: any[] = [];
  line.hear = (f) => void held.push(f);
  for (let i = 0; i < 60; i++) net.server.post("bob", "global", `${i}`);
  await ada.loadLatest("global");
  line.hear = hear;
  held.forEach((f) => hear(f));
  await net.clock.advance(120_000);
  expect([
    ada.connection.state,
    ada.state.streams.get("global")!.messages.length,
    ada.state.streams.get("global")!.unread,
  ]).toEqual(["live", 50, 60]);
});

test("loadConversations gets the next hundred", async () => {
  const net = new FakeNetwork();
  const ports = net.ports();
  const client = createClient({
    url: "http://server",
    storage: memoryStorage(),
    ports: {
      ...ports,
      fetch: async (url, init) => {
        const m = /conversations\/\?page=(\d+)/.exec(url);
        const answer = await ports.fetch(url, init);
        if (!m) return answer;
        const body: any = await answer.json();
        const n = Number(m[1]);
        body.results.sort((a: any, b: any) => (a.updated_at < b.updated_at ? 1 : -1));
        const all = body.results;
        body.results = all.slice((n - 1) * 100, n * 100);
        body.next = all.length > n * 100 ? "more" : null;
        return { ...answer, json: async () => body };
      },
    },
  });
  for (let i = 0; i < 250; i++) {
    const { name } = net.server.room("ada", `u${i}`);
    for (let j = 0; j <= i; j++) net.server.post(`u${i}`, name, "hi");
  }
  await client.logIn({ username: "ada", password: "x" });
  client.connect();
  await net.clock.advance(0);
  const counts = [client.state.streams.size];
  await client.loadConversations();
  counts.push(client.state.streams.size);
  expect(counts).toEqual([100, 201]);
});

const snap = (stream: string, head: number, extra = {}) => ({
  stream,
  kind: stream === "global" ? "global" : "direct",
  participants: [
    { id: "me", username: "me", last_seen: null },
    { id: "bob", username: "Bob", last_seen: "2020-01-01T00:00:00.000Z" },
  ],
  head_seq: head,
  read_seq: 0,
  others_read_seq: 0,
  unread_count: 0,
  last_message: null,
  updated_at: "2020-01-01T00:00:00.000Z",
  ...extra,
});

test("who leaves now was not seen last when the snapshot told it", () => {
  const state = newState();
  receive(state, { type: "hello", epoch: "e", user: { id: "me", username: "me" } } as any);
  startResume(state, true);
  receive(state, {
    type: "snapshot",
    streams: [snap("global", 0), snap("c", 0)],
    more: false,
    presence: [{ user_id: "bob", username: "Bob", status: "online" }],
  } as any);
  receive(state, { type: "resumed", since: "1", streams: {} } as any);
  expect(state.presence.has("bob")).toBe(true);
  receive(state, { type: "presence_batch", changes: [{ user_id: "bob", username: "Bob", status: "offline" }] } as any);
  const seen = state.streams.get("c")!.participants[1]!.last_seen;
  expect(seen).toBeNull();
});

test("a room is loaded while an account's messages are being erased in it", async () => {
  const net = new FakeNetwork();
  const ports = net.ports();
  let asked = 0;
  const client = createClient({
    url: "http://server",
    storage: memoryStorage(),
    ports: {
      ...ports,
      fetch: async (url, init) => {
        const answer = await ports.fetch(url, init);
        if (url.includes("/messages/")) {
          asked++;
          await new Promise<void>((r) => net.clock.after(150, r));
        }
        return answer;
      },
    },
  });
  for (let i = 0; i < 2000; i++) net.server.post(i % 2 ? "gone" : "bob", "global", `m${i}`);
  const rows = net.server.rows.filter((r) => r.message.sender.id === "gone");
  await client.logIn({ username: "ada", password: "x" });
  client.connect();
  await net.clock.advance(0);
  const loading = client.loadLatest("global");
  for (const row of rows) {
    net.server.change(row, "remove");
    await net.clock.advance(100);
  }
  expect([client.state.streams.get("global")!.loaded, asked]).toEqual([true, 1]);
  await loading;
});
