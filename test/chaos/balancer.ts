/** What stands before several processes: connections go round to those that answer. */
import { connect, createServer, type Socket } from "node:net";

export async function startBalancer(ports: () => number[]): Promise<{ url: string; stop(): void }> {
  let turn = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("close", () => sockets.delete(client));
    client.on("error", () => {});
    const all = ports();
    const first = turn++;
    const attempt = (n: number): void => {
      if (n === all.length) return void client.destroy();
      const upstream = connect(all[(first + n) % all.length]!, "127.0.0.1");
      upstream.once("error", () => attempt(n + 1));
      upstream.once("connect", () => {
        upstream.removeAllListeners("error");
        upstream.on("error", () => client.destroy());
        upstream.on("close", () => client.destroy());
        client.on("close", () => upstream.destroy());
        client.pipe(upstream).pipe(client);
      });
    };
    attempt(0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
