/** What the log tells of who came in, who did not, and what was tried; and what it does not tell. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import pino from "pino";
import { notFound, Refusal } from "../../src/errors.ts";
import { createAudit } from "../../src/ops/audit.ts";
import type { Clock } from "../../src/ops/clock.ts";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await embeddedRig({
    TRUSTED_PROXIES: "127.0.0.1",
    LOGIN_RATE_LIMIT: "60",
    SIGNUP_RATE_LIMIT: "1",
    CONNECT_RATE_LIMIT: "1",
    REFRESH_GRACE: "0.1",
  });
});
afterAll(() => rig.stop());

const parse = (text: string): Json[] =>
  text.split("\n").flatMap((line) => (line.startsWith("{") && line.includes('"event"') ? [JSON.parse(line)] : []));
let address = "";
let people = 0;
/** From an address of its own in each test, so that its events can be told from the others'. */
const from = (more: object = {}) => ({ "X-Forwarded-For": address, ...more });
const post = (path: string, body: object, token?: string, headers = from()) =>
  call(rig.url(), "POST", path, { body, token, headers });
const events = () =>
  parse(rig.servers[0]!.output())
    .filter((line) => line.address === address)
    .map(({ event, user, session, ended, code, door }) =>
      Object.fromEntries(
        Object.entries({ event, user, session, ended, code, door }).filter(([, value]) => value !== undefined),
      ),
    );

async function newcomer() {
  address = `192.0.2.${++people}`;
  const username = `audited${people}`;
  const { body } = await post("/api/auth/signup/", {
    username,
    password: PASSWORD,
    password_confirm: PASSWORD,
    email: "audited@example.org",
  });
  return new Person(rig.url(), body.user.id, username, body.access, body.refresh);
}
const sid = (token: string) => JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()).sid as string;

test("the log tells of sign-up, log-in, log-out and refused log-ins, by whom, from where and in which request", async () => {
  const alice = await newcomer();
  const user = alice.id;
  const good = await post("/api/auth/login/", { username: alice.name, password: PASSWORD });
  const session = sid(good.body.access);
  const bad = await post("/api/auth/login/", { username: alice.name, password: "my-secret-guess" });
  await post("/api/auth/login/", { username: "my-typed-secret", password: "my-secret-guess" });
  for (let i = 0; i < 2; i++) await post("/api/auth/logout/", { refresh: good.body.refresh }, good.body.access);
  await eventually(() =>
    expect(events()).toEqual([
      { event: "signed_up", user, session: sid(alice.access) },
      { event: "logged_in", user, session },
      { event: "login_failed", user },
      { event: "login_failed" },
      { event: "logged_out", user, session },
    ]),
  );
  const line = parse(rig.servers[0]!.output()).find(({ event, user }) => event === "login_failed" && user);
  expect([line.id, line.level, Math.abs(line.time - Date.now()) < 60_000]).toEqual([
    bad.headers.get("x-request-id"),
    30,
    true,
  ]);
});

test("the log tells of a new password, ended sessions, reused tokens and removed accounts", async () => {
  const alice = await newcomer();
  const [user, own] = [alice.id, sid(alice.access)];
  const NEW = "teal-comet-9021";
  const [phone, stolen, left] = (
    await Promise.all([0, 1, 2].map(() => post("/api/auth/login/", { username: alice.name, password: PASSWORD })))
  ).map(({ body }) => body) as [Json, Json, Json];
  expect(left.access).toBeString();
  await eventually(() => expect(events().length).toBe(4));
  await post("/api/auth/token/refresh/", { refresh: stolen.refresh });
  await Bun.sleep(200);
  for (let i = 0; i < 2; i++) await post("/api/auth/token/refresh/", { refresh: stolen.refresh });
  for (let i = 0; i < 2; i++)
    await call(rig.url(), "DELETE", `/api/auth/sessions/${sid(phone.access)}/`, {
      token: alice.access,
      headers: from(),
    });
  await post("/api/auth/password/", { password: "wrong-password-1", new_password: NEW }, alice.access);
  await post("/api/auth/password/", { password: PASSWORD, new_password: NEW }, alice.access);
  await call(rig.url(), "DELETE", "/api/auth/me/", { token: alice.access, body: { password: NEW }, headers: from() });
  await eventually(() =>
    expect(events().slice(4)).toEqual([
      { event: "token_reused", user, session: sid(stolen.access) },
      { event: "session_ended", user, session: sid(phone.access) },
      // The second time there is none.
      { event: "refused", code: "not_found", door: "/api/auth/sessions", user },
      { event: "password_wrong", user, session: own },
      { event: "password_changed", user, session: own, ended: 1 },
      { event: "account_deleted", user, session: own, ended: 1 },
    ]),
  );
});

test("the log tells of limits that were hit, of foreign origins and of what is not one's own, once a minute for an address", async () => {
  const alice = await newcomer();
  for (let i = 0; i < 8; i++) await post("/api/auth/login/", { username: "nobody-here", password: "my-secret-guess" });
  for (let i = 0; i < 3; i++) await post("/api/auth/signup/", { username: "my-typed-secret", password: "x" });
  const evil = { Origin: "https://evil.example" };
  for (let i = 0; i < 3; i++)
    await post("/api/auth/token/refresh/", {}, undefined, from({ "X-Session": "cookie", ...evil }));
  const knock = (headers: object) =>
    call(rig.url(), "GET", `/ws/chat/global/?token=${alice.access}`, {
      headers: from({
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        ...headers,
      }),
    });
  for (let i = 0; i < 2; i++) expect((await knock(evil)).status).toBe(403);
  await new Promise<void>((done) => {
    const ws = new WebSocket(`${rig.url().replace("http", "ws")}/ws/chat/global/?token=${alice.access}`, {
      headers: from(),
    } as never);
    ws.onopen = () => ws.close();
    ws.onclose = () => done();
  });
  expect((await knock({})).status).toBe(429);
  await call(rig.url(), "GET", "/api/auth/my-typed-secret/", { headers: from() });
  for (const id of [crypto.randomUUID(), "my-typed-secret"])
    await call(rig.url(), "GET", `/api/chat/conversations/${id}/`, { token: alice.access, headers: from() });
  await eventually(() =>
    expect(events().filter(({ event }) => event === "refused")).toEqual([
      { event: "refused", code: "rate_limited", door: "/api/auth/login" },
      { event: "refused", code: "rate_limited", door: "/api/auth/signup" },
      { event: "refused", code: "forbidden", door: "/api/auth/token" },
      { event: "refused", code: "forbidden", door: "/ws/chat/global" },
      { event: "refused", code: "rate_limited", door: "/ws/chat/global" },
      { event: "refused", code: "not_found", door: "/api/chat/conversations", user: alice.id },
    ]),
  );
});

test("no name that was typed, password, token or e-mail is in any of it", () => {
  const lines = parse(rig.servers[0]!.output());
  expect(lines.length).toBeGreaterThan(15);
  const log = JSON.stringify(lines);
  for (const secret of [
    "my-typed-secret",
    "my-secret-guess",
    PASSWORD,
    "teal-comet",
    "audited",
    "example.org",
    "eyJ",
    "argon2",
  ])
    expect(log).not.toContain(secret);
});

test("a flood of refusals from everywhere is a thousand lines a minute, and the next minute tells again", () => {
  let [lines, now] = [0, 120_000];
  const log = pino({}, { write: () => void lines++ });
  const audit = createAudit(log, { now: () => now } as Clock);
  const refusal = new Refusal("rate_limited", "Too many attempts. Wait a moment.");
  const flood = (path: string) => {
    for (let i = 0; i < 5_000; i++) audit.refused(refusal, `${path}/${i}`, { address: `2001:db8::${i}`, id: "x" });
  };
  for (let i = 0; i < 100; i++)
    audit.refused(refusal, `/api/chat/conversations/${i}`, { address: "192.0.2.1", id: "x" });
  expect(lines).toBe(1);
  flood("/api/auth/login");
  flood("/api/auth/signup");
  expect(lines).toBe(1_000);
  now += 60_000;
  audit.refused(refusal, "/api/auth/login/", { address: "192.0.2.1", id: "x" });
  audit.refused(notFound(), "/api/auth/login/", { address: "192.0.2.1", id: "x" });
  expect(lines).toBe(1_001);
});
