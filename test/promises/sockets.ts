import { expect } from "bun:test";
import { type Json, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { embeddedRig } from "../support/server.ts";

export const sockets: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));

  promised([59, 63], "a global message reaches every global socket once, the sender's too, and no private one", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const [a, b, bobPrivate] = [await alice.socket("global"), await bob.socket("global"), await bob.socket("private")];
    const own = await a.say({ content: `hello from ${alice.name}` });
    const { message } = await b.next("global_message");
    expect(message).toEqual({ id: own.id, sender: { id: alice.id, username: alice.name }, content: `hello from ${alice.name}`, timestamp: own.timestamp });
    await Promise.all([a.settled(), b.settled(), bobPrivate.settled()]);
    for (const socket of [a, b]) expect(socket.frames.filter((f) => f.type === "global_message")).toEqual([]);
    expect(bobPrivate.frames).toEqual([]);
    expect((await bob.get("/api/chat/global/messages/?limit=1")).body[0]).toMatchObject({ id: own.id, content: own.content, timestamp: own.timestamp });
    await done(alice, bob);
  });

  promised([60], "a private message reaches the other's private sockets, its echo all of the sender's, and nobody else anything", async () => {
    const [alice, bob, mallory] = (await people(3)) as [Person, Person, Person];
    const id = await alice.conversationWith(bob);
    const aliceThere = alice.at(rig().url(1));
    const [a, a2, b, b2, aGlobal, m, mGlobal] = [
      await alice.socket("private"),
      await aliceThere.socket("private"),
      await bob.socket("private"),
      await bob.at(rig().url()).socket("private"),
      await alice.socket("global"),
      await mallory.socket("private"),
      await mallory.socket("global"),
    ];
    const own = await a.say({ conversation_id: id, content: "between us" });
    expect(own).toEqual({ id: own.id, conversation_id: id, sender: { id: alice.id, username: alice.name }, content: "between us", timestamp: own.timestamp });
    expect((await a2.next("private_message_sent")).message).toEqual(own);
    for (const socket of [b, b2]) expect((await socket.next("private_message")).message).toEqual(own);
    await Promise.all([a, a2, b, b2, aGlobal, m, mGlobal].map((socket) => socket.settled()));
    for (const socket of [a, a2, b, b2, aGlobal, m, mGlobal]) expect(socket.frames.filter((f) => /message/.test(f.type))).toEqual([]);
    for (const person of [alice, bob, mallory, aliceThere]) await person.closeAll();
  });

  promised([61, 67], "typing is told to the other one alone, and a foreign conversation is not found", async () => {
    const [alice, bob, mallory] = (await people(3)) as [Person, Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, b, m] = [await alice.socket("private"), await bob.socket("private"), await mallory.socket("private")];
    for (const [type, status] of [["typing_start", "typing"], ["typing_stop", "stopped"]] as const) {
      a.send({ type, conversation_id: id });
      expect(await b.next("typing_indicator")).toEqual({ type: "typing_indicator", user_id: alice.id, username: alice.name, conversation_id: id, status });
    }
    const refusals = [];
    for (const conversation_id of [id, crypto.randomUUID(), "nonsense", "00000000-0000-4000-8000-000000000001"]) {
      for (const type of ["typing_start", "typing_stop", "send_private_message"]) {
        m.send({ type, conversation_id, content: "let me in" });
        refusals.push(await m.next("error"));
      }
    }
    for (const refusal of refusals) expect(refusal).toEqual({ type: "error", code: "not_found", detail: refusals[0].detail });
    await Promise.all([a.settled(), b.settled(), m.settled()]);
    expect([a.frames, b.frames, m.frames]).toEqual([[], [], []]);
    expect((await alice.get(`/api/chat/conversations/${id}/messages/`)).body).toEqual([]);
    await done(alice, bob, mallory);
  });

  promised([62, 74], "presence tells changes to everyone but oneself: one tab of two, a reload, then gone once", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const b = await bob.socket("global");
    await Bun.sleep(300);
    expect(b.frames.filter((f) => f.user_id === bob.id)).toEqual([]);
    const mine = () => b.frames.filter((f) => f.user_id === alice.id).map((f) => f.status);
    const tab = await alice.socket("private");
    expect(await b.next((f) => f.user_id === alice.id)).toEqual({ type: "user_presence", user_id: alice.id, username: alice.name, status: "online" });
    expect((await bob.get(`/api/auth/users/?search=${alice.name}`)).body.results[0]).toMatchObject({ is_online: true, last_seen: null });
    const second = await alice.at(rig().url(1)).socket("global");
    await tab.close();
    await Bun.sleep(1_000);
    expect(mine()).toEqual([]);
    await second.close();
    const reloaded = await alice.socket("global");
    await Bun.sleep(1_000);
    expect([mine(), reloaded.frames.filter((f) => f.user_id === alice.id)]).toEqual([[], []]);
    const closing = Date.now();
    await reloaded.close();
    expect((await b.next((f) => f.user_id === alice.id)).status).toBe("offline");
    await Bun.sleep(500);
    expect(mine()).toEqual([]);
    const [user] = (await bob.get(`/api/auth/users/?search=${alice.name}`)).body.results;
    expect(user.is_online).toBe(false);
    expect(Math.abs(Date.parse(user.last_seen) - closing)).toBeLessThan(1_000);
    await done(alice, bob);
  });

  promised([64], "a bad token is accepted and closed with 4001", async () => {
    for (const query of ["", "?token=", "?token=nonsense", `?token=${(await Person.signUp(rig().url())).refresh}`]) {
      for (const endpoint of ["global", "private"]) {
        const socket = new TestSocket(`${rig().url()}/ws/chat/${endpoint}/${query}`);
        await socket.opened;
        expect((await socket.closed).code).toBe(4001);
      }
    }
  });

  promised([65], "a page of another origin is refused before the upgrade", async () => {
    const alice = await Person.signUp(rig().url());
    const knock = (origin?: string, url = rig().url()) =>
      fetch(`${url}/ws/chat/global/?token=${alice.access}`, {
        headers: { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", ...(origin && { Origin: origin }) },
      }).then(({ status }) => status);
    for (const foreign of ["https://evil.example", "null", rig().url().replace(/:\d+$/, ":1"), `${rig().url()}.evil.example`]) expect([foreign, await knock(foreign)]).toEqual([foreign, 403]);
    for (const fine of [undefined, rig().url(), rig().url().replace("http:", "https:")]) {
      const socket = new TestSocket(`${rig().url()}/ws/chat/global/?token=${alice.access}`, fine ? { headers: { Origin: fine } } : undefined);
      await socket.opened;
      await socket.close();
    }
    const other = await embeddedRig({ ALLOWED_ORIGINS: "https://app.example.org" });
    const allowed = new TestSocket(`${other.url()}/ws/chat/global/`, { headers: { Origin: "https://app.example.org" } });
    expect((await allowed.closed).code).toBe(4001);
    await other.stop();
  });

  promised([11, 66, 68, 69], "what is wrong with a frame is told, stores nothing, and the next good one works", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const id = await alice.conversationWith(bob);
    const rooms = [
      { socket: await alice.socket("private"), frame: { type: "send_private_message", conversation_id: id }, path: `/api/chat/conversations/${id}/messages/` },
      { socket: await alice.socket("global"), frame: { type: "send_global_message" }, path: "/api/chat/global/messages/" },
    ];
    for (const { socket, frame, path } of rooms) {
      const before = (await alice.get(path)).body;
      const bad: [unknown, string][] = [
        ["not json", "bad_json"],
        ["[]", "bad_json"],
        ["null", "bad_json"],
        ['"text"', "bad_json"],
        ["[".repeat(5_000) + "]".repeat(5_000), "bad_json"],
        [{ ...frame, content: 7 }, "invalid_field"],
        [{ ...frame }, "invalid_field"],
        [{ ...frame, content: "" }, "empty"],
        [{ ...frame, content: " \n " }, "empty"],
        [{ ...frame, content: "x".repeat(2_001) }, "too_long"],
        [{ ...frame, content: "😀".repeat(2_001) }, "too_long"],
        [{ ...frame, content: "a\0b" }, "invalid_field"],
        [JSON.stringify({ ...frame, content: "@" }).replace("@", "\\ud800"), "invalid_field"],
        [{ ...frame, content: "x", client_id: "" }, "invalid_field"],
        [{ type: "no_such_type" }, "unknown_type"],
        [{ type: "constructor", content: "x" }, "unknown_type"],
        [{ content: "no type" }, "unknown_type"],
        [{ type: frame.type === "send_global_message" ? "typing_start" : "send_global_message", content: "x" }, "unknown_type"],
      ];
      for (const [input, code] of bad) {
        socket.send(input);
        const error = await socket.next("error");
        expect([input, error.code, Object.keys(error).sort()]).toEqual([input, code, error.client_id === undefined ? ["code", "detail", "type"] : ["client_id", "code", "detail", "type"]]);
      }
      expect((await alice.get(path)).body).toEqual(before);
      const longest = "😀".repeat(2_000);
      expect((await socket.say({ content: longest, ...("conversation_id" in frame && { conversation_id: id }) })).content).toBe(longest);
    }
    await done(alice, bob);
  });

  promised([70], "binary frames and frames that are too big close the socket", async () => {
    const alice = await Person.signUp(rig().url());
    const [binary, big, huge] = [await alice.socket("global"), await alice.socket("global"), await alice.socket("global")];
    binary.send(new Uint8Array([123, 125]));
    expect((await binary.closed).code).toBe(1003);
    big.send(JSON.stringify({ type: "send_global_message", content: "x".repeat(65_536) }));
    expect((await big.closed).code).toBe(1009);
    huge.send("x".repeat(1_000_000));
    expect([1006, 1009]).toContain((await huge.closed).code);
  });

  promised([71], "the frames of one socket keep their order", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, b] = [await alice.socket("private"), await bob.socket("private")];
    for (let i = 0; i < 60; i++) a.send({ type: "send_private_message", conversation_id: id, content: `n${i}` });
    await b.next((f) => f.message?.content === "n59");
    const expected = Array.from({ length: 60 }, (_, i) => `n${i}`);
    expect(b.frames.map((f) => f.message.content)).toEqual(expected.slice(0, 59));
    expect((await bob.get(`/api/chat/conversations/${id}/messages/?limit=60`)).body.map((m: Json) => m.content)).toEqual(expected);
    await done(alice, bob);
  });

  promised([79, 80], "a client_id is stored once, however often it is sent, and is the sender's own business", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const id = await alice.conversationWith(bob);
    for (const endpoint of ["private", "global"] as const) {
      const [a, a2, b] = [await alice.socket(endpoint), await alice.at(rig().url(1)).socket(endpoint), await bob.socket(endpoint)];
      const frame = { content: `once in ${endpoint}`, client_id: `id-${endpoint}`, ...(endpoint === "private" && { conversation_id: id }) };
      const own = await a.say(frame);
      expect(own.client_id).toBe(frame.client_id);
      expect((await a2.next((f) => f.message?.id === own.id)).message).toEqual(own);
      const { client_id: _, ...others } = own;
      expect((await b.next((f) => f.message?.id === own.id)).message).toEqual(others);
      expect(await a2.say(frame)).toEqual(own);
      await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? a : a2).say(frame)));
      const type = endpoint === "private" ? "send_private_message" : "send_global_message";
      a.send({ type, ...frame, content: "another" });
      expect(await a.next("error")).toMatchObject({ code: "idempotency_mismatch", client_id: frame.client_id });
      await Promise.all([a.settled(), a2.settled(), b.settled()]);
      expect([a, a2, b].flatMap((s) => s.frames.filter((f) => f.message))).toEqual([]);
      const path = endpoint === "private" ? `/api/chat/conversations/${id}/messages/` : "/api/chat/global/messages/";
      expect((await alice.get(path)).body.filter((m: Json) => m.content === frame.content).length).toBe(1);
      await a2.close();
    }
    await done(alice, bob);
  });
};
