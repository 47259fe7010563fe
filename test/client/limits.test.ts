/** The client keeps to what the server allows. */
import { expect, test } from "bun:test";
import { createClient } from "../../src/client/index.ts";
import { memoryStorage } from "../../src/client/storage.ts";
import { FakeNetwork } from "./fake-network.ts";

test("what is too long for the server is refused here, and holds nothing up", async () => {
  const network = new FakeNetwork();
  const alice = await network.live("alice");
  const failed: unknown[] = [];
  alice.on("failed", ({ error }) => failed.push(error?.code));
  const long = alice.send("global", "x".repeat(70_000));
  const code = long.sent.catch((error) => error.code);
  const next = alice.send("global", "short");
  await network.clock.advance(100);
  expect([await code, failed, await next.sent]).toMatchObject(["too_long", ["too_long"], { seq: 1 }]);
});

test("read marks of a room are told twice a second at most, the newest at last", async () => {
  const network = new FakeNetwork();
  const marks: number[] = [];
  const ports = network.ports();
  class Overheard extends ports.WebSocket {
    override send(data: string): void {
      const frame = JSON.parse(data);
      if (frame.type === "read") marks.push(frame.seq);
      super.send(data);
    }
  }
  const alice = createClient({
    url: "http://server/",
    ports: { ...ports, WebSocket: Overheard },
    storage: memoryStorage(),
  });
  await alice.logIn({ username: "alice", password: "secret" });
  alice.connect();
  await network.clock.advance(0);
  for (let i = 0; i < 50; i++) network.server.post("bob", "global", `${i}`);
  await network.clock.advance(100);
  for (let seq = 1; seq <= 50; seq++) alice.markRead("global", seq);
  await network.clock.advance(5_000);
  expect(marks).toEqual([1, 50]);
});
