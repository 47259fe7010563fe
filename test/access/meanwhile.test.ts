/** Between the look at a token and the act there is time, and it can be stretched: what acts asks again, in the same statement. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { Person } from "../support/client.ts";
import type { Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";
import type { World } from "./table.ts";
import { allThatIs, makeWorld, refused } from "./world.ts";

describe.skipIf(!haveServices)("who was let in and is not any more", () => {
  let rig: Rig;
  let world: World;
  beforeAll(async () => {
    ({ rig, world } = await makeWorld());
  }, 60_000);
  afterAll(() => rig.stop());

  /** A request whose head is there and whose body waits; `finish` sends it and gives the answer's first line. */
  async function begin(person: Person, path: string, body: object): Promise<{ finish: () => Promise<string> }> {
    const text = JSON.stringify(body);
    const { hostname, port } = new URL(rig.url());
    const socket = createConnection(Number(port), hostname);
    let answer = "";
    socket.on("data", (data) => (answer += data));
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${person.access}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n{`,
    );
    // It has been let in; were it not, the answer would be here.
    await Bun.sleep(200);
    expect(answer).toBe("");
    return {
      finish: async () => {
        socket.write(text.slice(1));
        await eventually(() => expect(answer).toContain("\r\n\r\n"));
        socket.destroy();
        return answer.split("\r\n")[0]!;
      },
    };
  }

  const over = {
    "is disabled": (person: Person) => rig.sql(`UPDATE users SET disabled_at = now() WHERE id = '${person.id}'`),
    "logs out": (person: Person) => person.post("/api/auth/logout/", { refresh: person.refresh }),
  };
  for (const [what, end] of Object.entries(over)) {
    test(`a request that is held back until its sender ${what} changes nothing`, async () => {
      const { alice } = world.people;
      const eve = await Person.signUp(rig.url());
      const room = await eve.conversationWith(alice);
      const { body: news } = await alice.post(`/api/chat/conversations/${room}/messages/`, { content: "read me" });
      const held = {
        "HTTP/1.1 401 Unauthorized": [
          await begin(eve, `/api/chat/conversations/${room}/messages/`, { content: "one more" }),
          await begin(eve, "/api/chat/global/messages/", { content: "one more for all" }),
        ],
        "HTTP/1.1 404 Not Found": [await begin(eve, `/api/chat/conversations/${room}/read/`, { up_to: news.id })],
        "HTTP/1.1 400 Bad Request": [
          await begin(eve, "/api/chat/conversations/create/", { user_id: world.people.carol.id }),
        ],
      };
      await end(eve);
      const before = await allThatIs(rig);
      for (const [line, requests] of Object.entries(held))
        for (const { finish } of requests) expect(await finish()).toBe(line);
      expect(await allThatIs(rig)).toBe(before);
      await refused(eve);
    });
  }

  test("what waits for its place when its session ends is not stored, nor is what waits behind it", async () => {
    const eve = await Person.signUp(rig.url());
    const room = await eve.conversationWith(world.people.alice);
    const socket = await eve.socket("private");
    const typed = await eve.socket("private");
    // The operator holds the room: a message that comes now waits inside the very statement that stores it.
    await rig.sql("BEGIN");
    await rig.sql(`SELECT FROM heads WHERE room_id = '${room}' FOR UPDATE`);
    for (let i = 0; i < 100; i++) socket.send({ type: "send_private_message", conversation_id: room, content: `${i}` });
    const byRest = eve.post(`/api/chat/conversations/${room}/messages/`, { content: "by REST" });
    await typed.settled();
    const out = await eve.post("/api/auth/logout/", { refresh: eve.refresh });
    await rig.sql("COMMIT");
    expect([out.status, (await byRest).status, (await socket.closed).code]).toEqual([200, 401, 4001]);
    expect(await rig.sql(`SELECT content FROM messages WHERE sender_id = '${eve.id}'`)).toEqual([]);
  });

  test("a process that remembers a member who is none any more shows nothing and stores nothing", async () => {
    const { alice } = world.people;
    const eve = await Person.signUp(rig.url());
    const room = await eve.conversationWith(alice);
    const path = `/api/chat/conversations/${room}/`;
    await alice.post(`${path}messages/`, { content: "for two" });
    expect((await eve.get(`${path}messages/`)).body.length).toBe(1);
    await rig.sql(`DELETE FROM members WHERE room_id = '${room}' AND user_id = '${eve.id}'`);
    const before = await allThatIs(rig);
    expect((await eve.get(`${path}messages/`)).body).toEqual([]);
    expect((await eve.get(path)).status).toBe(404);
    expect((await eve.post(`${path}messages/`, { content: "for two?" })).status).toBe(404);
    expect((await eve.post(`${path}read/`, { up_to: crypto.randomUUID() })).status).toBe(404);
    expect((await eve.chat()).snapshot.streams.map(({ stream }: { stream: string }) => stream)).toEqual(["global"]);
    expect(await allThatIs(rig)).toBe(before);
    await eve.closeAll();
  });
});
