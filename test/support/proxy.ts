/** A TCP proxy on 127.0.0.1 that can freeze, cut and refuse: a network that fails. */
import type { Socket, TCPSocketListener } from "bun";
import { freePort } from "./services.ts";

type Link = { other?: Socket<Link>; frozen: boolean; early: Buffer[] };

export async function startProxy(targetPort: number) {
  const port = await freePort();
  const links = new Set<Socket<Link>>();
  let listener: TCPSocketListener<Link> | undefined;
  let silent = false;
  const data = (socket: Socket<Link>, chunk: Buffer) => {
    if (socket.data.frozen) return;
    if (socket.data.other) socket.data.other.write(chunk);
    else socket.data.early.push(Buffer.from(chunk));
  };
  const close = (socket: Socket<Link>) => {
    links.delete(socket);
    if (!socket.data.frozen) socket.data.other?.end();
  };
  const listen = () => {
    listener = Bun.listen<Link>({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: async (client) => {
          client.data = { frozen: silent, early: [] };
          links.add(client);
          if (silent) return;
          const server = await Bun.connect<Link>({
            hostname: "127.0.0.1",
            port: targetPort,
            data: { other: client, frozen: false, early: [] },
            socket: { data, close },
          });
          links.add(server);
          client.data.other = server;
          for (const chunk of client.data.early.splice(0)) server.write(chunk);
        },
        data,
        close,
      },
    });
  };
  listen();
  return {
    port,
    /** Connections of now fall silent for ever; new ones work. */
    freeze: () => links.forEach((socket) => (socket.data.frozen = true)),
    /** The same, and new connections are silent too, until `false`. */
    silence: (on: boolean) => {
      silent = on;
      if (on) links.forEach((socket) => (socket.data.frozen = true));
    },
    /** Everything is cut, and nobody gets in. */
    refuse: () => {
      listener?.stop(true);
      for (const socket of links) socket.terminate();
    },
    accept: listen,
    stop: () => {
      listener?.stop(true);
      for (const socket of links) socket.terminate();
    },
  };
}
