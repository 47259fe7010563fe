/** A machine's clock is set back, by its network, its owner, or a snapshot that goes on. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Person } from "./support/client.ts";
import { SECRET, startServer } from "./support/server.ts";
import { eventually, tempDir } from "./support/services.ts";

test("an hour back, everyone goes on writing, asking and coming back at once, and who leaves is offline", async () => {
  const limits = { MESSAGE_RATE_LIMIT: "1", MESSAGE_RATE_BURST: "5", REQUEST_RATE_LIMIT: "1200" };
  const program = [process.execPath, "--preload", join(import.meta.dir, "support/set-back.ts"), join(import.meta.dir, "../src/main.ts")]; // prettier-ignore
  const server = await startServer({ DATA_DIR: await tempDir(), SECRET_KEY: SECRET, ...limits }, [], program);
  const [alice, bob] = [await Person.signUp(server.url), await Person.signUp(server.url)];
  const [socket, old] = [await alice.chat(), await bob.socket("global")];
  await socket.post("global", "before");
  const { server_time } = socket.hello;
  process.kill(server.pid, "SIGUSR2");
  await eventually(async () => {
    const now = await bob.chat();
    await now.close();
    expect(Date.parse(now.hello.server_time)).toBeLessThan(Date.parse(server_time));
  });
  expect((await alice.get("/api/auth/me/")).status).toBe(200);
  expect(await socket.post("global", "after")).toMatchObject({ type: "ack" });
  await socket.close();
  await old.next((frame) => frame.type === "user_presence" && frame.user_id === alice.id && frame.status === "offline");
  const again = await alice.chat({ epoch: socket.hello.epoch, since: socket.resumed.since });
  expect(again.missed.map((frame) => frame.message.content)).toEqual(["before", "after"]);
  expect(await again.post("global", "anew")).toMatchObject({ type: "ack" });
  await Promise.all([alice.closeAll(), bob.closeAll()]);
  await server.kill();
});
