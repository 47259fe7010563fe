import { expect, test } from "bun:test";
import { call, PASSWORD, Person } from "./support/client.ts";
import { embeddedRig, startServer } from "./support/server.ts";
import { eventually } from "./support/services.ts";

test("a stop finishes what is under way, closes the sockets with a code, and a second signal changes nothing", async () => {
  const rig = await embeddedRig();
  const server = rig.servers[0]!;
  const alice = await Person.signUp(rig.url());
  const [socket, other] = [await alice.socket("global"), await alice.socket("private")];
  for (let i = 0; i < 40; i++) socket.send({ type: "send_global_message", content: `last words ${i}` });
  // Hashing takes a while, so that this log-in is under way when the signal comes.
  const slow = call(rig.url(), "POST", "/api/auth/login/", { body: { username: alice.name, password: PASSWORD } });
  await Bun.sleep(20);
  // A connection that is there already still gets its answers.
  const ready = async () => (await fetch(`${rig.url()}/readyz`).catch(() => null))?.status ?? 503;
  expect(await ready()).toBe(200);
  process.kill(server.pid, "SIGTERM");
  await eventually(async () => expect(await ready()).toBe(503), 500);
  process.kill(server.pid, "SIGINT");
  process.kill(server.pid, "SIGTERM");
  expect([(await socket.closed).code, (await other.closed).code, await server.exited]).toEqual([4012, 4012, 0]);
  expect((await slow).status).toBe(200);
  expect(server.output()).not.toMatch(/error|fail/i);
  const acknowledged = socket.frames.filter((frame) => frame.message).map((frame) => frame.message.content);

  rig.servers[0] = await startServer(rig.env);
  const { body } = await alice.get("/api/chat/global/messages/");
  const stored = body.map((message: { content: string }) => message.content);
  // What was acknowledged is there; what is there was acknowledged.
  expect(stored).toEqual(acknowledged);
  const [user] = (await (await Person.signUp(rig.url())).get(`/api/auth/users/?search=${alice.name}`)).body.results;
  expect([user.is_online, typeof user.last_seen]).toEqual([false, "string"]);
  await rig.stop();
});
