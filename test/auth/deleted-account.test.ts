/** Somebody goes for good, and mallory wants to be them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import { clusterRig, type Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";

describe.skipIf(!haveServices)("two processes", () => {
  let rig: Rig;
  let names = 0;
  beforeAll(async () => {
    rig = await clusterRig();
  });
  afterAll(() => rig.stop());

  const leave = (person: Person, password = PASSWORD) =>
    call(person.url, "DELETE", "/api/auth/me/", { token: person.access, body: { password } });
  const signUp = (username: string, i = 0) =>
    call(rig.url(i), "POST", "/api/auth/signup/", {
      body: { username, password: PASSWORD, password_confirm: PASSWORD },
    });
  const logIn = (username: string, i = 0) =>
    call(rig.url(i), "POST", "/api/auth/login/", { body: { username, password: PASSWORD } });
  const history = async (person: Person, id: string): Promise<Json[]> =>
    (await person.get(`/api/chat/conversations/${id}/messages/`)).body;

  test("all sessions end at once in both processes, and the one socket says that the account is gone", async () => {
    const alice = await Person.signUp(rig.url());
    const phone = await alice.logIn(rig.url(1));
    const sockets = [
      await alice.socket("global"),
      await alice.at(rig.url(1)).chat(),
      await phone.chat(),
      await phone.socket("private"),
    ];
    const startedAt = performance.now();
    expect((await leave(alice)).status).toBe(204);
    expect((await Promise.all(sockets.map((socket) => socket.closed))).map(({ code }) => code)).toEqual([
      4001, 4501, 4501, 4001,
    ]);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    for (const [person, i] of [
      [alice, 0],
      [alice, 1],
      [phone, 0],
      [phone, 1],
    ] as const) {
      await eventually(async () => expect((await person.at(rig.url(i)).get("/api/auth/me/")).status).toBe(401), 3_000);
      expect((await person.at(rig.url(i)).post("/api/auth/token/refresh/", { refresh: person.refresh })).status).toBe(
        401,
      );
    }
    const [stranger, gone] = [await logIn("nobody-at-all"), await logIn(alice.name)];
    expect([gone.status, gone.body]).toEqual([401, stranger.body]);
  });

  test("what was said stays in its place, under a name that is nobody's, and the row knows nothing else of its owner", async () => {
    const [alice, bob] = [await Person.signUp(rig.url(), `Käthe.${++names}`), await Person.signUp(rig.url(1))];
    await rig.sql(`UPDATE users SET email = 'kaethe@example.org' WHERE id = '${alice.id}'`);
    const id = await alice.conversationWith(bob);
    await alice.post(`/api/chat/conversations/${id}/messages/`, { content: "I am leaving" });
    await bob.post(`/api/chat/conversations/${id}/messages/`, { content: "why?" });
    await alice.post("/api/chat/global/messages/", { content: "farewell" });
    const before = await history(bob, id);
    expect((await leave(alice)).status).toBe(204);

    const tombstone = `deleted-${alice.id.slice(-8)}`;
    const shape = ({ id, seq, content, timestamp }: Json) => ({ id, seq, content, timestamp });
    // Who wrote is kept for a second.
    const after = await eventually(async () => {
      const messages = await history(bob, id);
      expect(messages[0].sender.username).toBe(tombstone);
      return messages;
    });
    expect(after.map(shape)).toEqual(before.map(shape));
    expect(after.map(({ sender }) => sender.id)).toEqual([alice.id, bob.id]);
    const { status, body } = await bob.get(`/api/chat/conversations/${id}/`);
    expect([status, body.conversation.participants.map((user: Json) => user.username).sort()]).toEqual([
      200,
      [bob.name, tombstone].sort(),
    ]);
    const chat = await bob.chat();
    expect(JSON.stringify(chat.snapshot)).toContain(tombstone);
    expect(
      JSON.stringify([chat.snapshot, after, body, (await bob.get("/api/chat/global/messages/")).body]),
    ).not.toContain("Käthe");

    // Bob may go on writing; nobody finds the tombstone, nobody opens a new conversation with it.
    expect((await bob.post(`/api/chat/conversations/${id}/messages/`, { content: "a note to myself" })).status).toBe(
      201,
    );
    for (const search of ["deleted", "käthe"])
      expect((await bob.get(`/api/auth/users/?search=${search}`)).body.count).toBe(0);
    const carol = await Person.signUp(rig.url());
    expect((await carol.get(`/api/chat/conversations/user/${alice.id}/`)).status).toBe(404);
    expect((await carol.post("/api/chat/conversations/create/", { user_id: alice.id })).status).toBe(400);

    const [row] = await rig.sql(
      `SELECT to_jsonb(u) AS u, (SELECT json_agg(s) FROM sessions s WHERE user_id = u.id) AS s, (SELECT json_agg(r) FROM retired_names r) AS r FROM users u WHERE id = '${alice.id}'`,
    );
    expect(row!.u).toMatchObject({ username: tombstone, password: "", email: null });
    expect(JSON.stringify(row)).not.toMatch(/k[äa]the|example\.org|argon2|Bun\//i);
    await bob.closeAll();
  });

  test("nobody takes the name of somebody who is gone, nor one that looks like it, nor one of those that the gone have", async () => {
    const tag = `q${++names}`;
    const alice = await Person.signUp(rig.url(), `Scope${tag}`);
    expect((await leave(alice)).status).toBe(204);
    for (const name of [
      `Scope${tag}`,
      `sCOPE${tag.toUpperCase()}`,
      `ѕсоре${tag}`,
      `deleted-${alice.id.slice(-8)}`,
      "Deleted-you",
      "dеleted-1234abcd",
    ]) {
      const { status, body } = await signUp(name, 1);
      expect([name, status, body.errors]).toEqual([
        name,
        400,
        [expect.objectContaining({ field: "username", code: "taken" })],
      ]);
    }
    expect((await signUp(`scope${tag}x`)).status).toBe(201);
    // The retired names say nothing to whoever reads them.
    const [{ folded }] = (await rig.sql("SELECT encode(folded, 'hex') AS folded FROM retired_names LIMIT 1")) as [
      { folded: string },
    ];
    expect(folded).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a sign-up that waits for the name at the very moment does not get it", async () => {
    for (let round = 0; round < 5; round++) {
      const alice = await Person.signUp(rig.url(), `race-for-it-${++names}`);
      const [gone, ...signUps] = await Promise.all([
        leave(alice),
        ...Array.from({ length: 4 }, (_, i) => signUp(alice.name, i)),
      ]);
      expect([gone!.status, ...signUps.map(({ status }) => status)]).toEqual([204, 400, 400, 400, 400]);
    }
  });

  test("whatever the account was doing at that moment, nothing of it comes after its end", async () => {
    for (let round = 0; round < 4; round++) {
      const [alice, bob, carol] = [
        await Person.signUp(rig.url()),
        await Person.signUp(rig.url(1)),
        await Person.signUp(rig.url(1)),
      ];
      const id = await alice.conversationWith(bob);
      const chats = [await alice.chat(), await alice.at(rig.url(1)).chat()];
      let n = 0;
      let over = false;
      const floods = chats.map(async (chat) => {
        while (!over && chat.ws.readyState === WebSocket.OPEN) {
          for (const stream of ["global", id])
            chat.send({ type: "send_message", stream, content: `m${++n}`, client_id: `${n}` });
          await Bun.sleep(1);
        }
      });
      const rest = (async () => {
        for (let i = 0; !over; i++) {
          await alice.at(rig.url(i)).post(`/api/chat/conversations/${id}/messages/`, { content: `r${i}` });
          await alice.at(rig.url(i)).post("/api/auth/token/refresh/", { refresh: alice.refresh });
        }
      })();
      const logIns = Array.from({ length: 6 }, (_, i) => logIn(alice.name, i));
      await Bun.sleep(40 + 10 * round);
      const opened = alice.at(rig.url(1)).post("/api/chat/conversations/create/", { user_id: carol.id });
      expect((await leave(alice)).status).toBe(204);
      const count = async () =>
        (
          await rig.sql(`SELECT (SELECT count(*)::int FROM messages WHERE sender_id = '${alice.id}') AS messages,
                               (SELECT count(*)::int FROM members WHERE user_id = '${alice.id}') AS rooms,
                               (SELECT count(*)::int FROM sessions WHERE user_id = '${alice.id}' AND ended_at IS NULL) AS sessions`)
        )[0];
      const atTheEnd = await count();
      expect(atTheEnd).toMatchObject({ sessions: 0 });
      await Bun.sleep(300);
      over = true;
      const [answer] = await Promise.all([opened, Promise.all(floods), rest]);
      expect(await count()).toEqual(atTheEnd);
      expect((atTheEnd as Json).rooms).toBe(answer.status === 200 ? 3 : 2);
      for (const { status, body } of await Promise.all(logIns)) {
        expect([200, 401]).toContain(status);
        if (status !== 200) continue;
        await eventually(
          async () => expect((await call(rig.url(1), "GET", "/api/auth/me/", { token: body.access })).status).toBe(401),
          3_000,
        );
        expect(
          (await call(rig.url(), "POST", "/api/auth/token/refresh/", { body: { refresh: body.refresh } })).status,
        ).toBe(401);
      }
      // And no hole is left where it was cut off.
      const [holes] = await rig.sql(
        "SELECT count(*)::int AS n FROM (SELECT room_id FROM messages GROUP BY room_id HAVING max(seq) <> count(*)) x",
      );
      expect(holes).toEqual({ n: 0 });
      for (const person of [alice, bob]) await person.closeAll();
    }
  }, 60_000);

  test("of ten removals at once one is the one", async () => {
    const alice = await Person.signUp(rig.url());
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => leave(alice.at(rig.url(i)))));
    expect(answers.filter(({ status }) => status === 204).length).toBe(1);
    for (const { status } of answers) expect([204, 400, 401]).toContain(status);
  });
});
