import { expect } from "bun:test";
import { call, type Json, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const removal: PromiseSuite = (promised, rig) => {
  const two = () => Promise.all([0, 1].map((i) => Person.signUp(rig().url(i)))) as Promise<[Person, Person]>;
  const path = (stream: string) => `/api/chat/${stream === "global" ? "global" : `conversations/${stream}`}/messages/`;
  const say = async (who: Person, stream: string, content: string): Promise<Json> =>
    (await who.post(path(stream), { content })).body;
  const contents = async (who: Person, stream: string, query = "?limit=3") =>
    (await who.get(path(stream) + query)).body.map((message: Json) => message.content);
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));

  promised([180], "one removes one's own message, again is fine; another's and an absent one are not found", async () => {
    const [alice, bob] = await two();
    const id = await alice.conversationWith(bob);
    for (const stream of ["global", id]) {
      const message = await say(alice, stream, "mine");
      const url = `${path(stream)}${message.id}/`;
      expect((await bob.delete(url)).body.code).toBe("not_found");
      expect((await call(rig().url(), "DELETE", url)).status).toBe(401);
      expect(await contents(bob, stream, "?limit=1")).toEqual(["mine"]);
      const head = async () => {
        const socket = await bob.chat();
        await socket.close();
        return socket.snapshot.streams.find((shown: Json) => shown.stream === stream).head_seq as number;
      };
      const before = await head();
      for (const who of [alice, alice.at(rig().url(1)), alice]) expect((await who.delete(url)).status).toBe(204);
      // Twice more, but one event.
      expect(await head()).toBe(before + 1);
      expect((await alice.delete(`${path(stream)}${stream === "global" ? 999_999_999 : crypto.randomUUID()}/`)).status).toBe(404); // prettier-ignore
    }
    expect(await rig().sql(`SELECT content FROM messages WHERE sender_id = '${alice.id}'`)).toEqual([]);
    const leaver = await alice.logIn();
    const last = await say(alice, id, "stays");
    await leaver.post("/api/auth/logout/", { refresh: leaver.refresh });
    expect((await leaver.delete(`${path(id)}${last.id}/`)).status).toBe(401);
    expect(await contents(bob, id, "?limit=1")).toEqual(["stays"]);
  }); // prettier-ignore

  promised(
    [181],
    "everyone in the room is told on the one socket, by an event with a number of its own; the older sockets say nothing",
    async () => {
      const [alice, bob] = await two();
      const stranger = await Person.signUp(rig().url(1));
      const id = await alice.conversationWith(bob);
      for (const stream of ["global", id]) {
        const sockets = await Promise.all([alice.chat(), bob.chat()]);
        const outside = await stranger.chat();
        const old = await Promise.all([bob.socket("global"), bob.socket("private")]);
        const first = await say(alice, stream, "first");
        await alice.delete(`${path(stream)}${first.id}/`);
        const second = await say(alice, stream, "second");
        expect(second.seq).toBe(first.seq + 2);
        if (stream === "global") expect(second.id).toBe(first.id + 2);
        for (const socket of sockets) {
          const removed = await socket.next("message_removed");
          expect(removed).toEqual({
            type: "message_removed",
            stream,
            seq: first.seq + 1,
            prev: expect.any(Number),
            message_id: first.id,
          });
          // A process that learned of both from the database has nothing to tell of the message.
          const wasTold = socket.frames.some((frame) => frame.message?.content === "first");
          expect(wasTold ? removed.prev === first.seq : removed.prev < first.seq).toBe(true);
          expect((await socket.next((frame) => frame.message?.content === "second")).prev).toBe(first.seq + 1);
        }
        const shows = stream === "global" ? old[0] : old[1];
        await shows.next((frame) => frame.message?.content === "second");
        expect(old.flatMap(({ frames }) => frames.filter((frame) => /remov|error/.test(frame.type)))).toEqual([]);
        await outside.pong();
        expect(outside.frames.some((frame) => frame.type === "message_removed")).toBe(stream === "global");
        await done(alice, bob, stranger);
      }
    },
  );

  promised([182], "REST leaves it out: pages, the last message, what is unread; its id is still a cursor", async () => {
    const [alice, bob] = await two();
    const id = await alice.conversationWith(bob);
    const [one, two_, three] = [await say(alice, id, "one"), await say(alice, id, "two"), await say(alice, id, "three")];
    await alice.delete(`${path(id)}${three.id}/`);
    const conversation = async (who: Person) => (await who.get(`/api/chat/conversations/${id}/`)).body;
    const seen = await conversation(bob);
    expect(seen.messages.map((message: Json) => message.content)).toEqual(["one", "two"]);
    expect(seen.conversation).toMatchObject({
      unread_count: 2,
      head_seq: 4,
      updated_at: three.timestamp,
      last_message: { content: "two", timestamp: two_.timestamp, sender_id: alice.id },
    });
    const latest = await bob.get(`${path(id)}?limit=1`);
    expect([latest.body[0].content, latest.headers.get("link")]).toEqual(["two", expect.not.stringContaining("next")]);
    expect(await contents(bob, id, `?before=${three.id}`)).toEqual(["one", "two"]);
    expect(await contents(bob, id, `?after=${three.id}`)).toEqual([]);
    await alice.delete(`${path(id)}${one.id}/`);
    expect(await contents(bob, id, `?after=${one.id}`)).toEqual(["two"]);
    expect((await bob.get(`${path(id)}?before=${two_.id}`)).body).toEqual([]);
    const read = await bob.post(`/api/chat/conversations/${id}/read/`, { message_ids: [one.id, two_.id, three.id] });
    expect([read.status, (await conversation(bob)).conversation.unread_count]).toEqual([200, 0]);
    expect((await conversation(alice)).messages).toMatchObject([{ content: "two", is_read: true, version: 2 }]);
    await alice.delete(`${path(id)}${two_.id}/`);
    expect(await conversation(bob)).toMatchObject({ messages: [], conversation: { last_message: null } });
  }); // prettier-ignore

  promised([183], "who was away is told of the removal, not of what was removed", async () => {
    const [alice, bob] = await two();
    const id = await alice.conversationWith(bob);
    const known = await say(alice, id, "known");
    const socket = await bob.chat();
    const { epoch } = socket.hello;
    const { since } = socket.resumed;
    await bob.closeAll();
    const gone = await say(alice, id, "gone");
    const kept = await say(alice, id, "kept");
    for (const { id: message } of [gone, known]) await alice.delete(`${path(id)}${message}/`);
    const back = await bob.at(rig().url(0)).chat({ epoch, since });
    const mine = back.missed.filter((frame) => frame.stream === id);
    expect(mine.map(({ type, seq, prev, message_id, message }) => [type, seq, prev, message_id ?? message.id])).toEqual([
      ["message", 3, 0, kept.id],
      ["message_removed", 4, 3, gone.id],
      ["message_removed", 5, 4, known.id],
    ]);
    expect(back.resumed.streams[id]).toEqual({ complete: true, head_seq: 5 });
    expect(JSON.stringify(back.missed)).not.toContain("gone");
    expect(back.snapshot.streams.find((shown: Json) => shown.stream === id)).toMatchObject({
      unread_count: 1,
      head_seq: 5,
      last_message: { id: kept.id, seq: 3, content: "kept" },
    });
    back.send({ type: "read", stream: id, seq: 5 });
    expect(await back.next("read")).toMatchObject({ seq: 5, unread_count: 0, head_seq: 5 });
    await back.close();
  }); // prettier-ignore

  promised([184], "a send whose message was removed is a repeat all the same, and is not stored again", async () => {
    const [alice, bob] = await two();
    const id = await alice.conversationWith(bob);
    for (const stream of ["global", id]) {
      const socket = await alice.chat();
      const { message_id, seq, timestamp } = await socket.post(stream, "once", `once ${stream}`);
      await alice.delete(`${path(stream)}${message_id}/`);
      expect(await socket.post(stream, "once", `once ${stream}`)).toMatchObject({ duplicate: true, message_id, seq, timestamp });
      expect((await socket.post(stream, "other", `once ${stream}`)).code).toBe("idempotency_mismatch");
      const again = await call(alice.url, "POST", path(stream), {
        token: alice.access, body: { content: "once" }, headers: { "Idempotency-Key": `once ${stream}` },
      });
      expect([again.status, again.body]).toMatchObject([200, { duplicate: true, id: message_id, version: seq }]);
      // Side by side as well, where the general way is taken.
      const answers = await Promise.all([socket.post(stream, "once", `once ${stream}`), socket.post(stream, "new", `new ${stream}`)]);
      expect(answers.map(({ duplicate }) => duplicate)).toEqual([true, false]);
      expect(await contents(bob, stream, "?limit=1")).toEqual(["new"]);
      await alice.closeAll();
    }
  }); // prettier-ignore
};
