/** Mallory wants the session of a page: from a script, from another site, from under the same domain. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";

let rig: Rig;
let people = 0;
beforeAll(async () => {
  rig = await embeddedRig({ TRUSTED_PROXIES: "127.0.0.1", ALLOWED_ORIGINS: "https://app.example.org" });
});
afterAll(() => rig.stop());

type Headers = Record<string, string>;
const COOKIE = { "X-Session": "cookie" };
const HTTPS = { ...COOKIE, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.org" };
const HTTP = { ...HTTPS, "X-Forwarded-Proto": "http" };

const signUp = (headers: Headers) =>
  call(rig.url(), "POST", "/api/auth/signup/", {
    body: { username: `page${++people}`, password: PASSWORD, password_confirm: PASSWORD },
    headers,
  });
const refresh = (headers: Headers, body?: object) =>
  call(rig.url(), "POST", "/api/auth/token/refresh/", { headers, body });
const jar = (headers: globalThis.Headers) => headers.getSetCookie();
/** As a browser sends it back. */
const sent = (headers: globalThis.Headers) => ({ Cookie: jar(headers)[0]!.split(";")[0]! });
const attributes = (cookie: string) => cookie.split("; ").slice(1).sort();

test("the refresh token is in a cookie that no script reads and no other site sends, and nowhere else", async () => {
  const created = await signUp(HTTPS);
  expect([created.status, Object.keys(created.body).sort(), jar(created.headers).length]).toEqual([
    201,
    ["access", "user"],
    1,
  ]);
  const cookie = jar(created.headers)[0]!;
  expect(cookie).toStartWith("__Host-lc_refresh=eyJ");
  expect(attributes(cookie)).toEqual(["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Strict", "Secure"]);

  const refreshed = await refresh({ ...HTTPS, ...sent(created.headers) });
  expect([refreshed.status, Object.keys(refreshed.body)]).toEqual([200, ["access"]]);
  expect(jar(refreshed.headers)[0]).not.toBe(cookie);
  const back = await call(rig.url(), "POST", "/api/auth/login/", {
    body: { username: created.body.user.username, password: PASSWORD },
    headers: HTTPS,
  });
  expect([back.status, Object.keys(back.body).sort(), jar(back.headers).length]).toEqual([200, ["access", "user"], 1]);

  const token = refreshed.body.access;
  const out = await call(rig.url(), "POST", "/api/auth/logout/", {
    token,
    headers: { ...HTTPS, ...sent(refreshed.headers) },
  });
  expect([out.status, jar(out.headers).length]).toEqual([200, 1]);
  expect(jar(out.headers)[0]).toStartWith("__Host-lc_refresh=; Max-Age=0; Path=/");
  expect((await refresh({ ...HTTPS, ...sent(refreshed.headers) })).status).toBe(401);
  expect((await call(rig.url(), "GET", "/api/auth/me/", { token })).status).toBe(401);
});

test("without the header nothing is as before: tokens in the body, no cookie set, none read", async () => {
  const { "X-Session": _, ...plain } = HTTPS;
  const created = await signUp(plain);
  expect([Object.keys(created.body).sort(), jar(created.headers)]).toEqual([["access", "refresh", "user"], []]);
  const Cookie = `__Host-lc_refresh=${created.body.refresh}`;
  expect((await refresh({ ...plain, Cookie }, {})).status).toBe(400);
  expect((await refresh({ ...plain, Cookie }, { refresh: "nonsense" })).status).toBe(401);
  const refreshed = await refresh(plain, { refresh: created.body.refresh });
  expect([refreshed.status, jar(refreshed.headers)]).toEqual([200, []]);
  // And with the header the body does not count.
  expect((await refresh(HTTPS, { refresh: refreshed.body.refresh })).status).toBe(401);
});

test("the name of the cookie goes by what the trusted proxy says, and only one name counts", async () => {
  const plain = await signUp(HTTP);
  expect(jar(plain.headers)[0]).toStartWith("lc_refresh=eyJ");
  expect(attributes(jar(plain.headers)[0]!)).toEqual(["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Strict"]);
  expect((await refresh({ ...HTTP, ...sent(plain.headers) })).status).toBe(200);
  for (const local of [COOKIE, { ...COOKIE, "X-Forwarded-Host": "localhost:8000" }])
    expect(jar((await signUp(local)).headers)[0]).toStartWith("__Host-lc_refresh=eyJ");
  expect(jar((await signUp({ ...COOKIE, "X-Forwarded-Host": "localhost.example.org" })).headers)[0]).toStartWith(
    "lc_refresh=eyJ",
  );

  // A neighbour under example.org can set `lc_refresh` for all of it, but nothing that begins with `__Host-`.
  const mallory = await signUp(HTTPS);
  const token = sent(mallory.headers).Cookie.split("=")[1]!;
  for (const Cookie of [
    `lc_refresh=${token}`,
    `__host-lc_refresh=${token}`,
    `__Secure-lc_refresh=${token}`,
    ` ;__Host-lc_refresh2=${token}`,
  ])
    expect([Cookie, (await refresh({ ...HTTPS, Cookie })).status]).toEqual([Cookie, 401]);
  expect((await refresh({ ...HTTP, Cookie: `__Host-lc_refresh=${token}` })).status).toBe(401);
  // Nobody has used it up by that.
  expect((await refresh({ ...HTTPS, Cookie: `lc_refresh=x; __Host-lc_refresh=${token}` })).status).toBe(200);
});

test("a page of another origin is refused, and has neither used the session nor replaced it", async () => {
  const victim = await signUp(HTTPS);
  const mallory = await signUp({});
  const asVictim = { ...HTTPS, ...sent(victim.headers) };
  const foreign = ["https://evil.example", "https://chat.example.org.evil.example", "https://evil.chat.example.org", "http://chat.example.org", "https://chat.example.org:8443", "https://app.example.org", "null", "", "file://chat.example.org", "https://user@chat.example.org", "https://chat.example.org/page"]; // prettier-ignore
  const act: [string, Json?, string?][] = [
    ["/api/auth/token/refresh/"],
    ["/api/auth/login/", { username: mallory.body.user.username, password: PASSWORD }],
    ["/api/auth/signup/", { username: "by-mallory", password: PASSWORD, password_confirm: PASSWORD }],
    ["/api/auth/logout/", undefined, victim.body.access],
  ];
  for (const Origin of foreign)
    for (const [path, body, token] of act) {
      const {
        status,
        headers,
        body: answer,
      } = await call(rig.url(), "POST", path, { headers: { ...asVictim, Origin }, body, token });
      expect([Origin, path, status, answer.code, jar(headers)]).toEqual([Origin, path, 403, "forbidden", []]);
    }
  // A browser would not even send it: the header has to be asked for, and is not granted, to an origin that may use the API either.
  const preflight = await call(rig.url(), "OPTIONS", "/api/auth/token/refresh/", {
    headers: {
      Origin: "https://app.example.org",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "x-session",
    },
  });
  expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).not.toContain("x-session");
  expect((await refresh({ ...asVictim, Origin: "https://chat.example.org" })).status).toBe(200);
  // TLS by a proxy that is not trusted, so not known to us.
  expect(
    (
      await refresh({
        ...HTTP,
        Cookie: `lc_refresh=${sent(victim.headers).Cookie.split("=")[1]}`,
        Origin: "https://chat.example.org",
      })
    ).status,
  ).toBe(200);
});

test("two tabs that refresh at once hold the same cookie; a copy used later, in the cookie or in a body, ends the session", async () => {
  const alice = await signUp(HTTPS);
  const first = sent(alice.headers);
  const tabs = await Promise.all(Array.from({ length: 5 }, () => refresh({ ...HTTPS, ...first })));
  expect(new Set(tabs.map(({ status, headers }) => `${status} ${jar(headers)}`)).size).toBe(1);
  const newest = sent(tabs[0]!.headers);
  await Bun.sleep(2_100); // REFRESH_GRACE
  const stolen = await call(rig.url(), "POST", "/api/auth/token/refresh/", {
    body: { refresh: first.Cookie.split("=")[1] },
  });
  expect(stolen.status).toBe(401);
  const after = await refresh({ ...HTTPS, ...newest });
  // A late answer of one tab must not take away what another has just got by a new log-in.
  expect([after.status, jar(after.headers)]).toEqual([401, []]);
});

test("a cookie of somebody else logs nobody out", async () => {
  const [alice, mallory] = [await signUp(HTTPS), await signUp(HTTPS)];
  for (const Cookie of [sent(mallory.headers).Cookie, "__Host-lc_refresh=nonsense", "__Host-lc_refresh=%zz", ""]) {
    const out = await call(rig.url(), "POST", "/api/auth/logout/", {
      token: alice.body.access,
      headers: { ...HTTPS, Cookie },
    });
    expect([Cookie, out.status, jar(out.headers)]).toEqual([Cookie, 400, []]);
  }
  for (const person of [alice, mallory])
    expect((await refresh({ ...HTTPS, ...sent(person.headers) })).status).toBe(200);
});

test("a page that logs in again ends the session that its cookie was of, and no other", async () => {
  const [first, other] = [await signUp(HTTPS), await signUp(HTTPS)];
  const logIn = (headers: Headers, password = PASSWORD) =>
    call(rig.url(), "POST", "/api/auth/login/", {
      body: { username: first.body.user.username, password },
      headers,
    });
  const me = async (answer: { body: Json }) =>
    (await call(rig.url(), "GET", "/api/auth/me/", { token: answer.body.access })).status;
  const phone = await logIn(HTTPS);
  const cookie = sent(first.headers);
  // A wrong password ends nothing, and nor does a cookie that was not asked for, or is none of ours.
  expect((await logIn({ ...HTTPS, ...cookie }, "wrong-password-1")).status).toBe(401);
  const program = await logIn(cookie);
  expect((await logIn({ ...HTTPS, Cookie: "__Host-lc_refresh=nonsense" })).status).toBe(200);
  expect((await logIn({ ...HTTPS, ...cookie, Origin: "https://app.example.org" })).status).toBe(403);
  expect(await me(first)).toBe(200);

  const second = await logIn({ ...HTTPS, ...cookie });
  expect([second.status, await me(second), await me(first)]).toEqual([200, 200, 401]);
  expect((await refresh({ ...HTTPS, ...cookie })).status).toBe(401);
  for (const untouched of [phone, program, other]) expect(await me(untouched)).toBe(200);
  // Somebody else at the same browser, too.
  const third = await signUp({ ...HTTPS, ...sent(second.headers) });
  expect([third.status, await me(third), await me(second)]).toEqual([201, 200, 401]);
});

test("removing the account takes the cookie away", async () => {
  const { body, headers } = await signUp(HTTPS);
  const gone = await call(rig.url(), "DELETE", "/api/auth/me/", {
    token: body.access,
    body: { password: PASSWORD },
    headers: { ...HTTPS, ...sent(headers) },
  });
  expect([gone.status, jar(gone.headers)[0]]).toEqual([204, expect.stringMatching(/^__Host-lc_refresh=; Max-Age=0;/)]);
});

test("a user agent of any length and kind is kept short, and breaks nothing", async () => {
  for (const agent of [
    "x".repeat(10_000),
    `${"x".repeat(255)}\u{1f600}`,
    "\u00ff\u00fe",
    "<script>alert(1)</script>",
    "",
  ]) {
    const created = await signUp({ "User-Agent": Buffer.from(agent).toString("latin1") });
    expect(created.status).toBe(201);
    const me = new Person(rig.url(), created.body.user.id, "", created.body.access, "");
    const [session] = (await me.get("/api/auth/sessions/")).body;
    expect([session.user_agent.length <= 256, session.user_agent.isWellFormed()]).toEqual([true, true]);
  }
});
