import { type Context, Hono } from "hono";
import { withPassword } from "../auth/confirm.ts";
import type { Guard } from "../auth/guard.ts";
import type { AddressLimits } from "../auth/limits.ts";
import { fold } from "../auth/names.ts";
import { newResetToken, resetHash } from "../auth/operator.ts";
import type { Passwords } from "../auth/passwords.ts";
import type { AuthStore } from "../auth/store.ts";
import { GLOBAL_ROOM } from "../db/schema.ts";
import type { HttpEnv, IsOnline, RoomEvent } from "../deps.ts";
import { invalid, notFound, Refusal, unauthenticated } from "../errors.ts";
import { check, readBody } from "../input.ts";
import type { Audit } from "../ops/audit.ts";
import * as admin from "../protocol/admin.ts";
import { id as uuid } from "../protocol/api.ts";
import { makePage, readPage } from "../protocol/paging.ts";
import type { AdminStore, UserRow } from "./store.ts";

/** The event of a message that is gone. */
type Removal = RoomEvent<{ removed: { id: string; seq: number }; audience: string[] }>;

type Deps = {
  store: AdminStore;
  accounts: Pick<AuthStore, "accountById">;
  guard: Guard;
  limits: AddressLimits;
  passwords: Passwords;
  presence: { isOnline: IsOnline; online: () => number; whoIsOnline: () => string[] };
  live: () => Promise<admin.Figures[]>;
  /** Tells this process and the others. */
  sessionEnded: (sessionId: string, disabled: boolean) => void;
  /** The place of a message by the id that clients know. */
  findMessage: (room: string, id: string) => Promise<number | undefined>;
  /** Tells whoever it belongs to. */
  committed: (events: Removal[]) => void;
  audit: Pick<Audit, "tell">;
  now: () => number;
  /** Where people open the page; null where the request tells. */
  publicUrl: string | null;
};

/** What administrators may do. Their role is looked up at every call, and again in the statement that changes something. */
export function adminRoutes(deps: Deps) {
  const { store, accounts, guard, limits, passwords, presence } = deps;
  const app = new Hono<HttpEnv>();

  app.use("*", guard.requireUser, async (c, next) => {
    if (!(await store.isAdmin(c.var.identity))) throw new Refusal("forbidden", "This is for administrators.");
    await next();
  });

  app.get("/users", async (c) => {
    const { search, only } = check(admin.users, c.req.query());
    const page = readPage(c.req.query());
    if (!page) throw notFound();
    const asked = { search: fold(search), only, online: only === "online" ? presence.whoIsOnline() : null };
    const { total, rows } = await store.users(asked, page.size, page.offset);
    const body = makePage(c.var.url, page, total, rows.map(viewOf));
    if (!body) throw notFound();
    return c.json(body);
  });

  app.post("/users/:id", async (c) => {
    const id = uuid.safeParse(c.req.param("id"));
    const { act, password } = await readBody(c.req.raw, admin.act);
    if (!id.success) throw notFound();
    const token = act === "reset_password" ? newResetToken() : null;
    const done = await confirmed(c, password, (verified) =>
      store.administer(c.var.identity, verified, act, id.data, token && resetHash(token)),
    );
    if (done.outcome === "not_found") throw notFound();
    if (done.outcome === "last_admin") throw invalid("act", "This is the last administrator: make another one first.");
    if (done.outcome === "inactive") throw invalid("act", "This cannot be done to an account that is not active.");
    for (const session of done.ended) deps.sessionEnded(session, act === "disable");
    const user = await store.user(id.data);
    if (!user) throw notFound();
    const origin = deps.publicUrl ?? c.var.url.origin;
    return c.json({ user: viewOf(user), ...(token && { link: `${origin}/reset#${token}` }) });
  });

  app.get("/rooms", async (c) => {
    const { search } = check(admin.rooms, c.req.query());
    const page = readPage(c.req.query());
    if (!page) throw notFound();
    const { total, rows } = await store.rooms(fold(search), page.size, page.offset);
    const body = makePage(c.var.url, page, total, rows);
    if (!body) throw notFound();
    return c.json(body);
  });

  app.get("/rooms/:stream/messages", async (c) => {
    const { search, before } = check(admin.messages, c.req.query());
    const room = await roomOf(c);
    const page = await store.messages(c.var.identity.userId, room, search, before ?? Number.MAX_SAFE_INTEGER);
    if (!page) throw notFound();
    const results = page.rows.map(({ id, seq, sender, text, timestamp }) => ({
      id: room === GLOBAL_ROOM ? seq : id,
      seq,
      sender,
      text,
      timestamp: timestamp.toISOString(),
    }));
    return c.json({ results, before: page.before } satisfies admin.AdminMessages);
  });

  app.delete("/rooms/:stream/messages/:id", async (c) => {
    const { password } = await readBody(c.req.raw, admin.remove);
    const room = await roomOf(c);
    const seq = await deps.findMessage(room, c.req.param("id"));
    if (seq === undefined) throw notFound();
    const removed = await confirmed(c, password, (verified) => store.remove(c.var.identity, verified, room, seq));
    if (removed.outcome === "not_found") throw notFound();
    const { seq: event, id, messageSeq, audience } = removed;
    if (event !== null) deps.committed([{ room, seq: event, body: { removed: { id, seq: messageSeq }, audience } }]);
    return c.body(null, 204);
  });

  app.get("/live", async (c) =>
    c.json({
      now: new Date(deps.now()).toISOString(),
      users_online: presence.online(),
      processes: await deps.live(),
    } satisfies admin.Live),
  );

  app.get("/log", async (c) => c.json(await store.log(check(admin.log, c.req.query()).before ?? null)));

  const viewOf = ({ created_at, last_seen, disabled_at, ...row }: UserRow): admin.AdminUser => ({
    ...row,
    created_at: created_at.toISOString(),
    last_seen: last_seen?.toISOString() ?? null,
    disabled_at: disabled_at?.toISOString() ?? null,
    // Presence gives a socket that is gone a moment to come back.
    is_online: disabled_at === null && presence.isOnline(row.id),
  });

  /** Asks for the password before something is destroyed: whoever found an open session has not got it. */
  async function confirmed<T>(
    c: Context<HttpEnv>,
    password: string,
    act: (verified: string) => Promise<T | null>,
  ): Promise<T> {
    const { identity, address, requestId: id, trace } = c.var;
    const account = await accounts.accountById(identity.userId);
    if (!account) throw unauthenticated();
    return withPassword(limits, address, identity, async () => {
      const done = (await passwords.verify(password, account.password)) ? await act(account.password) : null;
      if (!done)
        deps.audit.tell("password_wrong", { address, id, trace }, { user: account.id, session: identity.sessionId });
      return done;
    });
  }

  return app;
}

async function roomOf(c: Context<HttpEnv>): Promise<string> {
  const stream = c.req.param("stream")!;
  if (stream === "global") return GLOBAL_ROOM;
  const id = uuid.safeParse(stream);
  if (!id.success || id.data === GLOBAL_ROOM) throw notFound();
  return id.data;
}
