/** What admins may do over the API, and what they may not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Answer, call, PASSWORD, Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { clusterRig, type Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";

describe.skipIf(!haveServices)("administration, over two processes", () => {
  let rig: Rig;
  let ada: Person;
  beforeAll(async () => {
    rig = await clusterRig();
    ada = await Person.signUp(rig.url());
    await runProgram(["create-admin", ada.name], rig.env);
  }, 60_000);
  afterAll(() => rig.stop());

  const newcomer = (process = 1) => Person.signUp(rig.url(process));
  const act = (by: Person, whom: Person | string, what: string, password = PASSWORD): Promise<Answer> =>
    by.post(`/api/admin/users/${typeof whom === "string" ? whom : whom.id}/`, { act: what, password });
  const log = async () => (await ada.get("/api/admin/log/")).body.results as Record<string, any>[];
  const reads = async (who: Person) => (await who.get("/api/auth/me/")).status;

  test("who is disabled is out in every process at once, sockets included, and in again when enabled", async () => {
    const bob = await newcomer();
    const socket = await bob.chat();
    const { status, body } = await act(ada, bob, "disable");
    expect([status, body.user.disabled_at, body.user.sessions]).toEqual([200, expect.any(String), 0]);
    expect((await socket.closed).code).toBe(4501);
    await eventually(async () => expect(await reads(bob)).toBe(401));
    expect(await act(ada, bob, "reset_password")).toMatchObject({ status: 400, body: { code: "invalid_field" } });
    expect((await act(ada, bob, "enable")).body.user.disabled_at).toBeNull();
    expect((await bob.logIn()).id).toBe(bob.id);
  });

  test("ended sessions end in every process; the person can log in again", async () => {
    const bob = await newcomer();
    const second = await bob.logIn();
    expect((await act(ada, bob, "end_sessions")).body.user.sessions).toBe(0);
    await eventually(async () => expect([await reads(bob), await reads(second)]).toEqual([401, 401]));
    expect((await bob.logIn()).id).toBe(bob.id);
  });

  test("an admin who is made can act, and cannot any more when unmade; the last one stays", async () => {
    const bob = await newcomer();
    expect((await act(bob, ada, "disable")).status).toBe(403);
    expect((await act(ada, bob, "make_admin")).body.user.role).toBe("admin");
    expect((await bob.get("/api/admin/users/")).status).toBe(200);
    expect((await act(bob, bob, "unmake_admin")).body.user.role).toBe("user");
    expect((await bob.get("/api/admin/users/")).status).toBe(403);
    for (const what of ["unmake_admin", "disable"]) {
      const { status, body } = await act(ada, ada, what);
      expect([status, body.errors]).toEqual([400, [expect.objectContaining({ field: "act" })]]);
    }
    expect((await ada.get("/api/admin/users/")).status).toBe(200);
  });

  test("two last admins who disable each other at once: one stays", async () => {
    const bob = await newcomer();
    await act(ada, bob, "make_admin");
    const both = await Promise.all([act(ada, bob, "disable"), act(bob, ada, "disable")]);
    expect(both.filter(({ status }) => status === 200).length).toBe(1);
    const [left] = await rig.sql("SELECT count(*)::int AS n FROM users WHERE role = 'admin' AND disabled_at IS NULL");
    expect(left).toEqual({ n: 1 });
    // For the tests that follow Ada is the one who stays.
    await rig.sql(`UPDATE users SET disabled_at = NULL WHERE id = '${ada.id}'`);
    await rig.sql(`UPDATE users SET role = 'user' WHERE id = '${bob.id}'`);
    await eventually(async () => {
      const { access } = await ada.logIn();
      ada.access = access;
      expect((await ada.get("/api/admin/users/")).status).toBe(200);
    });
  });

  test("a wrong password does nothing, and guesses are counted as at a log-in", async () => {
    const guarded = await clusterRig({ LOGIN_RATE_LIMIT: "30" });
    try {
      const admin = await Person.signUp(guarded.url());
      await runProgram(["create-admin", admin.name], guarded.env);
      const bob = await Person.signUp(guarded.url());
      const answers = [];
      for (let i = 0; i < 7; i++) answers.push((await act(admin, bob, "disable", `${PASSWORD}${i}`)).status);
      expect(answers).toEqual([400, 400, 400, 400, 400, 429, 429]);
      expect(await reads(bob)).toBe(200);
      expect(await guarded.sql("SELECT action FROM audit_log WHERE action = 'disabled'")).toEqual([]);
    } finally {
      await guarded.stop();
    }
  });

  test("what is done is in the log with who did it to whom, and is not when it was refused", async () => {
    const bob = await newcomer();
    const before = (await log())[0]?.id ?? 0;
    await act(ada, bob, "disable", "not the password");
    await act(ada, crypto.randomUUID(), "disable");
    for (const what of ["make_admin", "unmake_admin", "reset_password", "end_sessions", "disable", "enable"])
      expect((await act(ada, bob, what)).status).toBe(200);
    const done = (await log()).filter(({ id }) => id > before);
    expect(done.map(({ action }) => action)).toEqual([
      "enabled",
      "disabled",
      "sessions_ended",
      "reset_link_made",
      "unmade_admin",
      "made_admin",
    ]);
    for (const { by, user } of done)
      expect([by, user]).toEqual([
        { id: ada.id, username: ada.name },
        { id: bob.id, username: bob.name },
      ]);
  });

  test("what changed nothing is not in the log", async () => {
    const bob = await newcomer();
    const before = (await log())[0]?.id ?? 0;
    const twice = ["make_admin", "unmake_admin", "end_sessions", "disable", "enable"].flatMap((what) => [what, what]);
    for (const what of ["unmake_admin", "enable", ...twice]) expect((await act(ada, bob, what)).status).toBe(200);
    const done = (await log()).filter(({ id }) => id > before);
    expect(done.map(({ action }) => action)).toEqual([
      "enabled",
      "disabled",
      "sessions_ended",
      "unmade_admin",
      "made_admin",
    ]);
  });

  test("who acts on somebody while opening a conversation with them waits, and does both", async () => {
    const bob = await newcomer();
    const carol = await newcomer();
    await act(ada, carol, "make_admin");
    // Bob's account, the first of the two by its id, is busy until both stand behind it.
    const held = rig.sql(
      `BEGIN; SELECT FROM users WHERE id = '${bob.id}' FOR NO KEY UPDATE; SELECT pg_sleep(1.5); COMMIT`,
    );
    await Bun.sleep(300);
    const opening = carol.post("/api/chat/conversations/create/", { user_id: bob.id });
    await Bun.sleep(300);
    const ending = act(carol, bob, "end_sessions");
    await held;
    expect([(await opening).status, (await ending).status]).toEqual([200, 200]);
    await act(ada, carol, "unmake_admin");
  });

  test("an account that its owner deleted is nobody's to enable", async () => {
    const bob = await newcomer();
    await call(rig.url(), "DELETE", "/api/auth/me/", { token: bob.access, body: { password: PASSWORD } });
    for (const what of ["enable", "reset_password", "make_admin"]) expect((await act(ada, bob, what)).status).toBe(404);
  });

  test("people are found by a part of their name or address, and by what they are", async () => {
    const bob = await newcomer();
    const search = async (query: string) =>
      (await ada.get(`/api/admin/users/?page_size=100&${query}`)).body.results.map(({ id }: { id: string }) => id);
    expect(await search(`search=${bob.name.toUpperCase()}`)).toEqual([bob.id]);
    const [{ email }] = (await rig.sql(`SELECT email FROM users WHERE id = '${bob.id}'`)) as [{ email: string }];
    expect(await search(`search=${encodeURIComponent(email.slice(0, 20))}`)).toEqual([bob.id]);
    expect(await search("search=%25")).toEqual([]);
    expect(await search("only=admins")).toEqual([ada.id]);
    expect(await search("only=online")).toEqual([]);
    await bob.chat();
    await eventually(async () => expect(await search("only=online")).toEqual([bob.id]));
    // Presence waits a while for the socket to come back.
    expect((await act(ada, bob, "disable")).body.user.is_online).toBe(false);
    expect(await search("only=online")).toEqual([]);
    expect(await search("only=disabled")).toContain(bob.id);
  });

  test("looking into a conversation of others is written down, once; into the public room it is not", async () => {
    const [bob, carol] = [await newcomer(), await newcomer()];
    const room = await bob.conversationWith(carol);
    for (const text of ["one", "two <b>", "three"])
      await bob.post(`/api/chat/conversations/${room}/messages/`, { content: text });
    const { body } = await ada.get(`/api/admin/rooms/${room}/messages/`);
    expect(body.results.map(({ text }: { text: string }) => text)).toEqual(["three", "two <b>", "one"]);
    expect(body.before).toBeNull();
    expect((await ada.get(`/api/admin/rooms/${room}/messages/?search=TWO`)).body.results.length).toBe(1);
    await ada.get("/api/admin/rooms/global/messages/");
    const seen = (await log()).filter(({ action, details }) => action === "conversation_read" && details.room === room);
    expect(seen.map(({ user }) => user.id).sort()).toEqual([bob.id, carol.id].sort());
    expect((await log()).some(({ details }) => /0{8}-/.test(JSON.stringify(details)))).toBe(false);
    const rooms = (await ada.get(`/api/admin/rooms/?search=${carol.name}`)).body.results;
    expect(rooms.map(({ stream }: { stream: string }) => stream)).toEqual([room]);
  });

  test("a long room comes by pages, and a search looks at a part of it at a time", async () => {
    const [bob, carol] = [await newcomer(), await newcomer()];
    const room = await bob.conversationWith(carol);
    await rig.sql(`INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
      SELECT '${room}', n, gen_random_uuid(), '${bob.id}', 'message ' || n, now() FROM generate_series(1, 30000) n`);
    await rig.sql(`UPDATE heads SET seq = 30000 WHERE room_id = '${room}'`);
    const page = async (query: string) => (await ada.get(`/api/admin/rooms/${room}/messages/?${query}`)).body;
    const seqs: number[] = [];
    let { results, before } = await page("");
    for (let i = 0; i < 3; i++) {
      seqs.push(...results.map(({ seq }: { seq: number }) => seq));
      ({ results, before } = await page(`before=${before}`));
    }
    expect(seqs).toEqual(Array.from({ length: 150 }, (_, i) => 30_000 - i));
    const first = await page("search=message%2077&before=30001");
    expect(first.results.every(({ text }: { text: string }) => text.startsWith("message 77"))).toBe(true);
    const rare = await page("search=message%205000");
    expect([rare.results, rare.before]).toEqual([[], 10_001]);
    const found = await page(`search=message%205000&before=${rare.before}`);
    expect([found.results.map(({ seq }: { seq: number }) => seq), found.before]).toEqual([[5_000], null]);
  });

  test("both processes tell their figures", async () => {
    const { body } = await ada.get("/api/admin/live/");
    expect(body.processes.length).toBe(2);
    expect(new Set(body.processes.map(({ process }: { process: string }) => process)).size).toBe(2);
  });
});
