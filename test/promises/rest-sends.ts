import { expect } from "bun:test";
import { call, type Json, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const restSends: PromiseSuite = (promised, rig) => {
  const post = (who: Person, path: string, content: unknown, key?: string, i = 0) =>
    call(rig().url(i), "POST", path, {
      token: who.access,
      body: { content },
      headers: key === undefined ? {} : { "Idempotency-Key": key },
    });

  promised([81, 82, 83], "a send over REST is a send, and its key makes it safe to repeat", async () => {
    const [alice, bob, mallory] = await Promise.all([
      Person.signUp(rig().url()),
      Person.signUp(rig().url(1)),
      Person.signUp(rig().url()),
    ]);
    const id = await alice.conversationWith(bob);
    for (const [endpoint, path, type] of [
      ["private", `/api/chat/conversations/${id}/messages/`, "private_message"],
      ["global", "/api/chat/global/messages/", "global_message"],
    ] as const) {
      const [a, b] = [await alice.socket(endpoint), await bob.socket(endpoint)];
      const sent = await post(alice, path, "  over <b>REST</b>  ", "key-1");
      expect([sent.status, sent.body.content, sent.body.text, sent.body.sender.id, sent.body.duplicate]).toEqual([
        201,
        "over REST",
        "over <b>REST</b>",
        alice.id,
        undefined,
      ]);
      expect([sent.body.stream, sent.body.version]).toEqual([endpoint === "global" ? "global" : id, sent.body.seq]);
      const { message } = await b.next(type);
      expect([message.id, message.content, message.timestamp, message.client_id]).toEqual([
        sent.body.id,
        "over REST",
        sent.body.timestamp,
        undefined,
      ]);
      const own = await a.next((f) => f.message?.id === sent.body.id);
      expect([own.type, own.message.client_id]).toEqual([
        endpoint === "global" ? "global_message" : "private_message_sent",
        "key-1",
      ]);
      const { body } = await alice.get(`${path}?limit=1`);
      expect(body).toEqual([sent.body]);

      const repeats = await Promise.all(
        Array.from({ length: 10 }, (_, i) => post(alice, path, "over <b>REST</b>", "key-1", i)),
      );
      for (const repeat of repeats)
        expect([repeat.status, repeat.body]).toEqual([200, { ...sent.body, duplicate: true }]);
      // The socket's client_id and the key are one space.
      expect(
        (
          await a.say({
            content: "over REST",
            client_id: "key-2",
            ...(endpoint === "private" && { conversation_id: id }),
          })
        ).client_id,
      ).toBe("key-2");
      expect((await post(alice, path, "over REST", "key-2", 1)).status).toBe(200);
      const other = await post(alice, path, "another", "key-1");
      expect([other.status, other.body.code]).toEqual([409, "idempotency_mismatch"]);
      // Another person's key is another key; ten at once are one message.
      const ten = await Promise.all(Array.from({ length: 10 }, (_, i) => post(bob, path, "raced", "key-1", i)));
      expect(ten.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
      expect(new Set(ten.map(({ body: one }) => one.id)).size).toBe(1);
      const list: Json[] = (await alice.get(`${path}?limit=3`)).body;
      expect(list.map((m) => m.content)).toEqual(["over REST", "over REST", "raced"]);
      expect(list.map((m) => m.seq)).toEqual([sent.body.seq, sent.body.seq + 1, sent.body.seq + 2]);

      for (const [content, key, code] of [
        ["", "k", "empty"],
        ["x".repeat(2_001), "k", "too_long"],
        [7, "k", "invalid_field"],
        [undefined, "k", "invalid_field"],
        ["x", "k".repeat(65), "invalid_field"],
        ["a\0b", "k", "invalid_field"],
      ] as const) {
        const { status, body: refusal } = await post(alice, path, content, key);
        expect([content, status, refusal.code]).toEqual([content, 400, code]);
      }
    }
    for (const foreign of [id, crypto.randomUUID(), "nonsense", "00000000-0000-4000-8000-000000000001"]) {
      expect((await post(mallory, `/api/chat/conversations/${foreign}/messages/`, "let me in")).status).toBe(404);
    }
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  });
};
