import { expect } from "bun:test";
import { type Json, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const conversations: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));

  promised([38, 39, 40, 41, 45, 46, 52], "a conversation is the same by every way to it, for both", async () => {
    const [alice, bob] = (await people(2)) as [Person, Person];
    const created = await alice.post("/api/chat/conversations/create/", { user_id: bob.id });
    expect([created.status, Object.keys(created.body).sort()]).toEqual([200, ["conversation", "messages"]]);
    const { conversation } = created.body;
    expect(Object.keys(conversation).sort()).toEqual([
      "created_at",
      "head_seq",
      "id",
      "last_message",
      "participants",
      "read_seq",
      "unread_count",
      "updated_at",
    ]);
    expect([conversation.last_message, conversation.unread_count, conversation.updated_at]).toEqual([
      null,
      0,
      conversation.created_at,
    ]);
    expect(conversation.participants.map((user: Json) => user.id).sort()).toEqual([alice.id, bob.id].sort());
    expect(created.body.messages).toEqual([]);

    const socket = await alice.socket("private");
    const sent = [];
    for (let i = 0; i < 51; i++)
      sent.push(await socket.say({ conversation_id: conversation.id, content: `${i} ${"long ".repeat(30)}`.trim() }));
    const ways = [
      await bob.get(`/api/chat/conversations/${conversation.id}/`),
      await bob.get(`/api/chat/conversations/user/${alice.id}/`),
      await bob.post("/api/chat/conversations/create/", { user_id: alice.id }),
    ];
    for (const { status, body } of ways) {
      expect([status, body.conversation.id, body.conversation.unread_count]).toEqual([200, conversation.id, 51]);
      expect(body.messages.map((m: Json) => m.id)).toEqual(sent.slice(1).map((m) => m.id));
    }
    const { conversation: seen, messages } = ways[0]!.body;
    const last = sent.at(-1)!;
    expect(seen.updated_at).toBe(last.timestamp);
    expect(seen.last_message).toEqual({
      content: last.content.slice(0, 100),
      timestamp: last.timestamp,
      sender_id: alice.id,
    });
    expect(Object.keys(messages[0]).sort()).toEqual([
      "content",
      "conversation",
      "conversation_id",
      "id",
      "is_read",
      "sender",
      "seq",
      "stream",
      "timestamp",
      "version",
    ]);
    expect([messages[0].conversation, messages[0].conversation_id, messages[0].sender.username]).toEqual([
      conversation.id,
      conversation.id,
      alice.name,
    ]);
    expect(messages[0].id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    const list = await bob.get("/api/chat/conversations/");
    expect([list.status, list.body.results]).toEqual([200, [seen]]);
    await alice.closeAll();
  });

  promised([43, 48, 53], "a read mark rises to the newest message named, and never falls", async () => {
    const [alice, bob, carol] = (await people(3)) as [Person, Person, Person];
    const id = await alice.conversationWith(bob);
    const elsewhere = await alice.conversationWith(carol);
    const [a, c] = [await alice.socket("private"), await carol.socket("private")];
    const sent = [];
    for (let i = 0; i < 4; i++) sent.push(await a.say({ conversation_id: id, content: `m${i}` }));
    // Its place there is higher than any here.
    for (let i = 0; i < 8; i++) await c.say({ conversation_id: elsewhere, content: `filler ${i}` });
    const foreign = await c.say({ conversation_id: elsewhere, content: "foreign" });
    const read = (body: object, who = bob) => who.post(`/api/chat/conversations/${id}/read/`, body);
    const state = async () => {
      const { body } = await alice.at(rig().url(1)).get(`/api/chat/conversations/${id}/messages/`);
      return [
        body.map((m: Json) => m.is_read),
        (await bob.get(`/api/chat/conversations/${id}/`)).body.conversation.unread_count,
      ];
    };
    expect(await state()).toEqual([[false, false, false, false], 4]);
    // One's own messages are not unread, and reading them oneself is not reading by the other.
    expect((await alice.get(`/api/chat/conversations/${id}/`)).body.conversation.unread_count).toBe(0);
    expect((await read({ up_to: sent[3].id }, alice)).status).toBe(200);
    expect(await state()).toEqual([[false, false, false, false], 4]);
    expect((await read({ message_ids: [sent[1].id, sent[0].id, foreign.id, crypto.randomUUID()] })).status).toBe(200);
    expect(await state()).toEqual([[true, true, false, false], 2]);
    expect((await read({ up_to: sent[0].id })).status).toBe(200);
    expect((await read({ message_ids: [foreign.id] })).status).toBe(200);
    expect(await state()).toEqual([[true, true, false, false], 2]);
    expect((await read({ up_to: sent[3].id.toUpperCase() })).status).toBe(200);
    expect(await state()).toEqual([[true, true, true, true], 0]);
    for (const bad of [
      { message_ids: [] },
      { message_ids: [], up_to: sent[0].id },
      { message_ids: ["nonsense"] },
      { up_to: 7 },
      {},
      { message_ids: Array(501).fill(sent[0].id) },
    ]) {
      expect([(await read(bad)).status, (await read(bad, carol)).status]).toEqual([400, 400]);
    }
    expect((await read({ up_to: sent[0].id }, carol)).status).toBe(404);
    // One's own mark covers the other's messages, not one's own.
    const fresh = await (await bob.socket("private")).say({ conversation_id: id, content: "from bob" });
    expect((await bob.get(`/api/chat/conversations/${id}/`)).body.messages.at(-1)).toMatchObject({
      id: fresh.id,
      is_read: false,
    });
    expect((await read({ up_to: fresh.id }, alice)).status).toBe(200);
    expect((await bob.get(`/api/chat/conversations/${id}/`)).body.messages.at(-1).is_read).toBe(true);
    await Promise.all([alice.closeAll(), bob.closeAll(), carol.closeAll()]);
  });

  promised([49, 54], "the list has the latest activity first, and pages that can be are there", async () => {
    const [me, ...others] = (await people(6)) as [Person, ...Person[]];
    const ids: string[] = [];
    for (const other of others) ids.push(await me.conversationWith(other));
    const socket = await others[1]!.socket("private");
    await socket.say({ conversation_id: ids[1]!, content: "bump" });
    const list = (query = "") => me.get(`/api/chat/conversations/${query}`);
    const order = [ids[1], ids[4], ids[3], ids[2], ids[0]];
    expect((await list()).body.results.map((c: Json) => [c.id, c.unread_count])).toEqual(
      order.map((id) => [id, id === ids[1] ? 1 : 0]),
    );
    const [one, two, three] = [
      await list("?page_size=2"),
      await list("?page_size=2&page=2"),
      await list("?page_size=2&page=3"),
    ];
    expect([one, two, three].flatMap(({ body }) => body.results.map((c: Json) => c.id))).toEqual(order);
    expect([one.body.count, one.body.previous, three.body.next]).toEqual([5, null, null]);
    expect(one.body.next).toBe(`${me.url}/api/chat/conversations/?page_size=2&page=2`);
    expect(two.body.previous).toBe(`${me.url}/api/chat/conversations/?page_size=2&page=1`);
    for (const bad of [
      "?page=0",
      "?page=-1",
      "?page=x",
      "?page=4&page_size=2",
      "?page_size=0",
      "?page_size=101",
      "?page=1.5",
    ])
      expect([bad, (await list(bad)).status]).toEqual([bad, 404]);
    const nobody = await Person.signUp(rig().url());
    expect((await nobody.get("/api/chat/conversations/?page=1")).body).toEqual({
      count: 0,
      next: null,
      previous: null,
      results: [],
    });
    await others[1]!.closeAll();
  });

  promised([50, 51], "two people have one conversation, and nobody has one with oneself or with nobody", async () => {
    const [alice, bob, gone] = (await people(3)) as [Person, Person, Person];
    const ten = await Promise.all(
      Array.from({ length: 10 }, (_, i) => {
        const [from, to] = i % 2 ? [alice, bob] : [bob, alice];
        return from.at(rig().url(i >> 1)).post("/api/chat/conversations/create/", { user_id: to.id });
      }),
    );
    expect(new Set(ten.map(({ status, body }) => `${status} ${body.conversation.id}`)).size).toBe(1);
    expect((await alice.get("/api/chat/conversations/")).body.count).toBe(1);
    await rig().sql(`UPDATE users SET disabled_at = now() WHERE id = '${gone.id}'`);
    const create = async (user_id: unknown) =>
      (await alice.post("/api/chat/conversations/create/", { user_id })).status;
    const byPath = async (id: string) => (await alice.get(`/api/chat/conversations/user/${id}/`)).status;
    const nobody = crypto.randomUUID();
    expect(await Promise.all([alice.id, nobody, gone.id, "nonsense", 7, undefined].map(create))).toEqual([
      400, 400, 400, 400, 400, 400,
    ]);
    expect(await Promise.all([alice.id, nobody, gone.id, "nonsense"].map(byPath))).toEqual([400, 404, 404, 404]);
    expect((await alice.get("/api/chat/conversations/")).body.count).toBe(1);
  });
};
