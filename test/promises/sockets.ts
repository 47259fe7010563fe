import { expect } from "bun:test";
import { Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { embeddedRig } from "../support/server.ts";

export const sockets: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));

  promised(
    [59, 63],
    "a global message reaches every global socket once, the sender's too, and no private one",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const [a, b, bobPrivate] = [
        await alice.socket("global"),
        await bob.socket("global"),
        await bob.socket("private"),
      ];
      const own = await a.say({ content: `hello from ${alice.name}` });
      const { message } = await b.next("global_message");
      expect(message).toEqual({
        id: own.id,
        sender: { id: alice.id, username: alice.name },
        content: `hello from ${alice.name}`,
        timestamp: own.timestamp,
      });
      await Promise.all([a.settled(), b.settled(), bobPrivate.settled()]);
      for (const socket of [a, b]) expect(socket.frames.filter((f) => f.type === "global_message")).toEqual([]);
      expect(bobPrivate.frames).toEqual([]);
      expect((await bob.get("/api/chat/global/messages/?limit=1")).body[0]).toMatchObject({
        id: own.id,
        content: own.content,
        timestamp: own.timestamp,
      });
      await done(alice, bob);
    },
  );

  promised(
    [60],
    "a private message reaches the other's private sockets, its echo all of the sender's, and nobody else anything",
    async () => {
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
      expect(own).toEqual({
        id: own.id,
        conversation_id: id,
        sender: { id: alice.id, username: alice.name },
        content: "between us",
        timestamp: own.timestamp,
      });
      expect((await a2.next("private_message_sent")).message).toEqual(own);
      for (const socket of [b, b2]) expect((await socket.next("private_message")).message).toEqual(own);
      await Promise.all([a, a2, b, b2, aGlobal, m, mGlobal].map((socket) => socket.settled()));
      for (const socket of [a, a2, b, b2, aGlobal, m, mGlobal])
        expect(socket.frames.filter((f) => /message/.test(f.type))).toEqual([]);
      for (const person of [alice, bob, mallory, aliceThere]) await person.closeAll();
    },
  );

  promised([61, 67], "typing is told to the other one alone, and a foreign conversation is not found", async () => {
    const [alice, bob, mallory] = (await people(3)) as [Person, Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, b, m] = [await alice.socket("private"), await bob.socket("private"), await mallory.socket("private")];
    for (const [type, status] of [
      ["typing_start", "typing"],
      ["typing_stop", "stopped"],
    ] as const) {
      a.send({ type, conversation_id: id });
      expect(await b.next("typing_indicator")).toEqual({
        type: "typing_indicator",
        user_id: alice.id,
        username: alice.name,
        conversation_id: id,
        status,
      });
    }
    const refusals = [];
    for (const conversation_id of [id, crypto.randomUUID(), "nonsense", "00000000-0000-4000-8000-000000000001"]) {
      for (const type of ["typing_start", "typing_stop", "send_private_message"]) {
        m.send({ type, conversation_id, content: "let me in" });
        refusals.push(await m.next("error"));
      }
    }
    for (const refusal of refusals)
      expect(refusal).toEqual({ type: "error", code: "not_found", detail: refusals[0].detail });
    await Promise.all([a.settled(), b.settled(), m.settled()]);
    expect([a.frames, b.frames, m.frames]).toEqual([[], [], []]);
    expect((await alice.get(`/api/chat/conversations/${id}/messages/`)).body).toEqual([]);
    await done(alice, bob, mallory);
  });

  promised(
    [62, 74],
    "presence tells changes to everyone but oneself: one tab of two, a reload, then gone once",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const b = await bob.socket("global");
      await Bun.sleep(300);
      expect(b.frames.filter((f) => f.user_id === bob.id)).toEqual([]);
      const mine = () => b.frames.filter((f) => f.user_id === alice.id).map((f) => f.status);
      const tab = await alice.socket("private");
      expect(await b.next((f) => f.user_id === alice.id)).toEqual({
        type: "user_presence",
        user_id: alice.id,
        username: alice.name,
        status: "online",
      });
      expect((await bob.get(`/api/auth/users/?search=${alice.name}`)).body.results[0]).toMatchObject({
        is_online: true,
        last_seen: null,
      });
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
    },
  );

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
        headers: {
          Connection: "Upgrade",
          Upgrade: "websocket",
          "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
          ...(origin && { Origin: origin }),
        },
      }).then(({ status }) => status);
    for (const foreign of [
      "https://evil.example",
      "null",
      rig().url().replace(/:\d+$/, ":1"),
      `${rig().url()}.evil.example`,
    ])
      expect([foreign, await knock(foreign)]).toEqual([foreign, 403]);
    for (const fine of [undefined, rig().url(), rig().url().replace("http:", "https:")]) {
      const socket = new TestSocket(
        `${rig().url()}/ws/chat/global/?token=${alice.access}`,
        fine ? { headers: { Origin: fine } } : undefined,
      );
      await socket.opened;
      await socket.close();
    }
    const other = await embeddedRig({ ALLOWED_ORIGINS: "https://app.example.org" });
    const allowed = new TestSocket(`${other.url()}/ws/chat/global/`, {
      headers: { Origin: "https://app.example.org" },
    });
    expect((await allowed.closed).code).toBe(4001);
    await other.stop();
  });
};
