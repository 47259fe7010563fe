import { expect } from "bun:test";
import postgres from "postgres";
import { call, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { clusterRig, embeddedRig } from "../support/server.ts";
import { haveServices } from "../support/services.ts";

export const everywhere: PromiseSuite = (promised, rig) => {
  promised([1], "a body that does not say that it is JSON is refused", async () => {
    const { status, body } = await call(rig().url(), "POST", "/api/auth/login/", {
      body: "username=a",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
    expect([status, body.code]).toEqual([415, "unsupported_media_type"]);
    const charset = await call(rig().url(), "POST", "/api/auth/login/", {
      body: "{}",
      headers: { "Content-Type": "application/json; charset=utf-8" },
    });
    expect(charset.body.code).toBe("invalid_field");
    const latin1 = await call(rig().url(), "POST", "/api/auth/login/", {
      body: new Uint8Array([0x22, 0xe9, 0x22]),
      headers: { "Content-Type": "application/json" },
    });
    expect([latin1.status, latin1.body.code]).toEqual([400, "bad_json"]);
  });

  promised([2, 3], "paths work with and without the last slash, and HEAD is GET without a body", async () => {
    const alice = await Person.signUp(rig().url());
    for (const path of [
      "/api/auth/users",
      "/api/chat/conversations",
      "/api/chat/global/messages",
      "/healthz",
      "/readyz",
    ]) {
      const [bare, slashed, head] = [
        await alice.get(path),
        await alice.get(`${path}/`),
        await call(rig().url(), "HEAD", path, { token: alice.access }),
      ];
      expect([path, bare.status, slashed.status, head.status, head.body]).toEqual([path, 200, 200, 200, ""]);
    }
    const socket = new TestSocket(`${rig().url()}/ws/chat/global?token=${alice.access}`);
    await socket.opened;
    await socket.close();
  });

  promised([4], "OPTIONS says what an address takes, and gives CORS to allowed origins only", async () => {
    const plain = await call(rig().url(), "OPTIONS", "/api/chat/conversations/create/", {
      headers: { Origin: "https://evil.example" },
    });
    expect([plain.status, plain.headers.get("allow"), plain.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "POST, OPTIONS",
      null,
    ]);
    for (const path of ["/", "/healthz", "/api/auth/login/", "/ws/chat/global/"]) {
      const { status, headers } = await call(rig().url(), "OPTIONS", path);
      expect([path, status, headers.get("allow")]).toEqual([
        path,
        204,
        path.includes("login") ? "POST, OPTIONS" : "GET, HEAD, OPTIONS",
      ]);
    }
    expect((await call(rig().url(), "OPTIONS", "/nowhere/")).status).toBe(404);
    const other = await embeddedRig({ ALLOWED_ORIGINS: "https://app.example.org" });
    const preflight = (origin: string) =>
      call(other.url(), "OPTIONS", "/api/chat/conversations/", {
        headers: { Origin: origin, "Access-Control-Request-Method": "GET" },
      });
    const friend = await preflight("https://app.example.org");
    expect([friend.status, friend.headers.get("allow"), friend.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "GET, HEAD, OPTIONS",
      "https://app.example.org",
    ]);
    const foreign = await preflight("https://evil.example");
    expect([...foreign.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    const answer = await call(other.url(), "GET", "/api/auth/users/", {
      headers: { Origin: "https://app.example.org" },
    });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
      401,
      "https://app.example.org",
    ]);
    await other.stop();
  });

  promised(
    [5, 6],
    "times are ISO 8601 with three decimals and never fall; ids are lower case, and taken in any case",
    async () => {
      const [alice, bob] = [await Person.signUp(rig().url()), await Person.signUp(rig().url(1))];
      const id = await alice.conversationWith(bob);
      const [a, b] = [await alice.socket("private"), await bob.socket("private")];
      const sent = [];
      for (let i = 0; i < 10; i++)
        sent.push(await (i % 2 ? a : b).say({ conversation_id: id.toUpperCase(), content: `message ${i}` }));
      for (const message of sent) {
        expect(message.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(message.conversation_id).toBe(id);
      }
      expect(sent.map((message) => message.timestamp)).toEqual(sent.map((message) => message.timestamp).sort());
      const { body } = await alice.get(`/api/chat/conversations/${id.toUpperCase()}/`);
      expect([body.conversation.id, body.conversation.id.toLowerCase()]).toEqual([id, id]);
      expect(body.messages.map((m: { id: string }) => m.id)).toEqual(sent.map((m) => m.id));
      await Promise.all([alice.closeAll(), bob.closeAll()]);
    },
  );

  promised([7, 8], "without an access token nothing is told, and unknown keys do no harm", async () => {
    for (const path of [
      "/api/auth/users/",
      "/api/chat/conversations/",
      "/api/chat/global/messages/",
      `/api/chat/conversations/${crypto.randomUUID()}/`,
    ]) {
      for (const token of [undefined, "nonsense", "a.b.c"]) {
        const { status, body } = await call(rig().url(), "GET", path, { token });
        expect([status, body.code, Object.keys(body).includes("results")]).toEqual([401, "unauthenticated", false]);
      }
    }
    const alice = await Person.signUp(rig().url());
    const again = await call(rig().url(), "POST", "/api/auth/login/", {
      body: { username: alice.name, password: "plum-orbit-4417", remember: true, is_admin: true },
    });
    expect(again.status).toBe(200);
  });

  promised([9, 10, 12], "an error is a problem document that old and new clients can read", async () => {
    const { status, body, headers } = await call(rig().url(), "POST", "/api/auth/signup/", {
      body: { username: "x", password: "short", password_confirm: "other" },
    });
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(Object.keys(body).sort()).toEqual(["code", "detail", "error", "errors", "status", "title", "type"]);
    expect([status, body.status, body.code]).toEqual([400, 400, "invalid_field"]);
    expect(body.errors.map((e: { field: string; code: string }) => [e.field, e.code])).toEqual([
      ["username", "invalid"],
      ["password", "weak"],
      ["password_confirm", "mismatch"],
    ]);
    expect(body.error).toEqual({
      status_code: 400,
      message: body.detail,
      details: Object.fromEntries(body.errors.map((e: { field: string; message: string }) => [e.field, [e.message]])),
    });
    expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  promised([13], "what is wrong with a request is told by its code", async () => {
    const bob = await Person.signUp(rig().url());
    const cases: [Promise<{ status: number; body: { code: string }; headers: Headers }>, number, string][] = [
      [bob.post("/api/auth/logout/", "{nope"), 400, "bad_json"],
      [bob.post("/api/auth/logout/", "x".repeat(300_000)), 413, "too_large"],
      [call(rig().url(), "DELETE", "/api/chat/conversations/", { token: bob.access }), 405, "method_not_allowed"],
      [bob.get("/api/chat/nothing/here/"), 404, "not_found"],
    ];
    for (const [answer, status, code] of cases)
      expect([(await answer).status, (await answer).body.code]).toEqual([status, code]);
    expect((await cases[2]![0]).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });

  promised([14, 58], "what is not yours looks like what does not exist, whatever the id is", async () => {
    const [alice, bob, mallory] = [
      await Person.signUp(rig().url()),
      await Person.signUp(rig().url()),
      await Person.signUp(rig().url(1)),
    ];
    const id = await alice.conversationWith(bob);
    const absent = crypto.randomUUID();
    const message = crypto.randomUUID();
    for (const path of ["", "messages/", "messages/?limit=1"]) {
      const answers = await Promise.all(
        [id, absent, "nonsense", "00000000-0000-4000-8000-000000000001"].map((one) =>
          mallory.get(`/api/chat/conversations/${one}/${path}`),
        ),
      );
      for (const { status, body } of answers) expect([status, body]).toEqual([404, answers[1]!.body]);
    }
    const reads = await Promise.all(
      [id, absent, "nonsense"].map((one) =>
        mallory.post(`/api/chat/conversations/${one}/read/`, { message_ids: [message] }),
      ),
    );
    for (const { status, body } of reads) expect([status, body]).toEqual([404, reads[1]!.body]);
    expect((await mallory.get("/api/chat/conversations/user/nonsense/")).status).toBe(404);
  });

  promised(
    [15],
    "while the database is away a request is told so within its deadline, and afterwards all is well",
    async () => {
      if (!haveServices) return;
      const other = await clusterRig({}, 1);
      const alice = await Person.signUp(other.url());
      const admin = postgres(other.env.DATABASE_URL!.replace(/\/[^/]+$/, "/postgres"), { max: 1 });
      const name = other.env.DATABASE_URL!.split("/").at(-1)!;
      await admin.unsafe(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await admin.unsafe(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
      const startedAt = performance.now();
      const { status, body, headers } = await alice.get("/api/auth/users/");
      expect([status, body.code, headers.get("retry-after")]).toEqual([503, "unavailable", "2"]);
      expect(body.request_id).toBe(headers.get("x-request-id"));
      expect(JSON.stringify(body)).not.toMatch(/postgres|ECONN|terminat/i);
      expect(performance.now() - startedAt).toBeLessThan(6_000);
      await admin.unsafe(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await admin.end();
      while ((await alice.get("/api/auth/users/")).status !== 200) await Bun.sleep(100);
      await other.stop();
    },
  );
};
