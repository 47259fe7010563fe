import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";

export type Health = { draining: boolean; databaseAnswers: boolean; redis: "none" | "up" | "away" };

/** `/healthz`: the process runs. `/readyz`: it can serve; without Redis it can, with less. */
export function healthRoutes(health: () => Health) {
  const app = new Hono<HttpEnv>();
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) => {
    const { draining, databaseAnswers, redis } = health();
    const status = draining ? "draining" : !databaseAnswers ? "unavailable" : redis === "away" ? "degraded" : "ready";
    return c.json(
      { status, database: databaseAnswers ? "up" : "away", redis },
      status === "ready" || status === "degraded" ? 200 : 503,
    );
  });
  return app;
}
