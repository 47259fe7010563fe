import { expect } from "bun:test";
import { type Json, Person, TestSocket } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const history: PromiseSuite = (promised, rig) => {
  promised([42, 44, 47, 55, 56, 57], "history is read in pages, by ids and by times, in both rooms", async () => {
    const [alice, bob] = await Promise.all([Person.signUp(rig().url()), Person.signUp(rig().url(1))]);
    const conversation = await alice.conversationWith(bob);
    const sockets = { global: await alice.socket("global"), private: await alice.socket("private") };
    for (const [room, path] of [
      ["private", `/api/chat/conversations/${conversation}/messages/`],
      ["global", "/api/chat/global/messages/"],
    ] as const) {
      const sent: Json[] = [];
      for (let i = 0; i < 12; i++) {
        sent.push(
          await sockets[room].say({
            content: `${room} ${i} of ${alice.name}`,
            ...(room === "private" && { conversation_id: conversation }),
          }),
        );
        await Bun.sleep(3);
      }
      const ids = sent.map((m) => m.id);
      const page = async (query: string) => {
        const answer = await bob.get(path + query);
        expect([query, answer.status]).toEqual([query, 200]);
        const links = Object.fromEntries(
          [...(answer.headers.get("link") ?? "").matchAll(/<([^>]+)>; rel="(\w+)"/g)].map((m) => [m[2]!, m[1]!]),
        );
        return { ids: answer.body.map((m: Json) => m.id), links, body: answer.body };
      };
      const latest = await page("?limit=4");
      expect(latest.ids).toEqual(ids.slice(8));
      expect([latest.links.next, typeof latest.links.prev]).toEqual([undefined, "string"]);
      const older = await page(new URL(latest.links.prev!).search);
      expect(older.ids).toEqual(ids.slice(4, 8));
      expect((await page(new URL(older.links.next!).search)).ids).toEqual(ids.slice(8));
      expect((await page(`?before=${ids[4]}&limit=3`)).ids).toEqual(ids.slice(1, 4));
      expect((await page(`?after=${ids[4]}&limit=3`)).ids).toEqual(ids.slice(5, 8));
      expect((await page(`?after=${ids[2]}&before=${ids[9]}&limit=3`)).ids).toEqual(ids.slice(3, 6));
      // Nothing is between these two, though there is more around them.
      expect((await page(`?after=${ids[2]}&before=${ids[3]}`)).ids).toEqual([]);
      const between = await page(`?after=${ids[2]}&before=${ids[5]}`);
      expect([between.ids, between.links.next]).toEqual([ids.slice(3, 5), undefined]);
      const after = await page(`?after=${ids[4]}&limit=3`);
      expect((await page(new URL(after.links.prev!).search)).ids.at(-1)).toBe(ids[4]);
      expect((await page(new URL(after.links.next!).search)).ids).toEqual(ids.slice(8, 11));
      const [second, sixth] = [sent[2].timestamp, sent[6].timestamp];
      expect((await page(`?after=${second}&before=${sixth}`)).ids).toEqual(ids.slice(3, 6));
      expect((await page(`?after=${encodeURIComponent(second.replace("Z", "+00:00"))}&limit=1`)).ids).toEqual([ids[3]]);
      expect((await page(`?before=${sixth.replace("Z", "000+00:00")}&limit=1`)).ids).toEqual([ids[5]]);
      expect((await page(`?before=${sixth.replace("Z", "001Z")}&limit=1`)).ids).toEqual([ids[6]]);
      expect((await page(`?after=${ids.at(-1)}`)).ids).toEqual([]);
      expect((await page("?limit=200000")).ids.slice(-12)).toEqual(ids);
      expect(latest.body.map((m: Json) => m.timestamp)).toEqual(sent.slice(8).map((m) => m.timestamp));
      for (const bad of [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=",
        "before=nonsense",
        `before=${crypto.randomUUID()}`,
        "after=99999999",
        "before=2026-13-45T00:00:00Z",
        "before=2026-02-30T00:00:00Z",
        "after=2026-04-31T00:00",
        "before=0000-01-01T00:00:00Z",
        "before=9999-12-31T23:59:59-14:00",
        "after=9999-12-31T23:59:59.999Z",
        "before=0001-01-01T00:00:00%2B14:00",
      ]) {
        const { status, body } = await bob.get(`${path}?${bad}`);
        expect([bad, status, body.code]).toEqual([bad, 400, "invalid_field"]);
      }
      if (room === "global") {
        expect(Object.keys(latest.body[0]).sort()).toEqual([
          "content",
          "id",
          "sender",
          "seq",
          "stream",
          "timestamp",
          "version",
        ]);
        expect(ids.every((id, i) => Number.isInteger(id) && (i === 0 || id > ids[i - 1]))).toBe(true);
        const { status } = await bob.get(
          `${path}?before=${(await bob.get(`/api/chat/conversations/${conversation}/messages/?limit=1`)).body[0].id}`,
        );
        expect(status).toBe(400);
      }
    }
    await alice.closeAll();
  });

  promised([56, 44], "fifty come by default and two hundred at most", async () => {
    const alice = await Person.signUp(rig().url());
    const socket = await alice.socket("global");
    for (let at = 0; at < 210; at += 30) {
      for (let i = at; i < at + 30; i++) socket.send({ type: "send_global_message", content: `many ${i}` });
      await socket.next((frame) => frame.message?.content === `many ${at + 29}`);
    }
    expect((await alice.get("/api/chat/global/messages/")).body.length).toBe(50);
    expect((await alice.get("/api/chat/global/messages/?limit=201")).body.map((m: Json) => m.content)).toEqual(
      Array.from({ length: 200 }, (_, i) => `many ${i + 10}`),
    );
    await alice.closeAll();
  });

  promised([77, 78], "content comes without markup, and otherwise as typed, wherever it is read", async () => {
    const [alice, bob] = await Promise.all([Person.signUp(rig().url()), Person.signUp(rig().url(1))]);
    const id = await alice.conversationWith(bob);
    const [a, b]: TestSocket[] = [await alice.socket("private"), await bob.socket("private")];
    const typed: [string, string][] = [
      ["a < b && c", "a < b && c"],
      ["I <3 you", "I <3 you"],
      ["&lt;b&gt; & <b>bold</b>", "&lt;b&gt; & bold"],
      ["x<script>alert(1)</script>y<style>p{}</style>z", "xyz"],
      ["<<b>script>alert(1)", "script>alert(1)"],
      ["one <!-- two > three", "one  three"],
      ["end <img src=x onerror=alert(1)", "end"],
      ["👩‍👩‍👧 é \t tab\nline", "👩‍👩‍👧 é \t tab\nline"],
    ];
    for (const [input, output] of typed) {
      a!.send({ type: "send_private_message", conversation_id: id, content: `  ${input}  ` });
      const frame = await b!.next("private_message");
      expect(frame.message.content.trimEnd()).toBe(output);
      const [stored] = (await bob.get(`/api/chat/conversations/${id}/messages/?limit=1`)).body;
      expect(stored.content).toBe(frame.message.content);
    }
    for (const nothing of ["<b></b>", "<script>alert(1)</script>", " \n\t "]) {
      a!.send({ type: "send_private_message", conversation_id: id, content: nothing });
      expect((await a!.next("error")).code).toBe("empty");
    }
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  });
};
