/** Mallory has a session of alice's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import { RawSocket } from "../support/raw.ts";
import { clusterRig, type Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";

const NEW = "teal-comet-9021";

describe.skipIf(!haveServices)("two processes", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await clusterRig();
  });
  afterAll(() => rig.stop());

  const logIn = (person: Person, password: string, i = 0) =>
    call(rig.url(i), "POST", "/api/auth/login/", { body: { username: person.name, password } });
  const refresh = (person: Person, i = 0) =>
    call(rig.url(i), "POST", "/api/auth/token/refresh/", { body: { refresh: person.refresh } });
  const change = (person: Person, password = PASSWORD, new_password = NEW) =>
    person.post("/api/auth/password/", { password, new_password });
  const del = (person: Person, path: string, body?: Json) =>
    call(person.url, "DELETE", path, { token: person.access, body });
  const sessionsOf = async (person: Person): Promise<Json[]> => (await person.get("/api/auth/sessions/")).body;
  const living = async (person: Person) =>
    Number(
      (await rig.sql(`SELECT count(*)::int AS n FROM sessions WHERE user_id = '${person.id}' AND ended_at IS NULL`))[0]!
        .n,
    );

  /** Over: in both processes, at once for whoever asks, and for its tokens. */
  async function expectOver(person: Person) {
    for (const i of [0, 1])
      await eventually(async () => expect((await person.at(rig.url(i)).get("/api/auth/me/")).status).toBe(401), 3_000);
    expect((await refresh(person, 1)).status).toBe(401);
  }

  test("alice sees the session and ends it: its sockets close at once in both processes, and hers stay", async () => {
    const alice = await Person.signUp(rig.url());
    const mallory = await alice.logIn(rig.url(1));
    const sockets = [
      await mallory.socket("global"),
      await mallory.at(rig.url(0)).socket("private"),
      await mallory.chat(),
    ];
    const [own, chat] = [await alice.socket("global"), await alice.at(rig.url(1)).chat()];
    const sessions = await sessionsOf(alice);
    expect(sessions.map(({ current }) => current).sort()).toEqual([false, true]);
    const stolen = sessions.find(({ current }) => !current);
    const startedAt = performance.now();
    expect((await del(alice, `/api/auth/sessions/${stolen.id.toUpperCase()}/`)).status).toBe(204);
    expect((await Promise.all(sockets.map((socket) => socket.closed))).map(({ code }) => code)).toEqual([
      4001, 4001, 4500,
    ]);
    // By the bus; the look at the database would take up to a second.
    expect(performance.now() - startedAt).toBeLessThan(700);
    await expectOver(mallory);
    expect((await sessionsOf(alice)).map(({ current }) => current)).toEqual([true]);
    expect((await del(alice, `/api/auth/sessions/${stolen.id}/`)).status).toBe(404);
    await own.settled();
    expect((await chat.pong()).since).toBeString();
    await alice.closeAll();
  });

  test("nobody ends a session of somebody else's, nor learns that there is one", async () => {
    const [alice, mallory] = [await Person.signUp(rig.url()), await Person.signUp(rig.url(1))];
    const [{ id }] = (await sessionsOf(alice)) as [Json];
    const answers = [];
    for (const path of [id, crypto.randomUUID(), "nonsense", `${id}%00`, "00000000-0000-4000-8000-000000000001"])
      answers.push(await del(mallory, `/api/auth/sessions/${path}/`));
    for (const { status, body } of answers) expect([status, body]).toEqual([404, answers[0]!.body]);
    expect((await sessionsOf(mallory)).map((session) => session.id)).not.toContain(id);
    expect((await alice.get("/api/auth/me/")).status).toBe(200);
    expect(await living(alice)).toBe(1);
  });

  test("a new password ends all other sessions at once in both processes, and the one that changed it goes on", async () => {
    const alice = await Person.signUp(rig.url());
    const others = [await alice.logIn(rig.url(0)), await alice.logIn(rig.url(1))];
    const sockets = [
      await others[0]!.socket("global"),
      await others[1]!.socket("private"),
      await others[1]!.at(rig.url(0)).chat(),
    ];
    const own = [await alice.socket("private"), await alice.at(rig.url(1)).chat()] as const;
    const startedAt = performance.now();
    expect((await change(alice)).status).toBe(200);
    expect((await Promise.all(sockets.map((socket) => socket.closed))).map(({ code }) => code)).toEqual([
      4001, 4001, 4500,
    ]);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    for (const other of others) await expectOver(other);
    await own[0].settled();
    expect((await own[1].pong()).since).toBeString();
    expect((await refresh(alice, 1)).status).toBe(200);
    expect([(await logIn(alice, PASSWORD, 1)).status, (await logIn(alice, NEW)).status]).toEqual([401, 200]);
    await alice.closeAll();
  });

  test("without the password nothing is changed and nothing is removed", async () => {
    const alice = await Person.signUp(rig.url());
    const phone = await alice.logIn(rig.url(1));
    for (const body of [
      { new_password: NEW },
      { password: "", new_password: NEW },
      { password: NEW, new_password: NEW },
      { password: [PASSWORD], new_password: NEW },
    ]) {
      const { status, body: answer } = await alice.post("/api/auth/password/", body);
      expect([status, answer.errors.map((error: Json) => error.field)]).toEqual([400, ["password"]]);
    }
    for (const body of [{}, { password: "" }, { password: NEW }, { password: null }]) {
      const { status, body: answer } = await del(alice, "/api/auth/me/", body);
      expect([status, answer.errors[0].field]).toEqual([400, "password"]);
    }
    expect((await change(alice, PASSWORD, "password1")).body.errors).toMatchObject([
      { field: "new_password", code: "weak" },
    ]);
    expect((await change(alice, PASSWORD, `${alice.name}-1234`)).body.errors).toMatchObject([
      { field: "new_password", code: "weak" },
    ]);
    expect([(await phone.get("/api/auth/me/")).status, (await logIn(alice, PASSWORD)).status]).toEqual([200, 200]);
  });

  test("log-ins with the old password that are under way leave no session that outlives the new one", async () => {
    for (let round = 0; round < 3; round++) {
      const alice = await Person.signUp(rig.url());
      const attempts = Array.from({ length: 8 }, (_, i) => logIn(alice, PASSWORD, i));
      await Bun.sleep(20 * round);
      expect((await change(alice)).status).toBe(200);
      for (const { status, body } of await Promise.all(attempts)) {
        expect([200, 401]).toContain(status);
        if (status === 200) await expectOver(new Person(rig.url(), alice.id, "", body.access, body.refresh));
      }
      expect(await living(alice)).toBe(1);
    }
  });

  test("of several sessions that change the password at once one does, and it is the one that lives", async () => {
    const alice = await Person.signUp(rig.url());
    const all = [alice, ...(await Promise.all([0, 1, 0, 1].map((i) => alice.logIn(rig.url(i)))))];
    const answers = await Promise.all(all.map((person, i) => change(person, PASSWORD, `${NEW}-${i}`)));
    const winners = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
    expect(winners.length).toBe(1);
    for (const [i, person] of all.entries()) if (i !== winners[0]) await expectOver(person);
    expect((await all[winners[0]!]!.get("/api/auth/me/")).status).toBe(200);
    expect((await logIn(alice, `${NEW}-${winners[0]}`)).status).toBe(200);
  });

  /** A request whose body is still to come. */
  function begin(person: Person, path: string, body: string): RawSocket {
    const socket = new RawSocket(person.url);
    const length = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${person.access}\r\n${length}\r\n\r\n${body[0]}`,
    );
    return socket;
  }

  test("a request that was made before its session was over, and waits for its turn or its body, reads nothing more", async () => {
    const [alice, bob] = [await Person.signUp(rig.url()), await Person.signUp(rig.url(1))];
    const room = await bob.conversationWith(alice);
    const mallory = await alice.logIn();
    const body = JSON.stringify({ user_id: bob.id });
    const slow = Array.from({ length: 4 }, () => begin(mallory, "/api/chat/conversations/create/", body));
    await Bun.sleep(300);
    const behind = mallory.get(`/api/chat/conversations/${room}/messages/`);
    await Bun.sleep(300);
    expect((await change(alice)).status).toBe(200);
    expect((await mallory.get("/api/auth/me/")).status).toBe(401);
    await bob.post(`/api/chat/conversations/${room}/messages/`, { content: "said when the theft was noticed" });
    for (const socket of slow) socket.write(body.slice(1));
    expect((await behind).status).toBe(401);
    for (const socket of slow) {
      await eventually(() => expect(socket.statuses).toHaveLength(1));
      expect(socket.bytes.toString()).not.toContain("theft");
      socket.drop();
    }
  });

  test("who has a session of alice's and asks as much as they may does not keep her from ending it", async () => {
    const alice = await Person.signUp(rig.url());
    const mallory = await alice.logIn();
    const stolen = (await sessionsOf(alice)).find(({ current }) => !current).id;
    const held = Array.from({ length: 105 }, () => begin(mallory, "/api/chat/global/messages/", "{}"));
    await eventually(() => expect(held.filter(({ statuses }) => statuses.includes(429))).toHaveLength(1));
    expect((await alice.get("/api/auth/me/")).status).toBe(429);
    expect((await del(alice, `/api/auth/sessions/${stolen}/`)).status).toBe(204);
    expect((await change(alice)).status).toBe(200);
    for (const socket of held) socket.drop();
  });

  test("a session that is ended while it changes the password or removes the account does neither", async () => {
    for (const act of ["change", "remove"] as const) {
      const alice = await Person.signUp(rig.url());
      const mallory = await alice.logIn(rig.url(1));
      const stolen = (await sessionsOf(alice)).find(({ current }) => !current).id;
      const attack = act === "change" ? change(mallory) : del(mallory, "/api/auth/me/", { password: PASSWORD });
      const [end, { status }] = await Promise.all([del(alice, `/api/auth/sessions/${stolen}/`), attack]);
      // To verify the password takes longer than to end the session.
      expect([act, end.status, [400, 401].includes(status)]).toEqual([act, 204, true]);
      expect((await logIn(alice, PASSWORD)).status).toBe(200);
    }
  });
});
