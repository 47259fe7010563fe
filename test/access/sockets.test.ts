/** The table, cell by cell, over sockets: every identity, every frame, every kind of id; then every kind of bad token, in each place. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLIENT_FRAMES, type Endpoint } from "../../src/protocol/frames.ts";
import { call, type ChatSocket, type Json, Person, type TestSocket } from "../support/client.ts";
import type { Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";
import { IDS, type Ids } from "./ids.ts";
import { FRAMES, IDENTITIES, ROUTES, type World } from "./table.ts";
import { badTokens, PLACES } from "./tokens.ts";
import { allThatIs, makeWorld, openSocket, refused } from "./world.ts";

const ENDPOINTS = Object.keys(CLIENT_FRAMES) as Endpoint[];
const cells = ENDPOINTS.flatMap((endpoint) =>
  Object.entries(FRAMES[endpoint]).map(([type, row]) => ({ endpoint, type, row })),
);

test("every frame of the protocol has its row, and no row is of a frame that is gone", () => {
  for (const endpoint of ENDPOINTS)
    expect([endpoint, Object.keys(FRAMES[endpoint]).sort()]).toEqual([
      endpoint,
      Object.keys(CLIENT_FRAMES[endpoint]).sort(),
    ]);
});

describe.skipIf(!haveServices)("who may do what, over sockets and two processes", () => {
  let rig: Rig;
  let world: World;
  beforeAll(async () => {
    ({ rig, world } = await makeWorld());
  }, 60_000);
  afterAll(() => rig.stop());

  /** All the sockets that somebody can have, on a process, told of everything. */
  const listen = async (person: Person, process = 0): Promise<Record<Endpoint, TestSocket>> => {
    const at = person.at(rig.url(process));
    return { global: await at.socket("global"), private: await at.socket("private"), chat: await at.chat() };
  };
  const closeAll = (...sets: Record<Endpoint, TestSocket>[]) =>
    Promise.all(sets.flatMap((sockets) => Object.values(sockets).map((socket) => socket.close())));
  /** The answers to a frame, by what it was sent with; all that was going to come has come. */
  const answersTo = async (socket: TestSocket, frame: object, right: string | null): Promise<Json[]> => {
    socket.frames.length = 0;
    socket.send(frame);
    await socket.settled();
    // A machine may be busy for longer than that.
    if (right) await eventually(() => expect(socket.frames.map(({ type }) => type)).toContain(right));
    return socket.frames.splice(0).filter(isNoPresence);
  };
  /** An error, but for the id that it repeats. */
  const sameFor = (error: Json) => JSON.stringify({ ...error, client_id: undefined });

  for (const { endpoint, type, row } of cells) {
    for (const [who, { person, living }] of Object.entries(IDENTITIES)) {
      const can = living && row.may !== "strangers";
      test(`${endpoint} ${type} by ${who}: ${can ? `yes${row.takes ? `, in a ${row.takes} of theirs` : ""}` : "no"}`, async () => {
        const me = person(world);
        const asks = me ?? world.people.alice;
        const ids: Ids = row.takes ? IDS[row.takes] : { "no id": { id: () => "", fits: () => true } };
        const frameFor = (id: string) => ({ client_id: crypto.randomUUID(), ...row.frame(world, asks, id), type });
        if (!living) {
          const before = await allThatIs(rig);
          for (const { id } of Object.values(ids)) {
            const socket = openSocket(rig.url(), endpoint, me ? PLACES.url(me.access) : {});
            await socket.opened;
            // A stranger's chat socket stays, and is told only that; the frame is on its way before any other is closed.
            socket.send(type === "auth" ? { type: "resume" } : frameFor(id(world, asks)));
            const ending = me || endpoint !== "chat" ? (await socket.closed).code : (await socket.next("error")).code;
            expect(ending).toBe(me || endpoint !== "chat" ? 4001 : "unauthenticated");
            expect(socket.frames).toEqual([]);
            await socket.close();
          }
          expect(await allThatIs(rig)).toBe(before);
          return;
        }
        const mine = await listen(asks);
        // Who takes part where `asks` does not hears on the other process.
        const others = await Promise.all(
          Object.values(world.people)
            .filter(({ id }) => id !== asks.id && id !== world.people.dan.id)
            .map((other) => listen(other, 1)),
        );
        const socket = mine[endpoint];
        const refusals: [string, string][] = [];
        const before = await allThatIs(rig);
        for (const [kind, { id, fits }] of Object.entries(ids)) {
          if (row.takes && fits(world, asks)) continue;
          if (can && !row.takes) continue;
          const frame = frameFor(id(world, asks));
          socket.send(frame);
          const error = await socket.next(({ client_id }) => client_id === frame.client_id);
          expect([kind, error.type, error.code]).toEqual([kind, "error", row.takes ? "not_found" : "forbidden"]);
          refusals.push([kind, sameFor(error)]);
        }
        for (const [kind, error] of refusals) expect([kind, error]).toEqual([kind, refusals[0]![1]]);
        expect(await allThatIs(rig)).toBe(before);
        const listeners = [mine, ...others].flatMap((sockets) => Object.values(sockets));
        await Promise.all(listeners.map((listener) => listener.settled()));
        expect(listeners.flatMap(({ frames }) => frames).filter(isNoPresence)).toEqual([]);
        for (const [kind, { id, fits }] of Object.entries(ids)) {
          if (!can || !fits(world, asks)) continue;
          const answers = await answersTo(socket, frameFor(id(world, asks)), row.right);
          expect([kind, answers.filter(({ type }) => type === "error")]).toEqual([kind, []]);
        }
        await closeAll(mine, ...others);
      });
    }
  }

  for (const endpoint of ENDPOINTS) {
    test(`${endpoint} lets nobody in with a token that is not a genuine one, wherever it comes`, async () => {
      const { bob, carol } = world.people;
      const before = await allThatIs(rig);
      const knocks: [string, () => TestSocket][] = [];
      for (const [kind, token] of [
        ...Object.entries(badTokens(bob)),
        ["an ended session's", world.ended.access],
        ["a disabled user's", world.people.dan.access],
      ] as const) {
        for (const [place, put] of Object.entries(PLACES)) {
          // A subprotocol is a word of ASCII letters; no client sends others.
          if (place === "subprotocol" && /[^!-~]/.test(token)) continue;
          knocks.push([`${kind}, ${place}`, () => openSocket(rig.url(), endpoint, put(token))]);
        }
        if (endpoint !== "chat") continue;
        knocks.push([`${kind}, auth frame`, () => {
          const socket = openSocket(rig.url(), endpoint, {});
          socket.ws.addEventListener("open", () => socket.send({ type: "auth", token }));
          return socket;
        }]); // prettier-ignore
      }
      const ends = await Promise.all(knocks.map(async ([kind, knock]) => {
        const socket = knock();
        const { code } = await socket.closed;
        return [kind, code, socket.frames];
      })); // prettier-ignore
      expect(ends).toEqual(knocks.map(([kind]) => [kind, 4001, []]));
      expect(await allThatIs(rig)).toBe(before);

      // The first place counts, so that a bad token there is not helped by a good one elsewhere.
      const [bad, good] = ["a.b.c", carol.access];
      for (const how of [
        { ...PLACES.authorization(bad), ...PLACES.url(good) },
        { ...PLACES.authorization(bad), ...PLACES.subprotocol(good) },
        { ...PLACES.subprotocol(bad), ...PLACES.url(good) },
      ])
        expect((await openSocket(rig.url(), endpoint, how).closed).code).toBe(4001);
      for (const put of Object.values(PLACES)) {
        const socket = openSocket(rig.url(1), endpoint, put(good));
        await socket.opened;
        await socket.settled();
        await socket.close();
      }
    }, 60_000);
  }

  test("who talks in private is heard by the two alone, on every socket and route of every process", async () => {
    const { alice, bob, mallory } = world.people;
    const [a, b, m, n] = [await listen(alice), await listen(bob, 1), await listen(mallory), await listen(mallory, 1)];
    const secret = `canary-${crypto.randomUUID()}`;
    await a.private.say({ conversation_id: world.theirs, content: secret });
    a.chat.send({ type: "typing_start", stream: world.theirs });
    b.chat.send({ type: "read", stream: world.theirs, seq: 1_000 });
    await b.chat.next((frame) => frame.type === "message" && frame.message.content === secret);
    await b.private.next((frame) => frame.type === "private_message" && frame.message.content === secret);
    const told = [];
    for (const sockets of [m, n]) {
      for (const socket of Object.values(sockets)) {
        await socket.settled();
        told.push(...socket.frames);
      }
      (sockets.chat as ChatSocket).frames.length = 0;
      await (sockets.chat as ChatSocket).resume({ epoch: null, since: null });
      told.push((sockets.chat as ChatSocket).snapshot, ...(sockets.chat as ChatSocket).missed);
    }
    for (const path of ["users/", `users/?search=${secret}`]) told.push((await mallory.get(`/api/auth/${path}`)).body);
    for (const path of ["conversations/", "global/messages/?limit=200"])
      told.push((await mallory.get(`/api/chat/${path}`)).body);
    for (const word of [secret, world.theirs]) expect(JSON.stringify(told)).not.toContain(word);
    await closeAll(a, b, m, n);
  });

  test("a session that ends on one process, or an account that is disabled, is over on all of them, sockets too", async () => {
    const { bob, carol } = world.people;
    const phone = await bob.logIn();
    const session = async (person: Person) => [await listen(person, 0), await listen(person, 1)] as const;
    const refusedEverywhere = async (person: Person) => {
      for (const process of [0, 1]) {
        const at = person.at(rig.url(process));
        await refused(at);
        for (const [route, row] of Object.entries(ROUTES)) {
          if (row.may === "anybody" || row.may === "tokens") continue;
          const [method, path] = route.split(" ") as [string, string];
          const asked = { token: at.access, body: row.body?.(world, person, world.theirs) };
          const { status } = await call(at.url, method, path.replace(/:\w+/, world.theirs), asked);
          expect([route, status]).toEqual([route, 401]);
        }
        for (const endpoint of ENDPOINTS)
          expect((await openSocket(at.url, endpoint, PLACES.url(person.access)).closed).code).toBe(4001);
      }
    };
    const closeCodes = (sockets: Record<Endpoint, TestSocket>) =>
      Promise.all(ENDPOINTS.map(async (name) => [name, (await sockets[name].closed).code]));

    const phones = await session(phone);
    await phone.post("/api/auth/logout/", { refresh: phone.refresh });
    for (const sockets of phones) expect(await closeCodes(sockets)).toEqual([["global", 4001], ["private", 4001], ["chat", 4500]]); // prettier-ignore
    await refusedEverywhere(phone);
    expect((await bob.get("/api/auth/users/")).status).toBe(200);

    const carols = await session(carol);
    await rig.sql(`UPDATE users SET disabled_at = now() WHERE id = '${carol.id}'`);
    for (const sockets of carols) expect(await closeCodes(sockets)).toEqual([["global", 4001], ["private", 4001], ["chat", 4501]]); // prettier-ignore
    await refusedEverywhere(carol);
  }, 60_000);
});

const isNoPresence = ({ type }: Json) => type !== "user_presence" && type !== "presence_batch";
