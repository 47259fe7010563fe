/** Redis or PostgreSQL away, frozen rather than closed: what goes on all the same. */
import { describe, expect, test } from "bun:test";
import { Person } from "./support/client.ts";
import { startProxy } from "./support/proxy.ts";
import { clusterRig } from "./support/server.ts";
import { eventually, freshDatabase, haveServices, startRedis } from "./support/services.ts";

describe.skipIf(!haveServices)("outages", () => {
  test("Redis frozen: a private room that the other process never saw is heard of within three seconds", async () => {
    const redis = await startRedis();
    const rig = await clusterRig({ REDIS_URL: redis.url, MESSAGE_RATE_LIMIT: "5", MESSAGE_RATE_BURST: "10" });
    const [alice, bob] = [await Person.signUp(rig.url(0)), await Person.signUp(rig.url(1))];
    const [a, b, old] = [await alice.chat(), await bob.chat(), await bob.socket("private")];
    process.kill(redis.pid, "SIGSTOP");
    const id = await alice.conversationWith(bob);
    const sentAt = Date.now();
    expect((await a.post(id, "can you hear me?")).type).toBe("ack");
    const heard = await b.next((frame) => frame.type === "message" && frame.stream === id, 3_000);
    expect([heard.message.content, heard.prev]).toEqual(["can you hear me?", 0]);
    expect((await old.next("private_message", 3_000)).message.content).toBe("can you hear me?");
    expect(Date.now() - sentAt).toBeLessThan(3_000);
    process.kill(redis.pid, "SIGCONT");
    await eventually(async () => expect((await bob.get("/readyz")).body.redis).toBe("up"), 30_000);
    await a.post(id, "and now?");
    expect((await b.next((frame) => frame.message?.content === "and now?")).seq).toBe(2);
    await b.settled();
    expect(b.frames.filter((frame) => frame.type === "message" && frame.stream === id)).toEqual([]);
    for (const person of [alice, bob]) await person.closeAll();
    await rig.stop();
  }, 60_000);

  test("PostgreSQL frozen: every request is answered within six seconds, sockets stay, pings are answered, and then all is well", async () => {
    const url = new URL(await freshDatabase());
    const proxy = await startProxy(Number(url.port));
    url.port = String(proxy.port);
    const rig = await clusterRig({ DATABASE_URL: url.href });
    const alice = await Person.signUp(rig.url());
    const bob = await Person.signUp(rig.url(1));
    const id = await alice.conversationWith(bob);
    const [a, old] = [await alice.chat(), await bob.socket("private")];
    const before = await a.pong();
    proxy.silence(true);
    const asked = Date.now();
    const answers = await Promise.all([
      alice.get("/api/chat/global/messages/"),
      alice.get("/api/chat/conversations/"),
      bob.get("/api/auth/users/"),
      alice.post(`/api/chat/conversations/${id}/messages/`, { content: "x" }),
      alice.post("/api/auth/login/", { username: alice.name, password: "plum-orbit-4417" }),
      a
        .next((frame) => frame.type === "error", 7_000)
        .then((frame) => ({ status: frame.code === "unavailable" ? 503 : 0 })),
      Promise.resolve(a.send({ type: "send_message", stream: id, content: "during", client_id: "during" })).then(
        () => ({ status: 503 }),
      ),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
    expect(Date.now() - asked).toBeLessThan(6_000);
    expect((await a.pong()).since >= before.since).toBe(true);
    expect([a.ws.readyState, old.ws.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
    proxy.silence(false);
    await eventually(async () => expect((await a.post(id, "during", "during")).type).toBe("ack"), 10_000);
    expect((await old.next("private_message", 5_000)).message.content).toBe("during");
    await old.settled();
    expect(old.frames.filter((frame) => frame.type === "private_message")).toEqual([]);
    for (const person of [alice, bob]) await person.closeAll();
    await rig.stop();
    proxy.stop();
  }, 60_000);
});
