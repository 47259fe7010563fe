/** What a page of mallory's does in alice's browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Hono } from "hono";
import type { HttpEnv } from "../../src/deps.ts";
import { safeHeaders } from "../../src/ops/headers.ts";
import { call, Person, TestSocket } from "../support/client.ts";
import { exchange, handshake } from "../support/raw.ts";
import { embeddedRig, type Rig } from "../support/server.ts";

const FRIEND = "https://app.example.org";
const EVIL = "https://evil.example";

const EVERYWHERE = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

describe("mallory's page", () => {
  let open: Rig;
  let closed: Rig;
  let alice: Person;
  beforeAll(async () => {
    [open, closed] = await Promise.all([
      embeddedRig({ ALLOWED_ORIGINS: `${FRIEND}, http://localhost:5173`, TRUSTED_PROXIES: "127.0.0.1" }),
      embeddedRig(),
    ]);
    alice = await Person.signUp(open.url());
  });
  afterAll(() => Promise.all([open.stop(), closed.stop()]));

  const knock = async (rig: Rig, host: string, origins: string[], path = `/ws/chat/global/?token=${alice.access}`) =>
    (
      await exchange(
        rig.url(),
        handshake(path, { Host: host }).replace("\r\n\r\n", `\r\n${origins.map((origin) => `Origin: ${origin}\r\n`).join("")}\r\n`),
      )
    ).statuses[0]; // prettier-ignore

  test("a socket is opened for our own pages and those that the operator allows, and for programs", async () => {
    for (const [host, origins] of [
      ["chat.example", []],
      ["chat.example", ["https://chat.example"]],
      ["chat.example", ["http://chat.example"]],
      ["chat.example:8443", ["https://chat.example:8443"]],
      ["chat.example:443", ["https://chat.example"]],
      ["CHAT.example", ["https://chat.example"]],
      ["chat.example", [FRIEND]],
      ["chat.example", ["http://localhost:5173"]],
      ["[::1]:8000", ["http://[::1]:8000"]],
    ] as [string, string[]][])
      expect([host, origins, await knock(open, host, origins)]).toEqual([host, origins, 101]);
  });

  test("a foreign page gets 403 before the upgrade, whatever its origin is made to look like", async () => {
    const looks = [
      "null", EVIL, "https://chat.example.evil.example", "https://evil.example/chat.example", "https://chat.example@evil.example", "https://evil.example@chat.example",
      "https://chat.example:8443", "http://chat.example:8000", "https://CHAT.EXAMPLE.evil", "HTTPS://chat.example", "https://chat.example/", "https://chat.example/path", "https://chat.example?x", "https://chat.example#x",
      "file://chat.example", "chrome-extension://chat.example", "chat.example", "//chat.example", "https:chat.example", "https://", "https://chat.example https://evil.example", "https://chat.example,https://evil.example",
      `${FRIEND}.evil.example`, `${FRIEND}:8443`, "http://app.example.org", "https://APP.example.org.", "*",
    ]; // prettier-ignore
    const cases: [rig: Rig, origins: string[], path?: string][] = [
      ...looks.map((origin): [Rig, string[]] => [open, [origin]]),
      [open, ["https://chat.example", EVIL]],
      [open, [EVIL, "https://chat.example"]],
      [open, [EVIL], "/ws/chat/"],
      [open, [EVIL], "/ws/chat/private/"],
      [open, [EVIL], "/ws/chat/private"],
      [closed, [FRIEND]],
    ];
    await Promise.all(
      cases.map(async ([rig, origins, path]) =>
        expect([origins, await knock(rig, "chat.example", origins, path)]).toEqual([origins, 403]),
      ),
    );
  });

  test("every answer says what a browser may not do with it, an error as well as an answer", async () => {
    const token = alice.access;
    for (const [method, path, status] of [
      ["GET", "/", 200],
      ["GET", "/healthz", 200],
      ["HEAD", "/healthz", 200],
      ["OPTIONS", "/api/auth/login/", 204],
      ["GET", "/api/auth/users/", 200],
      ["GET", "/nowhere/", 404],
      ["HEAD", "/nowhere/", 404],
      ["DELETE", "/healthz", 405],
      ["POST", "/api/auth/login/", 415],
      ["GET", "/ws/chat/global/", 400],
    ] as const) {
      const answer = await call(open.url(), method, path, { token });
      expect([method, path, answer.status]).toEqual([method, path, status]);
      expect(Object.fromEntries(answer.headers)).toMatchObject(EVERYWHERE);
      expect(answer.headers.get("strict-transport-security")).toBeNull();
      if (status >= 400 && method !== "HEAD") expect(answer.body.code).toBeString();
    }
    const behindTls = await call(open.url(), "GET", "/nowhere/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(behindTls.headers.get("strict-transport-security")).toBe("max-age=31536000");
    const liar = await call(closed.url(), "GET", "/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(liar.headers.get("strict-transport-security")).toBeNull();
  });

  test("other origins may read nothing unless the operator allows them, and then never with cookies", async () => {
    const headersOf = async (rig: Rig, method: string, origin: string | null, path = "/api/auth/users/") => {
      const asked: Record<string, string> = method === "OPTIONS" ? { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" } : {}; // prettier-ignore
      const { headers } = await call(rig.url(), method, path, { token: alice.access, headers: { ...asked, ...(origin !== null && { Origin: origin }) } }); // prettier-ignore
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      return { origin: headers.get("access-control-allow-origin"), vary: headers.get("vary") ?? "", headers };
    };
    for (const method of ["OPTIONS", "GET", "HEAD", "DELETE"]) {
      for (const origin of [
        EVIL,
        "null",
        "*",
        `${FRIEND}.evil.example`,
        `${FRIEND}/`,
        FRIEND.toUpperCase(),
        "http://app.example.org",
        "",
      ]) {
        const { origin: allowed, vary } = await headersOf(open, method, origin);
        expect([method, origin, allowed, vary]).toEqual([method, origin, null, expect.stringContaining("Origin")]);
      }
      const { origin: allowed, vary } = await headersOf(open, method, FRIEND);
      expect([method, allowed, vary]).toEqual([method, FRIEND, expect.stringContaining("Origin")]);
      expect((await headersOf(open, method, null)).origin).toBeNull();
      // Not configured: as if there were no such thing.
      for (const origin of [FRIEND, EVIL]) {
        const { headers } = await headersOf(closed, method, origin);
        expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
    const { headers } = await headersOf(open, "OPTIONS", FRIEND);
    expect(headers.get("access-control-allow-headers")).toBe(
      "Authorization,Content-Type,Idempotency-Key,X-Request-Id,traceparent",
    );
    // Only the API; sockets have their own door.
    expect((await headersOf(open, "GET", FRIEND, "/healthz")).origin).toBeNull();
  });

  test("a socket of an allowed page works, though it comes from elsewhere", async () => {
    const socket = new TestSocket(`${open.url()}/ws/chat/`, { headers: { Origin: FRIEND }, protocols: ["liquidchat.v2", `bearer.${alice.access}`] }); // prettier-ignore
    await socket.opened;
    expect((await socket.next("hello")).user.id).toBe(alice.id);
    expect(socket.ws.protocol).toBe("liquidchat.v2");
    await socket.close();
  });
});

test("whatever is a page has a strict policy, in errors too, and nothing else carries it", async () => {
  const app = new Hono<HttpEnv>();
  app.use(async (c, next) => {
    c.set("url", new URL(c.req.url));
    await next();
  });
  app.use(safeHeaders);
  app.get("/page", (c) => c.html("<!doctype html><title>x</title>"));
  app.get("/by-hand", () => new Response("<p>", { headers: { "Content-Type": "Text/HTML;charset=utf-8" } }));
  app.get("/data", (c) => c.json({ page: "text/html" }));
  app.notFound((c) => c.html("<p>nothing here</p>", 404));
  for (const path of ["/page", "/by-hand", "/nowhere"]) {
    const { headers } = await app.request(`https://chat.example${path}`);
    const policy = headers.get("content-security-policy")!;
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      "require-trusted-types-for 'script'",
      "trusted-types service-worker",
    ])
      // prettier-ignore
      expect([path, policy]).toEqual([path, expect.stringContaining(part)]);
    expect(policy).not.toMatch(/unsafe-|\*|http:|data:|blob:/);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...EVERYWHERE,
      "x-frame-options": "DENY",
      "permissions-policy": expect.stringContaining("camera=()"),
      "strict-transport-security": "max-age=31536000",
    });
    expect(headers.get("permissions-policy")).not.toMatch(/\*|self/);
  }
  const data = await app.request("http://chat.example/data");
  expect([data.headers.get("content-security-policy"), data.headers.get("strict-transport-security")]).toEqual([null, null]); // prettier-ignore
  expect(Object.fromEntries(data.headers)).toMatchObject(EVERYWHERE);
});
