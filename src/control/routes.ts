import { Hono } from "hono";
import { z } from "zod";
import { createOperator } from "../auth/operator.ts";
import type { Passwords } from "../auth/passwords.ts";
import { createAuthStore } from "../auth/store.ts";
import type { Database } from "../db/client.ts";
import { readBody } from "../input.ts";

const named = z.object({ name: z.string() });
const newAdmin = named.extend({ password: z.string().nullable() });

/**
 * What a command can ask of whoever has the database open, a running server or the command's own process. Each is a POST with a JSON body; an
 * error is told in full: only the operator gets here.
 */
export function controlRoutes(db: Database, passwords: Passwords) {
  const operator = createOperator({ store: createAuthStore(db), passwords });
  const app = new Hono();

  app.post("/migrations", async (c) => {
    const count = "SELECT count(*) AS n FROM migrations WHERE id NOT LIKE 'functions %'";
    const [row] = await db.query<{ n: number }>(count, []);
    return c.json({ migrations: row!.n });
  });
  app.post("/promote", async (c) => {
    const { name } = await readBody(c.req.raw, named);
    return c.json({ found: await operator.promote(name) });
  });
  app.post("/admins", async (c) => {
    const { name, password } = await readBody(c.req.raw, newAdmin);
    return c.json(await operator.createAdmin(name, password));
  });
  app.post("/resets", async (c) => {
    const { name } = await readBody(c.req.raw, named);
    return c.json(await operator.resetPassword(name));
  });

  app.onError((error, c) => c.json({ error: error.message }, 500));
  return app;
}
