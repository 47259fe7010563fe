import { expect, test } from "bun:test";
import { ChatError } from "../../src/client/errors.ts";
import { createHttp } from "../../src/client/http.ts";
import type { Fetch } from "../../src/client/ports.ts";
import { memoryStorage } from "../../src/client/storage.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { type Answer, refusal, token, USER, world } from "./session-world.ts";

async function alice() {
  const w = world();
  await w.session.logIn({ username: "alice", password: "secret" });
  return w;
}

const failure = (promise: Promise<unknown>): Promise<ChatError> =>
  promise.then(
    () => {
      throw new Error("did not fail");
    },
    (error) => error,
  );

test("a token is used until a minute before its end, however wrong the clock is; then it is refreshed, once for many callers", async () => {
  const { session, clock, count } = await alice();
  const first = await session.access();
  await clock.advance(13 * 60_000);
  expect(await session.access()).toBe(first);
  await clock.advance(61_000);
  const tokens = await Promise.all(Array.from({ length: 10 }, () => session.access()));
  expect(new Set(tokens).size).toBe(1);
  expect(tokens[0]).not.toBe(first);
  expect(count("/refresh/")).toBe(1);
});

test("a refresh that fails by the network keeps the session, as do 5xx, 429 and a stranger's 401", async () => {
  const { session, clock, answers, signedOut } = await alice();
  await clock.advance(15 * 60_000);
  const answered: [Answer, string][] = [
    ["no network", "offline"],
    [refusal(503, "unavailable"), "unavailable"],
    [refusal(429, "rate_limited"), "rate_limited"],
    [{ status: 401 }, "unavailable"],
    [{ status: 200 }, "unavailable"],
  ];
  for (const [answer, code] of answered) {
    answers["/refresh/"] = () => answer;
    expect((await failure(session.access())).code).toBe(code as never);
  }
  expect(signedOut).toEqual([]);
  answers["/refresh/"] = () => undefined;
  expect(await session.access()).toStartWith("access");
});

test("a refresh whose answer is lost, by the network or by a proxy, is asked for again at once, while the server still takes the used token", async () => {
  for (const lost of ["no network", { status: 502 }] as const) {
    const { session, clock, answers, count } = await alice();
    await clock.advance(15 * 60_000);
    let tries = 0;
    answers["/refresh/"] = () => (++tries === 1 ? lost : undefined);
    await session.access();
    expect([tries, count("/refresh/")]).toEqual([2, 2]);
  }
});

test("a storage that is read but not written, on a full disk, does not bring a used token back, and signs nobody out", async () => {
  const { session, storage, clock, calls, signedOut } = await alice();
  storage.set = async () => {
    throw new Error("QuotaExceededError");
  };
  for (const used of ["refresh1", "refresh2", "refresh3"]) {
    await clock.advance(15 * 60_000);
    await session.access();
    expect(calls.at(-1)!.body.refresh).toBe(used);
    expect(await session.restore()).toEqual(USER);
  }
  expect(signedOut).toEqual([]);
  await session.logOut();
  expect(await storage.get("session")).toBeUndefined();
});

test("a session that ended here is not ended for a tab that logged in again", async () => {
  const w = await alice();
  const other = { ...((await w.storage.get("session")) as object), refresh: "newer", access: "newer" };
  await w.storage.set("session", other);
  expect(await w.session.end("expired")).toBe(false);
  expect([w.signedOut, await w.session.access()]).toEqual([[], "newer"]);
  expect(await w.session.end("expired")).toBe(true);
  expect([w.signedOut, await w.storage.get("session")]).toEqual([["expired"], undefined]);
});

test("a refresh of one user leaves the session of another tab's user in the storage", async () => {
  const w = await alice();
  await w.clock.advance(15 * 60_000);
  const other = { ...((await w.storage.get("session")) as object), user: { id: "bob" } };
  await w.storage.set("session", other);
  await w.session.access();
  expect(await w.storage.get("session")).toMatchObject({ user: { id: "bob" } });
  expect(w.session.user()).toMatchObject({ id: "alice" });
});

test("a refresh under way keeps nobody waiting who signed in meanwhile in another tab, and is no end of theirs", async () => {
  for (const answer of [
    { status: 200, body: { access: token("late"), refresh: "late" } },
    refusal(401, "unauthenticated"),
  ]) {
    const w = await alice();
    await w.clock.advance(15 * 60_000);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    w.answers["/refresh/"] = () => promise as never;
    const first = failure(w.session.access());
    await w.clock.advance(1);
    const bob = {
      access: token("bob"),
      refresh: "bob",
      expires: w.clock.now() + 900_000,
      user: { ...USER, id: "bob" },
    };
    await w.storage.set("session", bob);
    expect(await w.session.restore()).toMatchObject({ id: "bob" });
    expect(await w.session.refresh(token("none"))).toBe(bob.access);
    resolve(answer);
    // Nor gets Bob's token who waited as Alice.
    expect((await first).code).toBe("signed_out");
    expect([w.signedOut, w.session.user()?.id]).toEqual([["logged_out"], "bob"]);
    expect(await w.storage.get("session")).toEqual(bob);
  }
});

test("a 401 to a refresh signs out, here and in the storage", async () => {
  const { session, clock, answers, signedOut, storage } = await alice();
  await clock.advance(15 * 60_000);
  answers["/refresh/"] = () => refusal(401, "unauthenticated");
  expect((await failure(session.access())).code).toBe("signed_out");
  expect(signedOut).toEqual(["expired"]);
  expect(session.user()).toBeNull();
  expect(await storage.entries("")).toEqual([]);
});

test("a tab takes the tokens of another tab that was quicker, rather than use up its own too late", async () => {
  const one = await alice();
  const two = world(one.storage, one.clock);
  await two.session.restore();
  await one.clock.advance(15 * 60_000);
  const fresh = await one.session.access();
  expect(await two.session.access()).toBe(fresh);
  expect(two.count("/refresh/")).toBe(0);
});

test("a 401 while another tab refreshes signs nobody out", async () => {
  const one = await alice();
  const two = world(one.storage, one.clock);
  await two.session.restore();
  await one.clock.advance(15 * 60_000);
  two.answers["/refresh/"] = () => one.session.access().then(() => refusal(401, "unauthenticated")) as never;
  expect(await two.session.access()).toBe(await one.session.access());
  expect(two.signedOut).toEqual([]);
});

test("a request that is answered 401 is sent once more, with a new token", async () => {
  const { rest, answers, calls, signedOut } = await alice();
  let times = 0;
  answers["/users/"] = () => (times++ ? { status: 200, body: { results: [] } } : refusal(401, "unauthenticated"));
  await rest.users("bob & co");
  const users = calls.filter(({ path }) => path.includes("/users/"));
  expect(users.map(({ path }) => path)).toEqual(Array(2).fill("/api/auth/users/?search=bob+%26+co&page=1"));
  expect(users[0]!.token).not.toBe(users[1]!.token);
  times = -9;
  answers["/users/"] = () => refusal(401, "unauthenticated");
  expect((await failure(rest.users())).code).toBe("unauthenticated");
  expect(signedOut).toEqual([]);
});

test("a restored session asks nobody; logging out forgets it, even where the server cannot be told", async () => {
  const { storage, clock } = await alice();
  const next = world(storage, clock);
  expect(await next.session.restore()).toMatchObject({ id: "alice" });
  expect(next.calls).toEqual([]);
  next.answers["/logout/"] = () => "no network";
  expect((await failure(next.session.logOut())).code).toBe("offline");
  expect(next.signedOut).toEqual(["logged_out"]);
  expect(await world(storage).session.restore()).toBeNull();
});

test("errors tell the code, the fields and how long to wait", async () => {
  const w = world();
  const errors = [{ field: "password", code: "weak", message: "too common" }];
  w.answers["/signup/"] = () => ({ status: 400, body: { code: "invalid_field", detail: "No.", errors } });
  const form = { username: "alice", password: "123" };
  expect(await failure(w.session.signUp(form))).toMatchObject({
    code: "invalid_field",
    status: 400,
    detail: "No.",
    errors,
  });
  expect(w.calls[0]!.body).toEqual({ ...form, password_confirm: "123" });
  w.answers["/login/"] = () => ({ ...refusal(429, "rate_limited"), headers: { "Retry-After": "7" } });
  expect(await failure(w.session.logIn(form))).toMatchObject({ code: "rate_limited", retryAfterMs: 7_000 });
});

test("a request that hangs has failed after half a minute, so that nobody waits behind it for ever", async () => {
  const clock = new SimulatedClock();
  const fetch: Fetch = (_, { signal }) =>
    new Promise((_, reject) => (signal as AbortSignal).addEventListener("abort", () => reject(new Error("aborted"))));
  const hanging = failure(createHttp("http://server", { fetch, clock })("GET", "/"));
  await clock.advance(30_000);
  expect((await hanging).code).toBe("offline");
});

test("with a cookie no token is in the storage: the page sends none, and goes on by the cookie after a reload", async () => {
  const mine = (user: string, sid: string) => `h.${btoa(JSON.stringify({ iat: 0, exp: 900, sid, user_id: user }))}.x`;
  const clock = new SimulatedClock();
  const w = world(memoryStorage(), clock, true);
  w.answers = {
    login: () => ({ status: 200, body: { user: USER, access: mine("alice", "s1") } }),
    refresh: () => ({ status: 200, body: { access: mine("alice", "s1") } }),
  };
  await w.session.logIn({ username: "alice", password: "secret" });
  expect(await w.storage.get("session")).toEqual({ user: USER, access: "", refresh: "s1", expires: 0 });

  const reloaded = world(w.storage, clock, true);
  reloaded.answers = w.answers;
  expect(await reloaded.session.restore()).toEqual(USER);
  expect(await reloaded.session.access()).toBe(mine("alice", "s1"));
  expect(await reloaded.session.access()).toBe(mine("alice", "s1"));
  await reloaded.session.logOut();
  expect(reloaded.calls.map(({ path, body, cookie }) => [path, body, cookie])).toEqual([
    ["/api/auth/token/refresh/", {}, "cookie"],
    ["/api/auth/logout/", {}, "cookie"],
  ]);

  // In another tab somebody else has signed in, and the cookie is theirs: nothing is done in their name.
  w.answers.refresh = () => ({ status: 200, body: { access: mine("mallory", "s2") } });
  await clock.advance(15 * 60_000);
  expect((await failure(w.session.access())).code).toBe("signed_out");
  expect(w.signedOut).toEqual(["expired"]);
});

test("a socket that the server closes before it answers the log-out does not make it a session that expired", async () => {
  const w = await alice();
  w.answers.logout = () => {
    void w.session.end("expired");
    expect(w.signedOut).toEqual([]);
    return undefined;
  };
  await w.session.logOut();
  expect(w.signedOut).toEqual(["logged_out"]);
  expect(await w.storage.get("session")).toBeUndefined();
});
