/** Several tabs of one browser, and several users of one tab: each has its own sign-in, over the same storage. */
import { expect, test } from "bun:test";
import { type ChatStorage, memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";
import { token, USER, world } from "./session-world.ts";

test("who wakes with another tab's tokens, which are old too, refreshes them once for many callers", async () => {
  const one = world();
  await one.session.logIn({ username: "alice", password: "secret" });
  const two = world(one.storage, one.clock);
  await two.session.restore();
  // The other tab refreshes and is closed; this one sleeps until those tokens are old as well.
  await one.clock.advance(15 * 60_000);
  await one.session.access();
  await one.clock.advance(15 * 60_000);
  two.answers.refresh = () => two.clock.sleep(50) as Promise<undefined>;
  const calls = [two.session.access()];
  await two.clock.advance(10);
  calls.push(two.session.access());
  await two.clock.advance(1_000);
  expect(await Promise.all(calls)).toEqual(Array(2).fill(token("access1")));
  expect(two.calls.map(({ body }) => body)).toEqual([{ refresh: "refresh2" }]);
});

test("a refresh goes on with what another tab put in its place meanwhile", async () => {
  const { session, storage, answers, clock } = world();
  await session.logIn({ username: "alice", password: "secret" });
  await clock.advance(15 * 60_000);
  answers.refresh = () => clock.sleep(50) as Promise<undefined>;
  const asked = session.access();
  await clock.advance(10);
  const theirs = { user: USER, access: token("theirs"), refresh: "theirs", expires: clock.now() + 900_000 };
  await storage.set("session", theirs);
  // As a socket of the session before is closed.
  expect(await session.end("expired")).toBe(false);
  await clock.advance(1_000);
  expect(await asked).toBe(theirs.access);
  expect(await storage.get("session")).toEqual(theirs);
});

for (const after of ["somebody else", "nobody"])
  test(`a refresh that ends while the storage is slow leaves ${after} signed in who is so by then`, async () => {
    const inner = memoryStorage();
    const { session, answers, clock, signedOut } = world({ ...inner, get: (key) => slow.then(() => inner.get(key)) });
    let slow = Promise.resolve();
    await session.logIn({ username: "alice", password: "secret" });
    await clock.advance(15 * 60_000);
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    answers.refresh = () => void (slow = promise);
    const asked = session.access().catch((error) => error.code);
    await clock.advance(10);
    const eve = { ...USER, id: "eve", username: "Eve" };
    answers.login = () => ({ status: 200, body: { user: eve, access: token("eve"), refresh: "eve" } });
    if (after === "nobody") {
      const ended = session.end("logged_out");
      goOn();
      await ended;
    } else await session.logIn({ username: "eve", password: "secret" });
    goOn();
    expect(await asked).toBe("signed_out");
    expect(session.user()).toEqual(after === "nobody" ? null : eve);
    expect(signedOut).toEqual(after === "nobody" ? ["logged_out"] : []);
    expect([await inner.get("session")]).toMatchObject(
      after === "nobody" ? [undefined] : [{ user: eve, refresh: "eve" }],
    );
  });

for (const end of ["discard", "log out"])
  test(`${end}: what it removed in one tab is not sent by another, whose session was over before`, async () => {
    const net = new FakeNetwork();
    const storage = memoryStorage();
    const one = await net.live("ada", storage);
    net.server.answer = () => null;
    const { clientId, sent } = one.send("global", "better not");
    await net.clock.advance(0);
    net.cut(4500);
    await net.clock.advance(0);
    expect(one.user()).toBe(null);
    const two = net.client(storage);
    await two.logIn({ username: "ada", password: "secret" });
    expect(two.pending("global").map((entry) => entry.clientId)).toEqual([clientId]);
    if (end === "discard") two.discard(clientId);
    else await two.logOut();
    await net.clock.advance(0);
    net.server.answer = () => undefined;
    await one.logIn({ username: "ada", password: "secret" });
    one.connect();
    await net.clock.advance(60_000);
    expect(net.server.rows).toEqual([]);
    await one.logOut();
    await expect(sent).rejects.toMatchObject({ code: "discarded" });
  });

test("who sent what another tab's log-out removed is told that it was discarded", async () => {
  const net = new FakeNetwork();
  const storage = memoryStorage();
  const [one, two] = [await net.live("ada", storage), net.client(storage)];
  await two.restore();
  net.server.answer = () => null;
  const { sent } = one.send("global", "unsent");
  await net.clock.advance(0);
  await two.logOut();
  await one.restore();
  expect(one.user()).toBe(null);
  await expect(sent).rejects.toMatchObject({ code: "discarded" });
});

test("a storage that fails to list is asked again while it is of use, and whoever came before changes nothing about that", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  const { promise, resolve: tellAda } = Promise.withResolvers<[]>();
  await inner.set("outbox/bob/id99", { clientId: "id99", stream: "global", content: "mine", at: 1 });
  let asked = 0;
  let fails = true;
  const client = net.client({
    ...inner,
    entries: (prefix) => {
      if (prefix === "outbox/ada/") return promise;
      asked++;
      return fails ? Promise.reject(new Error("UnknownError")) : inner.entries(prefix);
    },
  });
  void client.logIn({ username: "ada", password: "secret" });
  await net.clock.advance(0);
  await client.logIn({ username: "bob", password: "secret" });
  client.connect();
  await net.clock.advance(1_000);
  tellAda([]);
  await net.clock.advance(60_000);
  expect(asked).toBeGreaterThan(10);
  client.close();
  await net.clock.advance(10_000);
  asked = 0;
  await net.clock.advance(600_000);
  expect(asked).toBe(0);
  fails = false;
  client.connect();
  await net.clock.advance(1_000);
  expect(net.server.rows.map(({ message }) => message.content)).toEqual(["mine"]);
});

test("what one had not sent is not sent in the name of who logs in next, however slow the disk is", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  let slow = false;
  const storage: ChatStorage = {
    ...inner,
    set: async (key, value) => {
      if (slow && key === "session") await net.clock.sleep(2_000);
      await inner.set(key, value);
    },
  };
  const tab = await net.live("ada", storage);
  net.up = false;
  net.cut();
  tab.send("global", "of ada");
  await net.clock.advance(10);
  [net.up, slow] = [true, true];
  const entering = tab.logIn({ username: "eve", password: "secret" });
  await net.clock.advance(5_000);
  await entering;
  tab.connect();
  await net.clock.advance(60_000);
  expect(net.server.rows).toEqual([]);
});

test("a full disk: who logs in without logging out before loses nothing that was unsent", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  const ada = await net.live("ada", {
    ...inner,
    // As one over localStorage: it throws where it is called.
    set: (key, value) => {
      if (key.startsWith("outbox")) throw new Error("quota");
      return inner.set(key, value);
    },
  });
  net.server.answer = () => null;
  const { sent } = ada.send("global", "precious");
  await net.clock.advance(0);
  net.server.answer = () => undefined;
  await ada.logIn({ username: "ada", password: "secret" });
  ada.connect();
  await net.clock.advance(60_000);
  await sent;
  expect(net.server.rows.map((row) => row.message.content)).toEqual(["precious"]);
});

test("a log-out that is slow ends the session that it is of, and no other", async () => {
  for (const next of ["eve", "ada"]) {
    const net = new FakeNetwork();
    const tab = await net.live("ada");
    const { promise, resolve: answer } = Promise.withResolvers<void>();
    net.hold = promise;
    const leaving = tab.logOut();
    await net.clock.advance(0);
    await tab.logIn({ username: next, password: "secret" });
    const { sent } = tab.send("global", `of ${next}`);
    answer();
    await leaving;
    expect(tab.user()?.id).toBe(next);
    tab.connect();
    await net.clock.advance(60_000);
    await sent;
    // Nor is a session that is over kept for good.
    net.cut(4500);
    await net.clock.advance(0);
    expect(tab.user()).toBe(null);
  }
});

test("a session that is over is not that of who logged in while a slow disk was asked", async () => {
  const net = new FakeNetwork();
  const inner = memoryStorage();
  let slow = false;
  const tab = await net.live("ada", {
    ...inner,
    get: async (key) => {
      if (slow) await net.clock.sleep(1_000);
      return inner.get(key);
    },
  });
  slow = true;
  net.cut(4500);
  await tab.logIn({ username: "eve", password: "secret" });
  await net.clock.advance(5_000);
  expect(tab.user()?.id).toBe("eve");
});
