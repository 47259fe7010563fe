import { expect } from "bun:test";
import { type Json, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";

export const frames: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));

  promised(
    [11, 66, 68, 69],
    "what is wrong with a frame is told, stores nothing, and the next good one works",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const id = await alice.conversationWith(bob);
      const rooms = [
        {
          socket: await alice.socket("private"),
          frame: { type: "send_private_message", conversation_id: id },
          path: `/api/chat/conversations/${id}/messages/`,
        },
        {
          socket: await alice.socket("global"),
          frame: { type: "send_global_message" },
          path: "/api/chat/global/messages/",
        },
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
          [
            { type: frame.type === "send_global_message" ? "typing_start" : "send_global_message", content: "x" },
            "unknown_type",
          ],
        ];
        for (const [input, code] of bad) {
          socket.send(input);
          const error = await socket.next("error");
          expect([input, error.code, Object.keys(error).sort()]).toEqual([
            input,
            code,
            error.client_id === undefined ? ["code", "detail", "type"] : ["client_id", "code", "detail", "type"],
          ]);
        }
        expect((await alice.get(path)).body).toEqual(before);
        const longest = "😀".repeat(2_000);
        expect(
          (await socket.say({ content: longest, ...("conversation_id" in frame && { conversation_id: id }) })).content,
        ).toBe(longest);
      }
      await done(alice, bob);
    },
  );

  promised([70], "binary frames and frames that are too big close the socket", async () => {
    const alice = await Person.signUp(rig().url());
    const [binary, big, huge] = [
      await alice.socket("global"),
      await alice.socket("global"),
      await alice.socket("global"),
    ];
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
    expect(
      (await bob.get(`/api/chat/conversations/${id}/messages/?limit=60`)).body.map((m: Json) => m.content),
    ).toEqual(expected);
    await done(alice, bob);
  });

  promised(
    [79, 80],
    "a client_id is stored once, however often it is sent, and is the sender's own business",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const id = await alice.conversationWith(bob);
      for (const endpoint of ["private", "global"] as const) {
        const [a, a2, b] = [
          await alice.socket(endpoint),
          await alice.at(rig().url(1)).socket(endpoint),
          await bob.socket(endpoint),
        ];
        const frame = {
          content: `once in ${endpoint}`,
          client_id: `id-${endpoint}`,
          ...(endpoint === "private" && { conversation_id: id }),
        };
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
    },
  );
};
