/** The reference: the least a Bun server can do with a socket and with a message. No database, no accounts, no order across processes. */
let id = 0;
const sender = { id: "87c65d7e-8a97-4a3d-ab7c-45488bfbf9d2", username: "alice" };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
  websocket: {
    idleTimeout: 600,
    sendPings: false,
    backpressureLimit: 64 * 1024 * 1024,
    open: (ws) => void ws.subscribe("all"),
    message: (_ws, text) => {
      const { content } = JSON.parse(text as string);
      const message = { id: ++id, sender, content, timestamp: new Date().toISOString() };
      server.publish("all", JSON.stringify({ type: "global_message", message }));
    },
  },
});
console.log(`ready on http://localhost:${server.port}`);
