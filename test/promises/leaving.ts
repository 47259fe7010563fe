import { expect } from "bun:test";
import { call, type Json, PASSWORD, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { clusterRig, embeddedRig, startServer } from "../support/server.ts";
import { eventually } from "../support/services.ts";
import { MAIL } from "../support/witness.ts";

export const leaving: PromiseSuite = (promised, rig) => {
  const two = () => Promise.all([0, 1].map((i) => Person.signUp(rig().url(i)))) as Promise<[Person, Person]>;
  const PUBLIC = "/api/chat/global/messages/";
  const of = (id: string) => `/api/chat/conversations/${id}/messages/`;

  promised([185], "a removed account takes all it wrote along, if asked to; its places stay, and everyone is told", async () => {
    const [alice, bob] = await two();
    const carol = await Person.signUp(rig().url());
    const id = await alice.conversationWith(bob);
    for (const word of ["one", "two"]) {
      await alice.post(of(id), { content: `alice ${word}` });
      await alice.post(PUBLIC, { content: `alice ${word}` });
    }
    const [answer, said] = [await bob.post(of(id), { content: "answer" }), await carol.post(PUBLIC, { content: "carol" })];
    const socket = await bob.chat();
    expect((await alice.delete("/api/auth/me/", { password: PASSWORD, erase: "yes" })).status).toBe(400);
    expect((await alice.delete("/api/auth/me/", { password: "another-one-77", erase: true })).status).toBe(400);
    expect((await bob.get(of(id))).body.length).toBe(3);
    expect((await alice.delete("/api/auth/me/", { password: PASSWORD, erase: true })).status).toBe(204);
    await eventually(async () => {
      const told = socket.frames.filter((frame) => frame.type === "message_removed");
      expect(told.map(({ stream }) => stream).sort()).toEqual(["global", "global", id, id].sort());
    });
    expect((await bob.get(of(id))).body.map((message: Json) => message.id)).toEqual([answer.body.id]);
    const all = (await carol.get(`${PUBLIC}?limit=200`)).body;
    expect(all.filter((message: Json) => message.sender.id === alice.id)).toEqual([]);
    expect(all.at(-1).id).toBe(said.body.id);
    await bob.closeAll();
    expect(await rig().sql(`SELECT content FROM messages WHERE sender_id = '${alice.id}'`)).toEqual([]);
    expect((await rig().sql(`SELECT message_seq::int AS seq FROM removals r JOIN members m ON m.room_id = r.room_id AND m.user_id = '${bob.id}' WHERE r.room_id = '${id}' ORDER BY 1`)).map((row) => row.seq)).toEqual([1, 2]); // prettier-ignore
    expect(await rig().sql("SELECT * FROM erasures")).toEqual([]);
    // Without it they stay.
    expect((await carol.delete("/api/auth/me/", { password: PASSWORD })).status).toBe(204);
    expect((await bob.get(`${PUBLIC}?limit=1`)).body).toMatchObject([{ content: "carol" }]);
  }); // prettier-ignore

  promised([186], "one gets all that is one's own, and nothing of others; a few times an hour", async () => {
    const [alice, bob] = await two();
    const id = await alice.conversationWith(bob);
    for (let i = 0; i < 130; i++) await alice.post(of(id), { content: `private ${i}` });
    await bob.post(of(id), { content: "bob's own" });
    const { body: said } = await alice.post(PUBLIC, { content: "a <b>bold</b> word" });
    const { body: gone } = await alice.post(PUBLIC, { content: "taken back" });
    await alice.delete(`${PUBLIC}${gone.id}/`);
    const { status, body, headers } = await alice.get("/api/auth/me/export/");
    expect([status, headers.get("content-disposition")]).toEqual([200, expect.stringContaining("attachment")]);
    expect(Object.keys(body)).toEqual(["account", "sessions", "conversations", "messages"]);
    expect(body.account).toMatchObject({ id: alice.id, username: alice.name, email: expect.stringContaining(MAIL) });
    expect(body.sessions).toMatchObject([{ current: true }]);
    expect(body.conversations).toMatchObject([{ id, partner: { id: bob.id, username: bob.name } }]);
    expect(body.messages[0]).toEqual({ stream: "global", id: said.id, seq: said.seq, content: "a <b>bold</b> word", timestamp: said.timestamp });
    expect(body.messages.slice(1).map((message: Json) => [message.stream, message.content])).toEqual(
      Array.from({ length: 130 }, (_, i) => [id, `private ${i}`]),
    );
    expect(JSON.stringify(body)).not.toContain("bob's own");
    const head = await call(alice.url, "HEAD", "/api/auth/me/export/", { token: alice.access });
    expect([head.status, head.body]).toEqual([200, ""]);
    expect((await call(alice.url, "GET", "/api/auth/me/export/")).status).toBe(401);
    const more = [];
    for (let i = 0; i < 5; i++) more.push((await alice.get("/api/auth/me/export/")).status);
    expect(more).toEqual([200, 200, 200, 200, 429]);
    expect((await bob.get("/api/auth/me/export/")).body.messages).toMatchObject([{ stream: id, content: "bob's own" }]);
  }); // prettier-ignore

  promised([187], "what is older than its room keeps is gone for good, and the rest is as it was", async () => {
    const embedded = rig().name === "embedded";
    const env = { RETENTION_DAYS: "30" };
    const mine = embedded ? await embeddedRig(env) : await clusterRig(env);
    const [alice, bob] = await Promise.all([0, 1].map((i) => Person.signUp(mine.url(i)))) as [Person, Person];
    const id = await alice.conversationWith(bob);
    const ids: number[] = [];
    for (let i = 1; i <= 6; i++) ids.push((await alice.post(PUBLIC, { content: `public ${i}` })).body.id);
    for (let i = 1; i <= 3; i++) await alice.post(of(id), { content: `private ${i}` });
    await alice.delete(`${PUBLIC}${ids[1]}/`);
    const aged = "- interval '31 days'";
    await mine.sql(`UPDATE messages SET sent_at = sent_at ${aged} WHERE room_id = '${id}' OR seq <= 4`);
    await mine.sql(`UPDATE removals SET sent_at = sent_at ${aged}`);
    // At its start, as every hour.
    const third = embedded ? null : await startServer(mine.env);
    await eventually(async () => expect((await bob.get(`${PUBLIC}?limit=200`)).body.map((m: Json) => m.content)).toEqual(["public 5", "public 6"])); // prettier-ignore
    const latest = await bob.get(`${PUBLIC}?limit=1`);
    expect([latest.body[0].id, latest.headers.get("link")]).toEqual([ids[5], expect.stringMatching(/rel="prev"$/)]);
    expect((await bob.get(`${PUBLIC}?before=${ids[5]}`)).headers.get("link")).not.toContain("prev");
    expect((await bob.get(`${PUBLIC}?after=2020-01-01T00:00:00Z&limit=1`)).body).toMatchObject([{ content: "public 5" }]);
    expect((await bob.get(`${PUBLIC}?before=${ids[0]}`)).body.code).toBe("invalid_field");
    expect((await bob.get(`/api/chat/conversations/${id}/`)).body).toMatchObject({
      conversation: { unread_count: 3 }, messages: [{ content: "private 1" }, {}, {}],
    });
    const socket = await bob.chat();
    const { seq } = await socket.post("global", "next");
    expect([seq, (await socket.next("message")).prev]).toEqual([8, 7]);
    const room = { unread_count: 2, head_seq: 7 };
    expect(socket.snapshot.streams[0]).toMatchObject(room);
    await bob.closeAll();
    await third?.kill();
    await mine.stop();
  }); // prettier-ignore
};
