import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { asyncapi } from "../protocol/asyncapi.ts";
import { openapi } from "../protocol/openapi.ts";

/** The documents for programs. */
export function documentRoutes(version: string) {
  let http: ReturnType<typeof openapi> | undefined;
  const app = new Hono<HttpEnv>();
  app.get("/api/openapi.json", (c) => c.json((http ??= openapi(version))));
  app.get("/api/asyncapi.json", (c) => {
    const { host, protocol } = c.var.url;
    return c.json(asyncapi(version, host, protocol === "https:" ? "wss" : "ws"));
  });
  return app;
}
