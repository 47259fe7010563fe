import type { Server, WebSocketHandler } from "bun";
import type { Config } from "./config.ts";
import type { Http } from "./http.ts";
import type { Connection } from "./realtime/sockets.ts";

/** Opens the port: HTTP by the Hono app, sockets by Bun. */
export function listen(
  { host, port, workers }: Config,
  http: Http,
  websocket: WebSocketHandler<Connection>,
): Server<Connection> {
  try {
    return Bun.serve({
      hostname: host,
      port,
      reusePort: workers > 1,
      maxRequestBodySize: 16 * 1024 * 1024,
      idleTimeout: 30,
      // A URL that does not parse comes of a Host header that is none; a comma, of several: a proxy may have read another one.
      fetch: (request, server) =>
        URL.canParse(request.url) && !request.headers.get("host")?.includes(",")
          ? http.fetch(request, { server })
          : new Response(null, { status: 400 }),
      // The runtime's own page shows the source.
      error: () => new Response(null, { status: 500 }),
      websocket,
    });
  } catch (error) {
    throw new Error(`HOST, PORT: cannot listen on ${host}:${port}`, { cause: error });
  }
}

/**
 * A port for /metrics alone. Each process has figures of its own: of several workers the first takes the port, the next one the one above it, and
 * one that comes back the one that was left.
 */
export function listenMetrics(
  { metrics, workers }: Config,
  app: { fetch(request: Request): Response | Promise<Response> },
) {
  for (let i = 0; ; i++) {
    try {
      return Bun.serve({ hostname: metrics.host, port: metrics.port! + i, fetch: app.fetch });
    } catch (error) {
      if (i + 1 >= workers)
        throw new Error(`METRICS_HOST, METRICS_PORT: cannot listen on ${metrics.host}:${metrics.port}`, {
          cause: error,
        });
    }
  }
}
