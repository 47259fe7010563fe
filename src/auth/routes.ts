import { type Context, Hono } from "hono";
import type { Bucket, HttpEnv, Identity, IsOnline } from "../deps.ts";
import { invalid, notFound, Refusal, spend, unauthenticated } from "../errors.ts";
import { check, readBody } from "../input.ts";
import * as api from "../protocol/api.ts";
import type { Export, Me } from "../protocol/models.ts";
import { inPieces } from "../ops/answers.ts";
import { makePage, readPage } from "../protocol/paging.ts";
import { withPassword } from "./confirm.ts";
import { type Accounts, accountKey, type Client, userView } from "./accounts.ts";
import { readRefresh, wantsCookie, writeRefresh } from "./cookie.ts";
import { weakness } from "./guessable.ts";
import type { Guard } from "./guard.ts";
import type { AddressLimits } from "./limits.ts";
import { fold } from "./names.ts";
import type { Account, AuthStore } from "./store.ts";

type Deps = {
  accounts: Accounts;
  store: AuthStore;
  guard: Guard;
  limits: AddressLimits;
  isOnline: IsOnline;
  /** How long a browser keeps a refresh token (ms). */
  cookieMs: number;
  /** What somebody wrote, as pieces of the inside of a JSON object. */
  written: (identity: Identity) => AsyncGenerator<string>;
  exports: Bucket;
};

export function authRoutes({ accounts, store, guard, limits, isOnline, cookieMs, written, exports }: Deps) {
  const app = new Hono<HttpEnv>();

  app.post("/signup", async (c) => {
    const cookie = wantsCookie(c);
    await limits.signup.take(c.var.address);
    const answer = await accounts.signUp(await readBody(c.req.raw, api.object), client(c));
    if (cookie) await accounts.endFormer(readRefresh(c), client(c));
    return c.json(hand(c, cookie, answer), 201);
  });

  app.post("/login", async (c) => {
    const cookie = wantsCookie(c);
    const input = await readBody(c.req.raw, api.login);
    const answer = await limits.guess(c.var.address, accountKey(input.username), () =>
      accounts.logIn(input, client(c)),
    );
    if (!answer) throw new Refusal("unauthenticated", "The username or the password is wrong.");
    if (cookie) await accounts.endFormer(readRefresh(c), client(c));
    return c.json(hand(c, cookie, answer));
  });

  app.post("/logout", guard.requireToken, async (c) => {
    const cookie = wantsCookie(c);
    await accounts.logOut(c.var.identity.userId, await refreshToken(c, cookie), client(c));
    if (cookie) writeRefresh(c, "", 0);
    return c.json({ detail: "Signed out." });
  });

  app.post("/token/refresh", async (c) => {
    const cookie = wantsCookie(c);
    return c.json(hand(c, cookie, await accounts.refresh(await refreshToken(c, cookie), client(c))));
  });

  app.post("/reset", async (c) => {
    await limits.reset.take(c.var.address);
    await accounts.resetPassword(await readBody(c.req.raw, api.reset), client(c));
    return c.json({ detail: "The password is new, and all sessions are over." });
  });

  app.get("/me", guard.requireUser, async (c) => {
    const account = await own(c);
    return c.json({ ...userView(account, isOnline), role: account.role } satisfies Me);
  });

  app.delete("/me", guard.requireSession, async (c) => {
    const cookie = wantsCookie(c);
    const input = await readBody(c.req.raw, api.remove);
    const account = await own(c);
    await withPassword(
      limits,
      c.var.address,
      c.var.identity,
      async () => (await accounts.deleteAccount(account, c.var.identity.sessionId, input, client(c))) || null,
    );
    if (cookie) writeRefresh(c, "", 0);
    return c.body(null, 204);
  });

  app.get("/me/export", guard.requireUser, async (c) => {
    const account = await own(c);
    const { is_online: _, ...user } = userView(account, isOnline);
    c.header("Content-Type", "application/json");
    c.header("Content-Disposition", 'attachment; filename="liquidchat-export.json"');
    if (c.req.method === "HEAD") return c.body(null);
    await spend(exports, user.id, "You have exported this several times. Wait a while.");
    const known: Omit<Export, "conversations" | "messages"> = {
      account: { ...user, role: account.role, email: await store.emailOf(user.id) },
      sessions: await accounts.sessions(c.var.identity),
    };
    return c.body(inPieces(`${JSON.stringify(known).slice(0, -1)},`, written(c.var.identity), "}"));
  });

  app.post("/password", guard.requireSession, async (c) => {
    const input = await readBody(c.req.raw, api.password);
    const account = await own(c);
    const weak = await weakness(input.new_password, account.username);
    if (weak) throw invalid("new_password", weak, "weak");
    await withPassword(
      limits,
      c.var.address,
      c.var.identity,
      async () => (await accounts.changePassword(account, c.var.identity.sessionId, input, client(c))) || null,
    );
    return c.json({ detail: "The password is changed, and all other sessions are over." });
  });

  app.get("/sessions", guard.requireSession, async (c) => c.json(await accounts.sessions(c.var.identity)));

  app.delete("/sessions/:id", guard.requireSession, async (c) => {
    const id = api.id.safeParse(c.req.param("id"));
    if (!id.success || !(await accounts.endSession(id.data, c.var.identity.userId, client(c)))) throw notFound();
    return c.body(null, 204);
  });

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

  /** An answer with tokens, as the client wants them: the refresh token goes into the cookie or into the body, never into both. */
  function hand<T extends { refresh: string }>(c: Context<HttpEnv>, cookie: boolean, answer: T) {
    if (!cookie) return answer;
    const { refresh, ...rest } = answer;
    writeRefresh(c, refresh, cookieMs);
    return rest;
  }

  const refreshToken = async (c: Context<HttpEnv>, cookie: boolean) =>
    cookie ? readRefresh(c) : (await readBody(c.req.raw, api.refresh)).refresh;

  async function own(c: Context<HttpEnv>): Promise<Account> {
    const account = await store.accountById(c.var.identity.userId);
    if (!account) throw unauthenticated();
    return account;
  }

  return app;
}

/** The program's name is shown to the session's owner, so cut and without what could not be stored. */
function client(c: Context<HttpEnv>): Client {
  const userAgent = (c.req.header("user-agent") ?? "").replaceAll("\0", "").slice(0, 256).toWellFormed();
  return { address: c.var.address, id: c.var.requestId, trace: c.var.trace, userAgent };
}
