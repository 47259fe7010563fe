import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { asyncapi } from "../protocol/asyncapi.ts";
import { openapi } from "../protocol/openapi.ts";
import { servePage } from "./page.ts";

/** The documents for programs, and a page that shows them and lets one try what they say. */
export function documentRoutes(version: string) {
  let http: ReturnType<typeof openapi> | undefined;
  const app = new Hono<HttpEnv>();
  app.get("/openapi.json", (c) => c.json((http ??= openapi(version))));
  app.get("/asyncapi.json", (c) => {
    const { host, protocol } = c.var.url;
    return c.json(asyncapi(version, host, protocol === "https:" ? "wss" : "ws"));
  });
  servePage(app, "/docs", "docs/main.tsx", "LiquidChat: the API");
  return app;
}
