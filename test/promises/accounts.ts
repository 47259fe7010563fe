import { expect } from "bun:test";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { call, type Json, PASSWORD, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { SECRET } from "../support/server.ts";
import { eventually } from "../support/services.ts";

export const accounts: PromiseSuite = (promised, rig) => {
  const signUp = (username: string, more: object = {}) =>
    call(rig().url(), "POST", "/api/auth/signup/", {
      body: { username, password: PASSWORD, password_confirm: PASSWORD, ...more },
    });
  const logIn = (username: string, password = PASSWORD) =>
    call(rig().url(1), "POST", "/api/auth/login/", { body: { username, password } });
  const refresh = (token: string, i = 0) =>
    call(rig().url(i), "POST", "/api/auth/token/refresh/", { body: { refresh: token } });
  const fieldErrors = (body: Json) => Object.fromEntries(body.errors.map((e: Json) => [e.field, e.code]));

  promised([16, 17, 21, 31], "one signs up and logs in, and the e-mail is in nobody's answer", async () => {
    const created = await signUp("Zoë.Sign+up", { email: "zoe@example.org" });
    expect([created.status, Object.keys(created.body).sort()]).toEqual([201, ["access", "refresh", "user"]]);
    expect(Object.keys(created.body.user).sort()).toEqual(["created_at", "id", "is_online", "last_seen", "username"]);
    expect([created.body.user.username, created.body.user.is_online, created.body.user.last_seen]).toEqual([
      "Zoë.Sign+up",
      false,
      null,
    ]);
    const again = await logIn("zOË.sign+UP");
    expect([again.status, again.body.user]).toEqual([200, created.body.user]);
    expect((await signUp("zoe.second", { email: "zoe@example.org" })).status).toBe(201);
    expect((await signUp("zoe.third", { email: "" })).status).toBe(201);
    expect(fieldErrors((await signUp("zoe.fourth", { email: "nonsense" })).body)).toEqual({ email: "invalid" });
    expect((await logIn("zoe@example.org")).status).toBe(401);
    const bob = await Person.signUp(rig().url());
    const list = await bob.get("/api/auth/users/?search=zo");
    expect(JSON.stringify([created.body, again.body, list.body])).not.toContain("example.org");
    expect((await bob.get("/api/auth/users/?search=example")).body.count).toBe(0);
  });

  promised([22], "sign-up tells everything that is wrong at once", async () => {
    const { status, body } = await call(rig().url(), "POST", "/api/auth/signup/", { body: { username: "someone" } });
    expect([status, fieldErrors(body)]).toEqual([400, { password: "required", password_confirm: "required" }]);
    expect(fieldErrors((await signUp("someone", { password_confirm: "another-one-77" })).body)).toEqual({
      password_confirm: "mismatch",
    });
    expect(fieldErrors((await signUp("a b", { password: "1234567", password_confirm: "7" })).body)).toEqual({
      username: "invalid",
      password: "weak",
      password_confirm: "mismatch",
    });
    const everything = { username: "a!", password: "x", email: "nonsense" };
    expect(fieldErrors((await call(rig().url(), "POST", "/api/auth/signup/", { body: everything })).body)).toEqual({
      username: "invalid",
      password: "weak",
      password_confirm: "required",
      email: "invalid",
    });
    const { name } = await Person.signUp(rig().url());
    expect(fieldErrors((await signUp(name, { password: "short" })).body)).toEqual({
      username: "taken",
      password: "weak",
      password_confirm: "mismatch",
    });
  });

  promised([23], "log-in has one answer for unknown, wrong and disabled", async () => {
    const carol = await Person.signUp(rig().url());
    const socket = await carol.socket("global");
    await rig().sql(`UPDATE users SET disabled_at = now() WHERE id = '${carol.id}'`);
    const dave = await Person.signUp(rig().url());
    const answers = [
      await logIn("nobody-at-all"),
      await logIn(dave.name, "wrong-password-1"),
      await logIn(carol.name),
      await logIn(carol.name, "wrong-password-1"),
    ];
    for (const { status, body } of answers) expect([status, body]).toEqual([401, answers[0]!.body]);
    // A disabled account's sessions end with it, wherever they are.
    await eventually(async () => expect((await carol.get("/api/auth/users/")).status).toBe(401), 3_000);
    expect((await refresh(carol.refresh)).status).toBe(401);
    await socket.closed;
    expect((await dave.get(`/api/auth/users/?search=${carol.name}`)).body.count).toBe(0);
  });

  promised([18, 24, 25], "logging out ends the session everywhere, and only that one", async () => {
    const alice = await Person.signUp(rig().url());
    const phone = await alice.logIn(rig().url(1));
    const [here, there, other] = [
      await alice.socket("global"),
      await alice.at(rig().url(1)).socket("private"),
      await phone.socket("global"),
    ];
    const mallory = await Person.signUp(rig().url());
    for (const wrong of [mallory.refresh, alice.access, "nonsense"]) {
      const { status, body } = await alice.post("/api/auth/logout/", { refresh: wrong });
      expect([status, fieldErrors(body)]).toEqual([400, { refresh: "invalid" }]);
    }
    const out = await alice.post("/api/auth/logout/", { refresh: alice.refresh });
    expect([out.status, Object.keys(out.body)]).toEqual([200, ["detail"]]);
    // By the bus, at once; the look at the database would take up to a second.
    const at = performance.now();
    expect([(await here.closed).code, (await there.closed).code]).toEqual([4001, 4001]);
    expect((await alice.at(rig().url(1)).get("/api/auth/users/")).status).toBe(401);
    expect(performance.now() - at).toBeLessThan(500);
    for (const i of [0, 1])
      await eventually(async () => expect((await alice.at(rig().url(i)).get("/api/auth/users/")).status).toBe(401));
    expect((await refresh(alice.refresh, 1)).status).toBe(401);
    expect((await alice.post("/api/auth/logout/", { refresh: alice.refresh })).status).toBe(200);
    expect((await phone.get("/api/auth/users/")).status).toBe(200);
    await other.settled();
    await phone.closeAll();
  });

  promised(
    [19, 26, 27, 28],
    "a refresh token works once; its repeat within the grace gets the newest pair; after that its session is over",
    async () => {
      const alice = await Person.signUp(rig().url());
      const first = await refresh(alice.refresh);
      expect([first.status, Object.keys(first.body).sort()]).toEqual([200, ["access", "refresh"]]);
      expect(first.body.refresh).not.toBe(alice.refresh);
      expect((await alice.get("/api/auth/users/")).status).toBe(200);
      const ten = await Promise.all(Array.from({ length: 10 }, (_, i) => refresh(first.body.refresh, i)));
      for (const { status, body } of ten) expect([status, body]).toEqual([200, ten[0]!.body]);
      expect((await refresh(alice.refresh, 1)).body).toEqual(ten[0]!.body);
      const newest = ten[0]!.body;
      expect((await new Person(rig().url(1), alice.id, "", newest.access, "").get("/api/auth/users/")).status).toBe(
        200,
      );
      await Bun.sleep(2_500);
      const socket = await alice.socket("global");
      expect((await refresh(first.body.refresh, 1)).status).toBe(401);
      expect((await refresh(newest.refresh)).status).toBe(401);
      expect((await socket.closed).code).toBe(4001);
      await eventually(async () =>
        expect((await new Person(rig().url(), alice.id, "", newest.access, "").get("/api/auth/users/")).status).toBe(
          401,
        ),
      );
    },
  );

  promised([20, 29, 30], "the list of users is in order, searched literally, and paged", async () => {
    const tag = `q${Math.random().toString(36).slice(2, 8)}`;
    const names = [`${tag}.b`, `${tag}.A`, `${tag}_c`, `${tag}@C2`, `${tag}-é`];
    const people = await Promise.all(names.map((name, i) => Person.signUp(rig().url(i), name)));
    const me = people[0]!;
    const list = async (query: string) => (await me.get(`/api/auth/users/?${query}`)).body;
    const { count, next, previous, results } = await list(`search=${tag.toUpperCase()}`);
    expect([count, next, previous]).toEqual([4, null, null]);
    expect(results.map((user: Json) => user.username)).toEqual([`${tag}-é`, `${tag}.A`, `${tag}@C2`, `${tag}_c`]);
    expect((await list(`search=${encodeURIComponent(`${tag}_`)}`)).results.map((user: Json) => user.username)).toEqual([
      `${tag}_c`,
    ]);
    for (const nothing of ["%", "\\", `${tag}%`])
      expect((await list(`search=${encodeURIComponent(nothing)}`)).count).toBe(0);
    const { status, body } = await me.get(`/api/auth/users/?search=${"x".repeat(65)}`);
    expect([status, body.code]).toEqual([400, "invalid_field"]);
    const paged = await list(`search=${tag}&page_size=3`);
    expect([paged.count, paged.results.length, paged.previous]).toEqual([4, 3, null]);
    const second = await me.get(new URL(paged.next).pathname + new URL(paged.next).search);
    expect(second.body.results.map((user: Json) => user.username)).toEqual([`${tag}_c`]);
  });

  promised([32, 33], "tokens carry their claims, live as long as said, and none is taken for another", async () => {
    const alice = await Person.signUp(rig().url());
    const [access, refreshed] = [decodeJwt(alice.access), decodeJwt(alice.refresh)];
    const claims = ["aud", "exp", "iat", "iss", "jti", "sid", "token_type", "user_id"];
    expect([Object.keys(access).sort(), Object.keys(refreshed).sort()]).toEqual([claims, claims]);
    expect([access.token_type, refreshed.token_type, access.user_id, access.sid]).toEqual([
      "access",
      "refresh",
      alice.id,
      refreshed.sid,
    ]);
    expect([access.exp! - access.iat!, refreshed.exp! - refreshed.iat!]).toEqual([900, 7 * 86_400]);
    const header = decodeProtectedHeader(alice.access);
    expect([header.alg, typeof header.kid]).toEqual(["HS256", "string"]);

    const key = new TextEncoder().encode(SECRET);
    const forge = (payload: object, kid = header.kid!, bytes = key) =>
      new SignJWT({ ...payload }).setProtectedHeader({ alg: "HS256", kid }).sign(bytes);
    const bad = [
      alice.refresh,
      await forge({ ...access, exp: access.iat! - 10 }),
      await forge({ ...access, aud: "another" }),
      await forge(access, header.kid, new TextEncoder().encode("x".repeat(40))),
      await forge(access, "unknown"),
      ...(await Promise.all(claims.map((claim) => forge({ ...access, [claim]: undefined })))),
      `${btoa('{"alg":"none"}').replaceAll("=", "")}.${alice.access.split(".")[1]}.`,
      alice.access.slice(0, -3),
    ];
    for (const token of bad) {
      expect((await call(rig().url(), "GET", "/api/auth/users/", { token })).status).toBe(401);
      expect((await new TestSocket(`${rig().url()}/ws/chat/global/?token=${token}`).closed).code).toBe(4001);
    }
    expect((await call(rig().url(), "GET", "/api/auth/users/", { token: await forge(access) })).status).toBe(200);
    expect((await refresh(alice.access)).status).toBe(401);
  });

  promised(
    [34, 35, 36],
    "names keep to their characters, to one script, and apart from each other and from the server's",
    async () => {
      const refused = ["a", "x".repeat(33), "two words", "<b>", "a\u200bb", "nul\0", "ok\u202egnp", "пaypaлχ", ""];
      for (const name of refused) expect([name, (await signUp(name)).status]).toEqual([name, 400]);
      for (const name of ["Admin", "SYSTEM", "everyone", "аdmin"])
        expect([name, fieldErrors((await signUp(name)).body)]).toEqual([name, { username: "taken" }]);
      const tag = Math.random().toString(36).slice(2, 7);
      const decomposed = `Mu\u0308ller${tag}`;
      const { body } = await signUp(decomposed);
      expect(body.user.username).toBe(decomposed.normalize("NFC"));
      expect(fieldErrors((await signUp(`MÜLLER${tag}`)).body)).toEqual({ username: "taken" });
      expect((await signUp(`sport${tag}`)).status).toBe(201);
      expect(fieldErrors((await signUp(`spоrt${tag}`)).body)).toEqual({ username: "taken" });
      for (const fine of [`日本ひらカナ${tag}`, `Иван${tag}`, `rn${tag}`, `m${tag}`, "x".repeat(32 - tag.length) + tag])
        expect([fine, (await signUp(fine)).status]).toEqual([fine, 201]);
      const ten = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          call(rig().url(i), "POST", "/api/auth/signup/", {
            body: { username: `Race${tag}`, password: PASSWORD, password_confirm: PASSWORD },
          }),
        ),
      );
      expect(ten.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(400)]);
    },
  );

  promised([37], "a guessable password is weak", async () => {
    for (const password of ["seven77", "x".repeat(129), "password1", "letmein1", "--CARSTEN--"]) {
      expect([password, fieldErrors((await signUp("carsten", { password, password_confirm: password })).body)]).toEqual(
        [password, { password: "weak" }],
      );
    }
    const long = "äöüßéñçø".repeat(16);
    expect((await signUp(`long${Date.now()}`, { password: long, password_confirm: long })).status).toBe(201);
  });
};
