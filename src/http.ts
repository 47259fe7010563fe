import type { Server } from "bun";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { routePath } from "hono/route";
import { TrieRouter } from "hono/router/trie-router";
import type { HttpEnv, Routes } from "./deps.ts";
import { notFound, problem, Refusal, toRefusal } from "./errors.ts";
import { networkOf } from "./ops/address.ts";
import { type Counts, countRequest } from "./ops/counts.ts";
import { safeHeaders } from "./ops/headers.ts";
import type { Audit } from "./ops/audit.ts";
import type { Log } from "./ops/log.ts";
import { continueTrace, requestIdOf } from "./ops/trace.ts";
import type { Endpoint } from "./protocol/frames.ts";
import type { Connection } from "./realtime/sockets.ts";

type Deps = {
  auth: Routes;
  chat: Routes;
  admin: Routes;
  health: Routes;
  page: Routes;
  /** None where nobody is to read them here. */
  metrics: Routes | null;
  upgrade: (
    request: Request,
    endpoint: Endpoint,
    address: string,
    server: Server<Connection>,
  ) => Promise<Response | undefined>;
  readClient: (request: Request, peer: string) => { address: string; url: URL };
  allowedOrigins: string[];
  /** Requests that may be under way from one address. */
  maxPerAddress: number;
  audit: Audit;
  counts: Counts;
  log: Log;
};

export type Http = ReturnType<typeof createHttp>;

/** Everything that HTTP can ask for. */
export function createHttp({
  auth,
  chat,
  admin,
  health,
  page,
  metrics,
  upgrade,
  readClient,
  allowedOrigins,
  maxPerAddress,
  audit,
  counts,
  log,
}: Deps) {
  const app = new Hono<HttpEnv & { Bindings: { server: Server<Connection> } }>({ strict: false });
  /** Requests by address. */
  const underWay = new Map<string, number>();
  const methodsOf = methodTable(() => app.routes);

  app.use(async (c, next) => {
    c.set("requestId", requestIdOf(c.req.header("x-request-id")));
    const continued = continueTrace(c.req.header("traceparent"));
    c.set("trace", continued?.trace);
    const client = readClient(c.req.raw, c.env.server.requestIP(c.req.raw)?.address ?? "");
    c.set("address", client.address);
    c.set("url", client.url);
    c.header("X-Request-Id", c.var.requestId);
    if (continued) c.header("traceresponse", continued.header);
    const startedAt = performance.now();
    await next();
    if (c.req.method === "HEAD" && c.res.body)
      c.header("Content-Length", String((await c.res.clone().arrayBuffer()).byteLength));
    const ms = performance.now() - startedAt;
    countRequest(counts, c.req.method, routePath(c, -1), c.res.status, ms);
    // The path alone: the query of a socket holds a token.
    log.debug(
      {
        id: c.var.requestId,
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        ms: Math.round(ms),
        ...c.var.trace,
      },
      "request",
    );
  });
  app.use(safeHeaders);
  app.use(async (c, next) => {
    const network = networkOf(c.var.address);
    const others = underWay.get(network) ?? 0;
    // Their connection goes with them: each takes a descriptor, and the database needs some too.
    if (others >= maxPerAddress)
      throw new Refusal("rate_limited", "Too many requests are under way from your address.", {
        retryAfterMs: 10_000,
        headers: { Connection: "close" },
      });
    underWay.set(network, others + 1);
    try {
      await next();
    } finally {
      const left = underWay.get(network)! - 1;
      if (left) underWay.set(network, left);
      else underWay.delete(network);
    }
  });
  app.use(async (c, next) => {
    if (c.req.method === "OPTIONS") {
      const allowed = methodsOf(c.req.path);
      if (!allowed.length) throw notFound();
      c.header("Allow", allowed.join(", "));
    }
    await next();
  });
  if (allowedOrigins.length) {
    const allow = cors({
      origin: allowedOrigins,
      allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "traceparent"],
      exposeHeaders: ["Link", "Retry-After", "X-Request-Id", "traceresponse"],
      maxAge: 600,
    });
    app.use("/api/*", async (c, next) => {
      if (allowedOrigins.includes(c.req.header("Origin") ?? "")) return allow(c, next);
      await next();
      c.header("Vary", "Origin", { append: true });
    });
  }

  app.options("*", (c) => c.body(null, 204));

  app.route("/", health);
  app.route("/api/auth", auth);
  app.route("/api/chat", chat);
  app.route("/api/admin", admin);
  for (const endpoint of ["global", "private", "chat"] as const) {
    app.get(
      endpoint === "chat" ? "/ws/chat" : `/ws/chat/${endpoint}`,
      async (c) => (await upgrade(c.req.raw, endpoint, c.var.address, c.env.server)) ?? new Response(),
    );
  }
  app.route("/", page);
  if (metrics) app.route("/", metrics);

  const refuse = (c: Context, refusal: Refusal) => {
    counts.refusals.http[refusal.code]++;
    return c.body(JSON.stringify(problem(refusal, c.var.requestId)), refusal.status as 400, {
      ...refusal.headers,
      // A body without a length need not end, and what is left of it would be read for ever.
      ...(c.req.header("transfer-encoding") && { Connection: "close" }),
      "Content-Type": "application/problem+json",
    });
  };

  // Not thrown: the innermost middleware would be left half-way.
  app.notFound((c) => {
    const allowed = methodsOf(c.req.path);
    return refuse(
      c,
      allowed.length
        ? new Refusal("method_not_allowed", `This address takes ${allowed.join(", ")}.`, {
            headers: { Allow: allowed.join(", ") },
          })
        : notFound(),
    );
  });

  app.onError((error, c) => {
    const refusal = toRefusal(error);
    // The guard may not have got so far as to say who it is.
    const { address, requestId: id, trace, identity } = c.var;
    audit.refused(refusal, c.req.path, { address, id, trace }, identity?.userId);
    const about = { err: error, id, path: c.req.path, ...trace };
    // That the database is away is told once, elsewhere.
    if (refusal.code === "internal") log.error(about, "request failed");
    else if (refusal.code === "unavailable") log.debug(about, "request could not be served");
    return refuse(c, refusal);
  });

  return app;
}

/** Which methods a path takes, looked up in the same routes that serve it. */
function methodTable(routes: () => { method: string; path: string }[]) {
  let router: TrieRouter<string> | undefined;
  return (path: string): string[] => {
    if (!router) {
      router = new TrieRouter<string>();
      for (const route of routes()) if (route.method !== "ALL") router.add(route.method, route.path, route.method);
    }
    const bare = path.length > 1 ? path.replace(/\/$/, "") : path;
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => router!.match(method, bare)[0].length);
    return methods.length
      ? [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"]
      : [];
  };
}
