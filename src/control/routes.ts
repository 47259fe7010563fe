import { Hono } from "hono";
import type { Database } from "../db/client.ts";

/** What a command can ask of whoever has the database open, a running server or the command's own process. */
export type Holder = { db: Database };

/** Each is a POST with a JSON body; an error is told in full: only the operator gets here. */
export function controlRoutes({ db }: Holder) {
  const app = new Hono();
  app.post("/migrations", async (c) => {
    const [row] = await db.query<{ n: number }>(
      "SELECT count(*) AS n FROM migrations WHERE id NOT LIKE 'functions %'",
      [],
    );
    return c.json({ migrations: row!.n });
  });
  app.onError((error, c) => c.json({ error: error.message }, 500));
  return app;
}
