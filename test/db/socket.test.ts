import { expect, test } from "bun:test";
import { once } from "node:events";
import { connectSocket } from "../../src/db/socket.ts";
import { freePort } from "../support/services.ts";

/** A server that reads nothing before it is told to. */
function slowReader() {
  const { promise: told, resolve: read } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.pause();
        void told.then(() => socket.resume());
      },
      data: (_, bytes) => void chunks.push(Buffer.from(bytes)),
      close: () => end(),
    },
  });
  return { server, read, ended, received: () => Buffer.concat(chunks) };
}

test("what the network has no room for leaves later, whole and in order, and before the end", async () => {
  const { server, read, ended, received } = slowReader();
  const socket = await connectSocket({ hostname: "127.0.0.1", port: server.port });
  const sent = Array.from({ length: 40 }, (_, i) => Buffer.alloc(500_000, i));
  const outcomes = sent.map((bytes) => socket.write(bytes));
  expect(outcomes.at(-1)).toBe(false);
  const drained = once(socket, "drain");
  const closed = once(socket, "close");
  socket.end(Buffer.from("bye"));
  expect(socket.readyState).toBe("open");
  read();
  await drained;
  await ended;
  expect(received().equals(Buffer.concat([...sent, Buffer.from("bye")]))).toBe(true);
  expect([await closed, socket.readyState]).toEqual([[false], "closed"]);
  server.stop(true);
});

test("one that is given up closes at once, whatever waits", async () => {
  const { server } = slowReader();
  const socket = await connectSocket({ hostname: "127.0.0.1", port: server.port });
  for (let i = 0; i < 40; i++) socket.write(Buffer.alloc(500_000));
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  expect(socket.readyState).toBe("closed");
  server.stop(true);
});

test("nobody there is told with its code", async () => {
  const refused = await connectSocket({ hostname: "127.0.0.1", port: await freePort() }).catch((error) => error);
  expect([refused.code, refused.message]).toEqual(["ECONNREFUSED", expect.stringContaining("ECONNREFUSED")]);
  const missing = await connectSocket({ unix: "/nowhere/.s.PGSQL.5432" }).catch((error) => error);
  expect([missing.code, missing.message]).toEqual(["ENOENT", expect.stringContaining("ENOENT")]);
});
