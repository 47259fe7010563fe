import { Hono } from "hono";
import type { HttpEnv, IsOnline } from "../deps.ts";
import { notFound, toRefusal } from "../errors.ts";
import { check, readBody } from "../input.ts";
import * as api from "../protocol/api.ts";
import { makePage, readPage } from "../protocol/paging.ts";
import { type Accounts, accountKey, userView } from "./accounts.ts";
import type { Guard } from "./guard.ts";
import type { AddressLimits } from "./limits.ts";
import { fold } from "./names.ts";
import type { AuthStore } from "./store.ts";

type Deps = { accounts: Accounts; store: AuthStore; guard: Guard; limits: AddressLimits; isOnline: IsOnline };

export function authRoutes({ accounts, store, guard, limits, isOnline }: Deps) {
  const app = new Hono<HttpEnv>();

  app.post("/signup", async (c) => {
    await limits.signup.take(c.var.address);
    return c.json(await accounts.signUp(await readBody(c.req.raw, api.object), userAgent(c.req.raw)), 201);
  });

  app.post("/login", async (c) => {
    await limits.login.take(c.var.address);
    const input = await readBody(c.req.raw, api.login);
    const attempt = `${c.var.address} ${accountKey(input.username)}`;
    // Counted before the password is verified: guesses that come all at once must not all find the limit untouched.
    await limits.failedLogin.take(attempt);
    try {
      const answer = await accounts.logIn(input, userAgent(c.req.raw));
      await limits.failedLogin.giveBack(attempt);
      return c.json(answer);
    } catch (error) {
      if (toRefusal(error).code !== "unauthenticated") await limits.failedLogin.giveBack(attempt);
      throw error;
    }
  });

  app.post("/logout", guard.requireToken, async (c) => {
    await accounts.logOut(c.var.identity.userId, (await readBody(c.req.raw, api.refresh)).refresh);
    return c.json({ detail: "Signed out." });
  });

  app.post("/token/refresh", async (c) =>
    c.json(await accounts.refresh((await readBody(c.req.raw, api.refresh)).refresh)),
  );

  app.get("/users", guard.requireUser, async (c) => {
    const { search } = check(api.search, { search: c.req.query("search") });
    const page = readPage(c.req.query());
    if (!page) throw notFound();
    const { total, rows } = await store.listUsers(c.var.identity.userId, fold(search), page.size, page.offset);
    const body = makePage(
      c.var.url,
      page,
      total,
      rows.map((row) => userView(row, isOnline)),
    );
    if (!body) throw notFound();
    return c.json(body);
  });

  return app;
}

/** Shown to the session's owner, so cut and without what could not be stored. */
function userAgent(request: Request): string {
  return (request.headers.get("user-agent") ?? "").replaceAll("\0", "").toWellFormed().slice(0, 256);
}
