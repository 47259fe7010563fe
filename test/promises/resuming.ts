import { expect } from "bun:test";
import { Heads } from "../../src/realtime/heads.ts";
import { createPublisher } from "../../src/realtime/publisher.ts";
import { createResume } from "../../src/realtime/resume.ts";
import { openConnection, type Socket, Sockets } from "../../src/realtime/sockets.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { type ChatSocket, type Json, Person } from "../support/client.ts";
import type { PromiseSuite } from "../support/promise.ts";
import { eventually, silent } from "../support/services.ts";

export const resuming: PromiseSuite = (promised, rig) => {
  const people = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => Person.signUp(rig().url(i))));
  const done = (...who: Person[]) => Promise.all(who.map((person) => person.closeAll()));
  const contents = (frames: Json[]) => frames.map((frame) => frame.message.content);

  promised(
    [94, 95, 97, 100],
    "who comes back anywhere, with one cursor, misses nothing; a cursor grows by pongs too",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const id = await alice.conversationWith(bob);
      const [a, b] = [await alice.chat(), await bob.chat()];
      await a.post(id, "seen");
      await b.next((frame) => frame.type === "message" && frame.stream === id);
      const { epoch } = b.hello;
      const first = b.resumed.since;
      // A pong's cursor is newer within two looks, and covers what was sent before it.
      const since = await eventually(async () => {
        const pong = await b.pong();
        if (pong.since === first) throw new Error("the cursor does not move");
        return pong.since;
      });
      await a.post(id, "also seen");
      await b.next((frame) => frame.type === "message" && frame.message.content === "also seen");
      expect((await b.pong()).heads).toMatchObject({ [id]: 2 });
      expect((await b.pong()).heads).toEqual({});
      await b.close();
      const mine = [];
      for (let i = 0; i < 5; i++)
        mine.push(await a.post(id, `missed ${i}`), await a.post("global", `missed too ${i}, ${id}`));
      const third = await Person.signUp(rig().url());
      const fresh = await third.conversationWith(bob);
      const c = await third.chat();
      await c.post(fresh, "hello, stranger");

      const back = await bob.at(rig().url(1)).chat({ epoch, since });
      const of = (stream: string) => back.missed.filter((frame) => frame.stream === stream);
      expect(contents(of(id)).slice(-6)).toEqual(["also seen", ...Array.from({ length: 5 }, (_, i) => `missed ${i}`)]);
      expect(contents(of("global")).filter((text) => text.includes(id))).toEqual(
        Array.from({ length: 5 }, (_, i) => `missed too ${i}, ${id}`),
      );
      expect(contents(of(fresh))).toEqual(["hello, stranger"]);
      for (const stream of [id, "global", fresh]) {
        let prev = 0;
        for (const frame of of(stream)) {
          expect([frame.prev, frame.message.client_id]).toEqual([prev, undefined]);
          prev = frame.seq;
        }
        expect(back.resumed.streams[stream]).toEqual({ complete: true, head_seq: prev });
      }
      // Nothing is new since then, and one who holds nothing is told of nothing.
      const again = await bob.at(rig().url()).chat({ epoch, since: back.resumed.since });
      expect([again.missed.filter((frame) => frame.stream !== "global"), again.resumed.streams[id]]).toEqual([
        [],
        undefined,
      ]);
      const empty = await bob.at(rig().url()).chat();
      expect([empty.missed, empty.resumed.streams]).toEqual([[], {}]);
      // On the same socket, too: what a client does that saw a hole.
      await again.resume({ epoch, since });
      expect(contents(again.missed.filter((frame) => frame.stream === fresh))).toEqual(["hello, stranger"]);
      await c.post(fresh, "live again");
      expect((await again.next((frame) => frame.stream === fresh && frame.type === "message")).message.content).toBe(
        "live again",
      );
      for (const socket of [back, again, empty]) await socket.close();
      await done(alice, third);
    },
  );

  promised(
    [94],
    "while others talk all the time, a client that comes and goes sees every message once and in order",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const a = await alice.chat();
      const first = await a.post("global", "from here on");
      let [talking, last, since]: [boolean, number, string | null] = [true, first.seq, null];
      const talk = (async () => {
        while (talking) await Promise.all([a.post("global", "on and on"), a.post("global", "and on")]);
      })();
      let socket: ChatSocket | undefined;
      const take = (frame: Json) => {
        if (frame.stream !== "global" || frame.seq <= last) return;
        expect([frame.seq, frame.prev <= last]).toEqual([last + 1, true]);
        last = frame.seq;
      };
      for (let i = 0; i < 8; i++) {
        socket = await bob.at(rig().url(i)).chat({ epoch: a.hello.epoch, since });
        if (since === null) last = socket.snapshot.streams[0].head_seq;
        socket.missed.forEach(take);
        await Bun.sleep(i % 3 === 0 ? 0 : 120);
        const pong = await socket.pong();
        socket.frames.filter((frame) => frame.type === "message").forEach(take);
        since = i % 2 ? pong.since : socket.resumed.since;
        await socket.close();
      }
      talking = false;
      await talk;
      const end = await bob.chat({ epoch: a.hello.epoch, since });
      end.missed.forEach(take);
      expect(last).toBe(end.snapshot.streams[0].head_seq);
      await done(alice, bob);
    },
  );

  promised(
    [98, 102],
    "who missed too much of a stream is told to load it afresh, in frames of bounded size",
    async () => {
      const [alice, bob] = (await people(2)) as [Person, Person];
      const [a, b] = [await alice.chat(), await bob.chat()];
      const id = await alice.conversationWith(bob);
      const { epoch } = b.hello;
      const { since } = b.resumed;
      await b.close();
      await a.flood(id, 500, (i) => `${i} ${"é".repeat(50)}`);
      const all = await bob.chat({ epoch, since });
      expect([all.missed.length >= 500, all.resumed.streams[id]]).toEqual([true, { complete: true, head_seq: 500 }]);
      const [other] = (await people(1)) as [Person];
      const big = await alice.conversationWith(other);
      await a.flood(big, 200, (i) => `${i} ${"\u{1f600}".repeat(1_990)}`, 20);
      const o = await other.chat({ epoch, since });
      expect([o.missed.filter((frame) => frame.stream === big), o.resumed.streams[big].complete]).toEqual([[], false]);
      await other.closeAll();
      await a.post(id, "one too many");
      const back = await bob.chat({ epoch, since });
      expect([back.missed.filter((frame) => frame.stream === id), back.resumed.streams[id]]).toEqual([
        [],
        { complete: false, head_seq: 501 },
      ]);
      expect(Math.max(all.largest, back.largest)).toBeLessThan(64 * 1024);
      await done(alice, bob);
    },
  );

  promised([99], "another history, or a cursor from the future, is said to be one, and one starts anew", async () => {
    const [alice] = (await people(1)) as [Person];
    const a = await alice.chat();
    for (const from of [
      { epoch: "0123456789abcdef", since: a.resumed.since },
      { epoch: null, since: a.resumed.since },
      { epoch: a.hello.epoch, since: "900000000000:900000000000:" },
    ]) {
      const socket = await alice.chat(from);
      expect((await socket.next("error")).code).toBe("epoch_mismatch");
      expect([socket.missed, socket.resumed.streams, socket.snapshot.streams[0].stream]).toEqual([[], {}, "global"]);
      await socket.close();
    }
    for (const since of [
      "x",
      "1",
      "1:2",
      "1:99999999999999999999:",
      "1:2:,",
      "008:008:",
      "1:08:",
      "10:9:",
      "1:9:10",
      "1:9:5,3",
      5,
    ]) {
      a.send({ type: "resume", epoch: a.hello.epoch, since });
      expect((await a.next("error")).code).toBe("invalid_field");
    }
    await a.post("global", "still there");
    await done(alice);
  });

  promised([109], "who cannot be told what was missed is sent away to come back", async () => {
    const clock = new SimulatedClock();
    const sockets = new Sockets();
    const heads = new Heads(clock);
    const publisher = createPublisher({ publishTo: () => {}, sockets, heads });
    const closed: number[] = [];
    const data = openConnection({ endpoint: "chat", network: "" }, { userId: "u", sessionId: "s", username: "ada" }, 0);
    const ws = { data, readyState: 1, unsubscribe: () => {}, close: (code: number) => closed.push(code) };
    sockets.add(ws as unknown as Socket, data.caller);
    const { promise, reject } = Promise.withResolvers<never>();
    const catchUp = () => promise;
    const { resume } = createResume({
      publisher,
      catchUp,
      presentNow: () => [],
      heads,
      epoch: () => "e",
      clock,
      log: silent,
    });
    const resuming = resume(ws as unknown as Socket, data, {});
    for (let i = 0; i < 9; i++) publisher.publish([{ endpoint: "chat", user: null, frame: "x".repeat(128 * 1024) }]);
    expect(closed).toEqual([4010]);
    reject(new Error("the database is away"));
    await resuming;
    expect(closed).toEqual([4010, 1013]);
  });
};
