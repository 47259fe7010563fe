import { expect } from "bun:test";
import { call, type Json, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { embeddedRig } from "../support/server.ts";

const V2 = "liquidchat.v2";

export const oneSocket: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));
  const url = (path = "/ws/chat/", i = 0) => `${rig().url(i)}${path}`;

  promised(
    [84, 85, 87],
    "the token comes as a browser or a program can send it, and only the one protocol is spoken",
    async () => {
      const [alice] = (await people(1)) as [Person];
      for (const path of ["/ws/chat/", "/ws/chat/global/", "/ws/chat/private"]) {
        for (const how of [
          { headers: { Authorization: `Bearer ${alice.access}` }, protocols: [V2] },
          { protocols: [V2, `bearer.${alice.access}`] },
          { protocols: [V2], query: `?token=${alice.access}` },
        ]) {
          const socket = new TestSocket(url(path) + (how.query ?? ""), how);
          await socket.opened;
          expect(socket.ws.protocol).toBe(V2);
          if (path === "/ws/chat/")
            expect(await socket.next("hello")).toEqual({
              type: "hello",
              protocol: V2,
              epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
              session_id: JSON.parse(atob(alice.access.split(".")[1]!)).sid,
              server_time: expect.stringMatching(/^\d{4}-.*Z$/),
              heartbeat_s: 0.5,
              limits: { message_max_length: 2000, rate_per_s: 0, burst: 5, frame_max_bytes: 65536 },
              user: { id: alice.id, username: alice.name },
            });
          else await socket.settled();
          await socket.close();
        }
      }
      const old = new TestSocket(`${url()}?token=${alice.access}`);
      expect((await old.closed).code).toBe(4502);
      for (const token of ["", "nonsense", alice.refresh]) {
        const refused = new TestSocket(`${url()}?token=${token}`, { protocols: [V2] });
        expect((await refused.closed).code).toBe(4001);
      }
    },
  );

  promised([86, 95], "the token may come in the first frame; who says nothing in ten seconds is closed", async () => {
    const [alice] = (await people(1)) as [Person];
    const silent = new TestSocket(url(), { protocols: [V2] });
    const greeted = new TestSocket(url(), { protocols: [V2, `bearer.${alice.access}`] });
    const hearts = setInterval(() => greeted.send({ type: "ping" }), 400);
    const socket = new TestSocket(url(), { protocols: [V2] });
    await socket.opened;
    for (const type of ["ping", "resume", "send_message", "read"]) {
      socket.send({ type, stream: "global", content: "x", client_id: "c", seq: 1 });
      expect((await socket.next("error")).code).toBe("unauthenticated");
    }
    // What waits behind it is acted upon after it, in order.
    socket.send({ type: "auth", token: alice.access });
    socket.send({ type: "resume", epoch: null, since: null });
    socket.send({ type: "send_message", stream: "global", content: `first, by ${alice.name}`, client_id: "1" });
    expect((await socket.next("hello")).user.id).toBe(alice.id);
    expect((await socket.next("ack")).duplicate).toBe(false);
    expect((await socket.next("message")).message.content).toBe(`first, by ${alice.name}`);
    socket.send({ type: "auth", token: alice.access });
    expect((await socket.next("error")).code).toBe("forbidden");
    const bad = new TestSocket(url(), { protocols: [V2] });
    await bad.opened;
    bad.send({ type: "auth", token: "nonsense" });
    expect((await bad.closed).code).toBe(4001);
    const opened = Date.now();
    expect([(await silent.closed).code, (await greeted.closed).code]).toEqual([4001, 4013]);
    expect(Date.now() - opened).toBeGreaterThan(8_000);
    clearInterval(hearts);
    await socket.close();
  });

  promised([88, 89, 93, 96], "everything comes over the one socket, once, beside the older ones", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, a2, b, older] = [
      await alice.chat(),
      await alice.at(rig().url(1)).chat(),
      await bob.chat(),
      await bob.socket("private"),
    ];
    expect(b.snapshot).toMatchObject({
      more: false,
      streams: [
        { stream: "global", kind: "global", participants: [], others_read_seq: null, unread_count: 0 },
        {
          stream: id,
          kind: "direct",
          head_seq: 0,
          read_seq: 0,
          others_read_seq: 0,
          unread_count: 0,
          last_message: null,
        },
      ],
    });
    expect(b.snapshot.streams[1].participants.map((p: Json) => p.username).sort()).toEqual(
      [alice.name, bob.name].sort(),
    );
    const ack = await a.post(id, "  <i>between</i> us ", "k1");
    expect(ack).toEqual({
      type: "ack",
      client_id: "k1",
      stream: id,
      seq: 1,
      message_id: expect.any(String),
      timestamp: expect.any(String),
      duplicate: false,
    });
    const expected = (own: boolean) => ({
      type: "message", stream: id, seq: 1, prev: 0,
      message: {
        id: ack.message_id, seq: 1, version: 1, sender: { id: alice.id, username: alice.name },
        content: "between us", text: "<i>between</i> us", timestamp: ack.timestamp, ...(own && { client_id: "k1" }),
      },
    }); // prettier-ignore
    const here = (frame: Json) => frame.type === "message" && frame.stream === id;
    expect(await a.next(here)).toEqual(expected(true));
    expect(await a2.next(here)).toEqual(expected(true));
    expect(await b.next(here)).toEqual(expected(false));
    expect((await older.next("private_message")).message.content).toBe("between us");
    const global = await a.post("global", `to all, by ${alice.name}`, "k2");
    const inGlobal = (frame: Json) => frame.type === "message" && frame.message.id === global.message_id;
    expect(await b.next(inGlobal)).toMatchObject({ stream: "global", seq: global.seq, prev: global.seq - 1 });
    for (const own of [a, a2]) expect((await own.next(inGlobal)).message.client_id).toBe("k2");
    await Promise.all([a, a2, b, older].map((socket) => socket.settled()));
    for (const socket of [a, a2, b, older]) expect(socket.frames.filter((f) => here(f) || inGlobal(f))).toEqual([]);
    await done(alice, bob);
  });

  promised([101], "who says nothing for four heartbeats is closed, however alive its network is", async () => {
    const [alice] = (await people(1)) as [Person];
    const socket = new TestSocket(url(), { protocols: [V2, `bearer.${alice.access}`] });
    await socket.opened;
    socket.send({ type: "resume" });
    await socket.next("resumed");
    const from = Date.now();
    expect((await socket.closed).code).toBe(4013);
    expect(Date.now() - from).toBeGreaterThan(1_800);
  });

  promised([90, 104], "reading is told to the other one and to one's own devices, with what is left", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, b, b2] = [await alice.chat(), await bob.chat(), await bob.at(rig().url(1)).chat()];
    for (const text of ["one", "two", "three"]) await a.post(id, text);
    b.send({ type: "read", stream: id, seq: 2 });
    const own = { type: "read", stream: id, user_id: bob.id, seq: 2, unread_count: 1, head_seq: 3 };
    expect([await b.next("read"), await b2.next("read")]).toEqual([own, own]);
    expect(await a.next("read")).toEqual({ type: "read", stream: id, user_id: bob.id, seq: 2 });
    // Never back, never beyond the head; and by REST it is the same.
    b.send({ type: "read", stream: id, seq: 1 });
    expect((await b.next("read")).seq).toBe(2);
    b.send({ type: "read", stream: id, seq: 1_000_000 });
    expect(await b.next("read")).toMatchObject({ seq: 3, unread_count: 0 });
    await b.post(id, "four");
    await call(alice.url, "POST", `/api/chat/conversations/${id}/read/`, {
      token: alice.access,
      body: { up_to: (await alice.get(`/api/chat/conversations/${id}/messages/`)).body.at(-1).id },
    });
    expect(await b.next((frame) => frame.type === "read" && frame.user_id === alice.id)).toMatchObject({ seq: 4 });
    const { streams } = (await alice.chat()).snapshot;
    expect(streams.find((s: Json) => s.stream === id)).toMatchObject({
      read_seq: 4,
      others_read_seq: 3,
      unread_count: 0,
      head_seq: 4,
      last_message: { content: "four", seq: 4 },
    });
    // In the public room: one's own affair. What was said before one came is no news.
    const carol = await Person.signUp(rig().url());
    const before = (await carol.chat()).snapshot.streams[0];
    expect([before.unread_count, before.read_seq]).toEqual([0, before.head_seq]);
    await a.post("global", "news for carol");
    const c = await carol.chat();
    expect(c.snapshot.streams[0].unread_count).toBe(1);
    c.send({ type: "read", stream: "global", seq: c.snapshot.streams[0].head_seq });
    expect(await c.next("read")).toMatchObject({ unread_count: 0, stream: "global" });
    await a.settled();
    expect(a.frames.filter((frame) => frame.user_id === carol.id && frame.type === "read")).toEqual([]);
    await done(alice, bob, carol);
  });

  promised([91, 105], "typing crosses between old and new sockets, in conversations only", async () => {
    const [alice, bob, mallory] = (await people(3)) as [Person, Person, Person];
    const id = await alice.conversationWith(bob);
    const [a, b, old, m] = [await alice.chat(), await bob.chat(), await bob.socket("private"), await mallory.chat()];
    a.send({ type: "typing_start", stream: id });
    expect(await b.next("typing_indicator")).toEqual({
      type: "typing_indicator",
      stream: id,
      user_id: alice.id,
      username: alice.name,
      status: "typing",
    });
    expect(await old.next("typing_indicator")).toMatchObject({ conversation_id: id, status: "typing" });
    old.send({ type: "typing_stop", conversation_id: id });
    expect(await a.next("typing_indicator")).toMatchObject({ stream: id, status: "stopped" });
    for (const stream of [id, crypto.randomUUID(), "global", "nonsense", "00000000-0000-4000-8000-000000000001"]) {
      m.send({ type: "typing_start", stream });
      expect((await m.next("error")).code).toBe("not_found");
      if (stream === "global") continue;
      m.send({ type: "read", stream, seq: 1 });
      expect((await m.next("error")).code).toBe("not_found");
      expect((await m.post(stream, "let me in")).code).toBe("not_found");
    }
    await Promise.all([a.settled(), b.settled()]);
    expect(
      [a, b].flatMap((s) =>
        s.frames.filter((f) => f.type === "message" || (f.user_id === mallory.id && f.type !== "presence_batch")),
      ),
    ).toEqual([]);
    await done(alice, bob, mallory);
  });

  promised(
    [92, 103],
    "a repeat is acknowledged as one; without an id, or with a bad one, nothing is sent",
    async () => {
      const [alice] = (await people(1)) as [Person];
      const a = await alice.chat();
      const ack = await a.post("global", "once", "same");
      expect(await a.post("global", "once", "same")).toEqual({ ...ack, duplicate: true });
      expect((await a.post("global", "another", "same")).code).toBe("idempotency_mismatch");
      for (const client_id of [undefined, "", 5, "x".repeat(65)]) {
        a.send({ type: "send_message", stream: "global", content: "x", client_id });
        expect((await a.next("error")).code).toBe("invalid_field");
      }
      await a.settled();
      expect(a.frames.filter((frame) => frame.type === "message" && frame.message.sender.id === alice.id).length).toBe(
        1,
      );
      expect(await a.pong()).toEqual({
        type: "pong",
        t: expect.any(Number),
        since: expect.any(String),
        heads: { global: ack.seq },
      });
      await done(alice);
    },
  );

  promised([106], "who comes and goes is told in batches", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const b = await bob.chat();
    const of = (who: Person, status: string) => (frame: Json) =>
      frame.type === "presence_batch" &&
      frame.changes.some((change: Json) => change.user_id === who.id && change.status === status);
    const old = await alice.socket("private");
    await b.next(of(alice, "online"));
    const late = await bob.chat();
    expect(late.snapshot.presence.map((p: Json) => p.user_id)).toContain(alice.id);
    await old.close();
    await b.next(of(alice, "offline"));
    await done(alice, bob);
  });

  promised([107], "a session that ends, and an account that is disabled, are told apart from a restart", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const other = await alice.logIn();
    const [a, mine, b] = [await other.chat(), await alice.chat(), await bob.at(rig().url(1)).chat()];
    await other.post("/api/auth/logout/", { refresh: other.refresh });
    expect((await a.closed).code).toBe(4500);
    const late = new TestSocket(url(), { protocols: [V2, `bearer.${other.access}`] });
    expect([4001, 4500]).toContain((await late.closed).code);
    await mine.settled();
    if (rig().name !== "embedded") {
      await rig().sql(`UPDATE users SET disabled_at = now() WHERE id = '${bob.id}'`);
      expect((await b.closed).code).toBe(4501);
    }
    await done(alice);
  });

  promised([108], "a stop says when to come back, and closes over a while", async () => {
    const other = await embeddedRig();
    const alice = await Person.signUp(other.url());
    const sockets = await Promise.all(Array.from({ length: 15 }, () => alice.chat()));
    const closedAt: number[] = [];
    for (const socket of sockets) void socket.closed.then(() => closedAt.push(Date.now()));
    const stopping = other.stop();
    for (const socket of sockets) {
      expect((await socket.closed).code).toBe(4012);
      expect((await socket.next("reconnect")).after_ms).toBeWithin(0, 500);
    }
    await stopping;
    expect(closedAt.at(-1)! - closedAt[0]!).toBeGreaterThan(1_000);
  });
};
