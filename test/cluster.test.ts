/** Several processes over PostgreSQL and Redis, and what happens when parts of that go away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { Person, type TestSocket } from "./support/client.ts";
import { clusterRig, type Rig, SECRET, startServer } from "./support/server.ts";
import { eventually, freePort, freshDatabase, haveServices, startRedis } from "./support/services.ts";

describe.skipIf(!haveServices)("two processes", () => {
  let rig: Rig;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    redis = await startRedis();
    rig = await clusterRig({ REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await rig.stop();
    await redis.stop();
  });

  test("two senders on two processes interleave two rooms: no deadlock, no hole, everyone in order", async () => {
    const [alice, bob] = [await Person.signUp(rig.url(0)), await Person.signUp(rig.url(1))];
    const id = await alice.conversationWith(bob);
    const [ag, bg, ap, bp] = [
      await alice.socket("global"),
      await bob.socket("global"),
      await alice.socket("private"),
      await bob.socket("private"),
    ];
    let sent = 0;
    for (let round = 0; round < 1_000; round++) {
      // Both write to both rooms at once, in opposite orders.
      for (const [first, second] of [
        [ag, ap],
        [bp, bg],
      ] as const) {
        for (const socket of [first, second]) {
          for (let i = 0; i < 5; i++)
            socket.send(
              socket === ag || socket === bg
                ? { type: "send_global_message", content: `${sent++}` }
                : { type: "send_private_message", conversation_id: id, content: `${sent++}` },
            );
        }
      }
      await Bun.sleep(5);
      await eventually(() => expect(sent / 2 - Math.min(bg.frames.length, ap.frames.length)).toBeLessThan(100));
    }
    const count = sent / 2;
    const ids = (socket: TestSocket) => socket.frames.filter((f) => f.message).map((f) => f.message.id);
    await eventually(
      () => expect([ag, bg, ap, bp].map((socket) => ids(socket).length)).toEqual([count, count, count, count]),
      15_000,
    );
    expect([ag, bg, ap, bp].flatMap((socket) => socket.frames.filter((f) => f.type === "error"))).toEqual([]);
    expect([ids(ag), ids(ap)]).toEqual([ids(bg), ids(bp)]);
    expect(ids(ag)).toEqual(ids(ag).map((_, i) => ids(ag)[0]! + i));
    const [holes] = await rig.sql(
      "SELECT count(*)::int AS n FROM (SELECT room_id FROM messages GROUP BY room_id HAVING max(seq) <> count(*)) x",
    );
    expect(holes).toEqual({ n: 0 });
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  }, 60_000);

  test("a message that was committed but never told of (its process died in between) arrives all the same", async () => {
    const [alice, bob] = [await Person.signUp(rig.url(0)), await Person.signUp(rig.url(1))];
    const id = await alice.conversationWith(bob);
    const [a, b, g] = [await alice.socket("private"), await bob.socket("private"), await bob.socket("global")];
    const store = (room: string, content: string) =>
      rig.sql(
        `SELECT s.* FROM sessions, store_messages('{${room}}', '{1}', ARRAY[sessions.id], ARRAY[gen_random_uuid()], '{NULL}', ARRAY['${content}']) s
         WHERE user_id = '${alice.id}'`,
      );
    await store(id, "orphan one");
    await store("00000000-0000-4000-8000-000000000001", "orphan two");
    expect((await b.next("private_message", 3_000)).message.content).toBe("orphan one");
    expect((await a.next("private_message_sent", 3_000)).message.content).toBe("orphan one");
    expect((await g.next("global_message", 3_000)).message.content).toBe("orphan two");
    // And it is not told twice when later messages come the usual way.
    await a.say({ conversation_id: id, content: "after" });
    await Bun.sleep(1_500);
    expect(b.frames.map((f) => f.message.content)).toEqual(["after"]);
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  });

  test("a process that starts tells nothing again that was said before it, however long somebody's transaction has been open", async () => {
    const [alice, bob] = [await Person.signUp(rig.url(0)), await Person.signUp(rig.url(1))];
    const id = await alice.conversationWith(bob);
    const someImport = postgres(rig.env.DATABASE_URL!, { max: 1, onnotice: () => {} });
    await someImport.unsafe("BEGIN; SELECT pg_current_xact_id()");
    const [a, g] = [await alice.socket("private"), await alice.socket("global")];
    for (let i = 0; i < 5; i++) {
      await a.say({ conversation_id: id, content: `before ${i}` });
      await g.say({ content: `before ${i}` });
    }
    const third = await startServer(rig.env);
    const [b, bg] = [await bob.at(third.url).socket("private"), await bob.at(third.url).socket("global")];
    await Bun.sleep(2_500);
    await a.say({ conversation_id: id, content: "after" });
    await g.say({ content: "after" });
    await Promise.all([b.next("private_message"), bg.next("global_message")]);
    expect([...b.frames, ...bg.frames].filter((f) => f.message)).toEqual([]);
    await someImport.end({ timeout: 1 });
    await third.kill();
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  });

  test("without Redis, messages and log-outs cross within three seconds, and presence freezes; with it again, all is quick", async () => {
    const [alice, bob] = [await Person.signUp(rig.url(0)), await Person.signUp(rig.url(1))];
    const id = await alice.conversationWith(bob);
    const [a, b, g] = [await alice.socket("private"), await bob.socket("private"), await bob.socket("global")];
    await g.next((f) => f.user_id === alice.id, 5_000).catch(() => {});
    await redis.stop();
    for (let i = 0; i < 5; i++) await a.say({ conversation_id: id, content: `alone ${i}` });
    for (let i = 0; i < 5; i++) expect((await b.next("private_message", 3_000)).message.content).toBe(`alone ${i}`);
    expect((await alice.get("/readyz")).body).toMatchObject({ status: "degraded", redis: "away" });
    const phone = await alice.logIn(rig.url(0));
    const away = await phone.at(rig.url(1)).socket("global");
    expect((await phone.post("/api/auth/logout/", { refresh: phone.refresh })).status).toBe(200);
    expect((await away.closed).code).toBe(4001);
    await eventually(async () => expect((await phone.at(rig.url(1)).get("/api/auth/users/")).status).toBe(401), 3_000);
    await Bun.sleep(3_000); // Longer than the expiry.
    expect(g.frames.filter((f) => f.user_id === alice.id && f.status === "offline")).toEqual([]);
    redis = await startRedis(redis.port);
    await eventually(async () => expect((await alice.get("/readyz")).body.redis).toBe("up"));
    await eventually(async () => expect((await bob.get("/readyz")).body.redis).toBe("up"));
    a.send({ type: "typing_start", conversation_id: id });
    await eventually(async () => {
      a.send({ type: "typing_start", conversation_id: id });
      await b.next("typing_indicator", 200);
    });
    await a.say({ conversation_id: id, content: "together again" });
    expect((await b.next("private_message", 1_000)).message.content).toBe("together again");
    await Promise.all([alice.closeAll(), bob.closeAll()]);
  }, 60_000);

  test("a log-in that overlaps with the end of its account leaves no session that lives", async () => {
    const people = await Promise.all(Array.from({ length: 6 }, (_, i) => Person.signUp(rig.url(i))));
    const attempts = people.map((person) => person.logIn().catch(() => null));
    await Bun.sleep(30);
    await rig.sql(
      `UPDATE users SET disabled_at = now() WHERE id IN (${people.map((person) => `'${person.id}'`).join(",")})`,
    );
    const sessions = (await Promise.all(attempts)).filter((person) => person?.access);
    await Bun.sleep(1_500);
    for (const person of [...sessions, ...people] as Person[]) {
      expect((await person.get("/api/auth/users/")).status).toBe(401);
      expect((await person.post("/api/auth/token/refresh/", { refresh: person.refresh })).status).toBe(401);
    }
    const [living] = await rig.sql(
      "SELECT count(*)::int AS n FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.disabled_at IS NOT NULL AND s.ended_at IS NULL",
    );
    expect(living).toEqual({ n: 0 });
  });

  test("a process that is killed: its users go offline once, within the expiry", async () => {
    const third = await startServer(rig.env);
    const [alice, bob] = [await Person.signUp(rig.url()), await Person.signUp(rig.url())];
    const g = await bob.socket("global");
    await alice.at(third.url).socket("private");
    const mine = () => g.frames.filter((f) => f.user_id === alice.id).map((f) => f.status);
    await eventually(() => expect(mine()).toEqual(["online"]));
    await third.kill("SIGKILL");
    await eventually(() => expect(mine()).toEqual(["online", "offline"]), 4_000);
    await Bun.sleep(2_000);
    expect(mine()).toEqual(["online", "offline"]);
    const [user] = (await bob.get(`/api/auth/users/?search=${alice.name}`)).body.results;
    expect([user.is_online, typeof user.last_seen]).toEqual([false, "string"]);
    await bob.closeAll();
  });
});

describe.skipIf(!haveServices)("processes on one machine", () => {
  test("WORKERS=2 shares one port, and a worker that dies comes back", async () => {
    const [databaseUrl, redis, port] = [await freshDatabase(), await startRedis(), await freePort()];
    const server = await startServer({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      SECRET_KEY: SECRET,
      WORKERS: "2",
      PORT: String(port),
    });
    const ready = () => server.output().match(/is ready on/g)?.length ?? 0;
    await eventually(() => expect(ready()).toBe(2));
    const alice = await Person.signUp(server.url);
    const listeners = await Promise.all(Array.from({ length: 12 }, () => alice.socket("global")));
    await listeners[0]!.say({ content: "to all workers" });
    for (const socket of listeners.slice(1)) await socket.next("global_message");
    const children = Bun.spawnSync(["pgrep", "-P", String(server.pid)])
      .stdout.toString()
      .trim()
      .split("\n")
      .map(Number);
    expect(children.length).toBe(2);
    process.kill(children[0]!, "SIGKILL");
    await eventually(() => expect(ready()).toBe(3));
    // Another deployment on the same port would share its clients, so it is refused.
    const rival = await startServer({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      SECRET_KEY: SECRET,
      WORKERS: "2",
      PORT: String(port),
    }).catch(String);
    expect(rival).toContain(`cannot listen on 127.0.0.1:${port}`);
    // Workers go with their supervisor, even when it is killed.
    const workers = Bun.spawnSync(["pgrep", "-P", String(server.pid)])
      .stdout.toString()
      .trim()
      .split("\n")
      .map(Number);
    await server.kill("SIGKILL");
    await eventually(() => {
      for (const pid of [...children, ...workers]) expect(() => process.kill(pid, 0)).toThrow();
    });
    await redis.stop();
  }, 60_000);

  test("without Redis a second server waits for the first one to go, and says so when it does not", async () => {
    const env = { DATABASE_URL: await freshDatabase(), SECRET_KEY: SECRET };
    const first = await startServer(env);
    const second = startServer(env);
    await Bun.sleep(1_500);
    await first.kill();
    const successor = await second;
    const refused = startServer(env);
    await expect(refused).rejects.toThrow(/all need the same Redis/);
    await refused.catch(() => {});
    await successor.kill();
  }, 60_000);
});
