import { expect } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { clusterRig, embeddedRig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

const NEW = "teal-comet-9021";

export const ownAccount: PromiseSuite = (promised, rig) => {
  const logIn = (username: string, password: string, headers: Record<string, string> = {}) =>
    call(rig().url(1), "POST", "/api/auth/login/", { body: { username, password }, headers });
  const del = (person: Person, path: string, body?: Json) =>
    call(person.url, "DELETE", path, { token: person.access, body });
  const refused = (person: Person, i: number) =>
    eventually(async () => expect((await person.at(rig().url(i)).get("/api/auth/me/")).status).toBe(401), 3_000);

  promised([110], "one's own account is a user like any other, and the e-mail is not in it", async () => {
    const alice = await Person.signUp(rig().url());
    await rig().sql(`UPDATE users SET email = 'own@example.org' WHERE id = '${alice.id}'`);
    const { status, body } = await alice.at(rig().url(1)).get("/api/auth/me/");
    expect([status, Object.keys(body).sort()]).toEqual([
      200,
      ["created_at", "id", "is_online", "last_seen", "role", "username"],
    ]);
    expect([body.id, body.username, body.role]).toEqual([alice.id, alice.name, "user"]);
    expect((await call(rig().url(), "GET", "/api/auth/me/")).status).toBe(401);
  });

  promised([111, 115], "a new password needs the old one and ends all other sessions", async () => {
    const alice = await Person.signUp(rig().url());
    const phone = await alice.logIn(rig().url(1));
    const change = (password: unknown, new_password: unknown) =>
      alice.post("/api/auth/password/", { password, new_password });
    for (const [password, new_password, field, code] of [
      ["wrong-password-1", NEW, "password", "invalid"],
      [undefined, NEW, "password", "required"],
      [PASSWORD, undefined, "new_password", "required"],
      [PASSWORD, "P@ssw0rd2024", "new_password", "weak"],
      [PASSWORD, `${alice.name}!${alice.name}`, "new_password", "weak"],
    ]) {
      const { status, body } = await change(password, new_password);
      expect([status, body.errors.map((error: Json) => [error.field, error.code])]).toEqual([400, [[field, code]]]);
    }
    const socket = await phone.socket("global");
    const changed = await change(PASSWORD, NEW);
    expect([changed.status, Object.keys(changed.body)]).toEqual([200, ["detail"]]);
    expect((await socket.closed).code).toBe(4001);
    for (const i of [0, 1]) await refused(phone, i);
    expect((await alice.get("/api/auth/me/")).status).toBe(200);
    expect([(await logIn(alice.name, PASSWORD)).status, (await logIn(alice.name, NEW)).status]).toEqual([401, 200]);
  });

  promised(
    [112, 116],
    "an account is removed with its password: its messages stay, under a name that is nobody's",
    async () => {
      const [alice, bob] = [await Person.signUp(rig().url()), await Person.signUp(rig().url(1))];
      const id = await alice.conversationWith(bob);
      await alice.post(`/api/chat/conversations/${id}/messages/`, { content: "so long" });
      const [old, chat] = [await alice.socket("private"), await alice.at(rig().url(1)).chat()];
      expect((await del(alice, "/api/auth/me/", { password: NEW })).body.errors).toMatchObject([
        { field: "password", code: "invalid" },
      ]);
      await old.settled();
      const gone = await del(alice, "/api/auth/me/", { password: PASSWORD });
      expect([gone.status, gone.body]).toEqual([204, ""]);
      expect([(await old.closed).code, (await chat.closed).code]).toEqual([4001, 4501]);
      for (const i of [0, 1]) await refused(alice, i);
      expect((await logIn(alice.name, PASSWORD)).body).toEqual((await logIn("nobody-at-all", PASSWORD)).body);
      const { body } = await eventually(async () => {
        const answer = await bob.get(`/api/chat/conversations/${id}/`);
        expect(answer.body.messages[0].sender.username).toMatch(/^deleted-[0-9a-f]{8}$/);
        return answer;
      });
      expect([body.messages[0].content, body.messages[0].seq, body.messages[0].sender.id]).toEqual([
        "so long",
        1,
        alice.id,
      ]);
      expect(JSON.stringify(body)).not.toContain(`"${alice.name}"`);
      expect((await bob.post(`/api/chat/conversations/${id}/messages/`, { content: "noted" })).status).toBe(201);
      expect((await bob.get(`/api/chat/conversations/user/${alice.id}/`)).status).toBe(404);
      expect((await bob.get("/api/auth/users/?search=deleted-")).body.count).toBe(0);
    },
  );

  promised([117], "a name that was given up is taken for ever, and so are those of removed accounts", async () => {
    const alice = await Person.signUp(rig().url(), `Gone.${crypto.randomUUID().slice(0, 8)}`);
    await del(alice, "/api/auth/me/", { password: PASSWORD });
    for (const username of [alice.name, alice.name.toUpperCase(), `deleted-${alice.id.slice(-8)}`, "deleted-me"]) {
      const { status, body } = await call(rig().url(1), "POST", "/api/auth/signup/", {
        body: { username, password: PASSWORD, password_confirm: PASSWORD },
      });
      expect([username, status, body.errors.map((error: Json) => error.code)]).toEqual([username, 400, ["taken"]]);
    }
  });

  promised([113, 114], "one sees one's living sessions, and ends them one by one", async () => {
    const alice = await Person.signUp(rig().url());
    const { body: second } = await logIn(alice.name, PASSWORD, { "User-Agent": "A phone \u00e9" });
    const phone = new Person(rig().url(1), alice.id, alice.name, second.access, second.refresh);
    const out = await alice.logIn();
    await out.post("/api/auth/logout/", { refresh: out.refresh });
    const { status, body } = await alice.get("/api/auth/sessions/");
    expect([status, body.length]).toEqual([200, 2]);
    for (const session of body) {
      expect(Object.keys(session).sort()).toEqual(["created_at", "current", "id", "last_used_at", "user_agent"]);
      expect(session.last_used_at >= session.created_at).toBe(true);
    }
    expect(body.map(({ current }: Json) => current).sort()).toEqual([false, true]);
    const other = body.find(({ current }: Json) => !current);
    expect(other.user_agent).toStartWith("A phone");
    const mallory = await Person.signUp(rig().url());
    const foreign = await del(mallory, `/api/auth/sessions/${other.id}/`);
    expect([foreign.status, foreign.body]).toEqual([
      404,
      (await del(mallory, `/api/auth/sessions/${crypto.randomUUID()}/`)).body,
    ]);
    const socket = await phone.chat();
    expect((await del(alice, `/api/auth/sessions/${other.id}/`)).status).toBe(204);
    expect((await socket.closed).code).toBe(4500);
    for (const i of [0, 1]) await refused(phone, i);
    expect((await del(alice, `/api/auth/sessions/${other.id}/`)).status).toBe(404);
    expect((await alice.get("/api/auth/sessions/")).body.map(({ current }: Json) => current)).toEqual([true]);
  });

  promised([118, 119, 120], "a page keeps its refresh token in a cookie, if it is a page of this server", async () => {
    const headers = { "X-Session": "cookie", Origin: rig().url() };
    const created = await call(rig().url(), "POST", "/api/auth/signup/", {
      body: { username: `page-${crypto.randomUUID().slice(0, 8)}`, password: PASSWORD, password_confirm: PASSWORD },
      headers,
    });
    expect([created.status, Object.keys(created.body).sort()]).toEqual([201, ["access", "user"]]);
    const [cookie] = created.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-lc_refresh=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const Cookie = cookie!.split(";")[0]!;
    const refresh = (more: object) =>
      call(rig().url(), "POST", "/api/auth/token/refresh/", { headers: { ...headers, Cookie, ...more } });
    const foreign = await refresh({ Origin: "https://evil.example" });
    expect([foreign.status, foreign.body.code, foreign.headers.getSetCookie()]).toEqual([403, "forbidden", []]);
    const refreshed = await refresh({});
    expect([refreshed.status, Object.keys(refreshed.body), refreshed.headers.getSetCookie().length]).toEqual([
      200,
      ["access"],
      1,
    ]);
    const out = await call(rig().url(), "POST", "/api/auth/logout/", {
      token: refreshed.body.access,
      headers: { ...headers, Cookie: refreshed.headers.getSetCookie()[0]!.split(";")[0]! },
    });
    expect([out.status, out.headers.getSetCookie()[0]]).toEqual([
      200,
      expect.stringMatching(/^__Host-lc_refresh=; Max-Age=0;/),
    ]);
    expect((await refresh({})).status).toBe(401);
  });

  promised([121], "wrong passwords make one wait, longer and longer, for that account at that address", async () => {
    const env = { LOGIN_RATE_LIMIT: "60", TRUSTED_PROXIES: "127.0.0.1" };
    const other = await (rig().name === "embedded" ? embeddedRig(env) : clusterRig(env));
    const alice = await Person.signUp(other.url());
    const from = (address: string) => ({ "X-Forwarded-For": address });
    let n = 0;
    const guess = async (password: string, address = "192.0.2.1") => {
      const answer = await call(other.url(n++), "POST", "/api/auth/login/", {
        body: { username: alice.name, password },
        headers: from(address),
      });
      return [answer.status, answer.headers.get("retry-after")];
    };
    for (let i = 0; i < 5; i++) expect(await guess("wrong-password-1")).toEqual([401, null]);
    const change = () =>
      call(other.url(n++), "POST", "/api/auth/password/", {
        token: alice.access,
        body: { password: "wrong-password-1", new_password: NEW },
        headers: from("192.0.2.1"),
      });
    expect(await guess(PASSWORD)).toEqual([429, "1"]);
    // In an open session it is counted by that: whoever found it has not got the password, and neighbours keep nobody from giving it.
    for (let i = 0; i < 5; i++) expect((await change()).status).toBe(400);
    expect((await change()).status).toBe(429);
    expect(await guess(PASSWORD, "192.0.2.2")).toEqual([200, null]);
    await Bun.sleep(1_100);
    expect(await guess("wrong-password-1")).toEqual([401, null]);
    expect(await guess(PASSWORD)).toEqual([429, "2"]);
    await Bun.sleep(2_100);
    expect(await guess(PASSWORD)).toEqual([200, null]);
    expect(await guess("wrong-password-1")).toEqual([401, null]);
    await other.stop();
  });

  promised([122], "a password that is nearly a common one, nearly the name, or a pattern is weak", async () => {
    for (const password of ["P@ssw0rd1", "drowssap2024", "qwertyuiop12", "abcabcabcabc", "14.05.1987", "S0meb0dy99"]) {
      const { status, body } = await call(rig().url(), "POST", "/api/auth/signup/", {
        body: { username: "somebody", password, password_confirm: password },
      });
      expect([password, status, body.errors.map((error: Json) => [error.field, error.code])]).toEqual([
        password,
        400,
        [["password", "weak"]],
      ]);
      expect(body.errors[0].message).toMatch(/^.{20,}\.$/);
    }
  });
};
