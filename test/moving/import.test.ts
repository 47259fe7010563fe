import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFirstVersion } from "../../src/moving/first-version.ts";
import { importFirstVersion } from "../../src/moving/import.ts";
import { systemClock as clock } from "../../src/ops/clock.ts";
import { call, type Json, Person } from "../support/client.ts";
import { SECRET, startServer, type TestServer } from "../support/server.ts";
import { tempDir } from "../support/services.ts";
import { closeAll, failure, KINDS, make, type Place } from "./databases.ts";
import { django, OLD_KINDS, oldUser, type OldWorld } from "./old-world.ts";

const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  await closeAll();
});
const bring = async (place: Place, where: string, dryRun = false) => {
  const source = await openFirstVersion(where, clock);
  try {
    return await importFirstVersion(place.session, source, { now: new Date(), dryRun });
  } finally {
    await source.close();
  }
};
/** A server on what a place holds, which is closed for it. */
const serve = async (place: Place) => {
  await closeAll();
  const server = await startServer({ ...place.env, SECRET_KEY: SECRET });
  servers.push(server);
  return server.url;
};
const logIn = (url: string, username: string, password: string) =>
  call(url, "POST", "/api/auth/login/", { body: { username, password } });

// From Django's own tests: `make_password("lètmein", "seasalt", "pbkdf2_sha256")` of 5.0.
const DJANGOS = "pbkdf2_sha256$720000$seasalt$eDupbcisD1UuIiou3hMuMu8oe/XwnpDw45r6AA5iv0E=";

const at = (minute: number, second = 0) =>
  new Date(Date.UTC(2024, 2, 1, 12, minute, second, 123)).toISOString().replace("123Z", "123456Z");
const uuid = () => crypto.randomUUID() as string;

async function town(world: OldWorld) {
  const alice = oldUser("Alice", { password: DJANGOS, email: "alice@mailbox.example", last_seen: at(50) });
  const bob = oldUser("bob", { password: django("plum-orbit-4417") });
  const carol = oldUser("carol", { password: django("plum-orbit-4417"), is_active: false });
  const dave = oldUser("dave", { password: "bcrypt_sha256$$2b$12$abcdefghijklmnopqrstuv", is_staff: true });
  await world.add("users", [alice, bob, carol, dave]);
  const conversation = async (minute: number, ...people: { id: string }[]) => {
    const id = uuid();
    await world.add("conversations", [{ id, created_at: at(minute), updated_at: at(minute) }]);
    if (people.length)
      await world.add(
        "conversations_participants",
        people.map((person) => ({ conversation_id: id, user_id: person.id })),
      );
    return id;
  };
  const older = await conversation(1, alice, bob);
  const younger = await conversation(2, bob, alice);
  const [lonely, crowd, empty] = [
    await conversation(3, alice),
    await conversation(3, alice, bob, carol),
    await conversation(4, bob, carol),
  ];
  const message = (
    conversation_id: string,
    sender: { id: string },
    minute: number,
    content: string,
    is_read: boolean,
  ) => ({ id: uuid(), content, timestamp: at(minute), is_read, conversation_id, sender_id: sender.id });
  const privates = [
    message(older, alice, 10, "&lt;b&gt; &amp;amp; &quot;5 &#x27;6 &#39;7", true),
    message(younger, bob, 11, "between", true),
    message(older, alice, 12, "unread by bob", false),
    message(older, bob, 13, "unread by alice", false),
    message(older, alice, 14, "read after all", true),
    message(younger, dave, 14, "an outsider", true),
    message(lonely, alice, 15, "to myself", true),
    message(crowd, carol, 15, "to many", true),
  ];
  await world.add("private_messages", privates);
  const everyone = [3, 4, 9].map((id, i) => ({
    id,
    content: `said ${id}`,
    timestamp: at(20 - i),
    sender_id: alice.id,
  }));
  await world.add("global_messages", everyone);
  return { alice, bob, carol, dave, older, younger, lonely, crowd, empty, privates };
}

for (const [i, [to, open]] of KINDS.entries()) {
  const [from, old] = OLD_KINDS[i]!;

  test(`from ${from} to ${to}: people log in with their old passwords, and find everything under its id and at its time`, async () => {
    const place = await make(open);
    const world = await old();
    const { alice, bob, carol, dave, older, younger, lonely, crowd, empty, privates } = await town(world);
    const imported = await bring(place, world.where);
    expect(imported).toMatchObject({ users: 4, conversations: 2, privateMessages: 5, globalMessages: 3 });
    expect(imported.notes.sort()).toEqual(
      [
        `user ${dave.id}: "dave" needs a new password, theirs is not kept as pbkdf2_sha256$...`,
        `conversation ${younger}: its messages are in ${older}, the older one of the same two`,
        `conversation ${lonely}: left out, it has 1 participants`,
        `conversation ${crowd}: left out, it has 3 participants`,
        `conversation ${younger}: 1 messages left out, their senders take no part in it`,
        `conversation ${lonely}: 1 messages left out with it`,
        `conversation ${crowd}: 1 messages left out with it`,
        "1 messages that were read count as unread, since one before them was not",
        "2 messages got the time of the one before, or of now: times never fall, nor lie ahead",
      ].sort(),
    );
    expect(await place.db.query("SELECT DISTINCT changed::text FROM messages UNION SELECT changed::text FROM heads", [])).toEqual([{ changed: "0" }]); // prettier-ignore
    expect(await place.db.query("SELECT min_seq FROM rooms WHERE kind = 'global'", [])).toEqual([{ min_seq: 10 }]);

    const url = await serve(place);
    const { body } = await logIn(url, "alice", "lètmein");
    expect(body.user).toMatchObject({ id: alice.id, username: "Alice", created_at: "2024-01-01T00:00:00.000Z", last_seen: at(50).replace("456Z", "Z") }); // prettier-ignore
    const get = async (path: string, token = body.access): Promise<Json> =>
      (await call(url, "GET", `/api/chat/${path}`, { token })).body;

    const messages = await get(`conversations/${older}/messages/`);
    expect(messages.map((m: Json) => [m.seq, m.id, m.text ?? m.content, m.timestamp, m.sender.id, m.is_read])).toEqual([
      [1, privates[0]!.id, `<b> &amp; "5 '6 '7`, at(10).replace("456Z", "Z"), alice.id, true],
      [2, privates[1]!.id, "between", at(11).replace("456Z", "Z"), bob.id, true],
      [3, privates[2]!.id, "unread by bob", at(12).replace("456Z", "Z"), alice.id, false],
      [4, privates[3]!.id, "unread by alice", at(13).replace("456Z", "Z"), bob.id, false],
      [5, privates[4]!.id, "read after all", at(14).replace("456Z", "Z"), alice.id, false],
    ]);
    expect((await get("conversations/")).results).toMatchObject([{ id: older, unread_count: 1, read_seq: 3, head_seq: 5, created_at: at(1).replace("456Z", "Z"), updated_at: at(14).replace("456Z", "Z") }]); // prettier-ignore
    // The first version took spaces away; and the second log-in is with another hash.
    for (const typed of ["plum-orbit-4417 ", "plum-orbit-4417 "])
      expect((await logIn(url, "bob", typed)).status).toBe(200);
    const bobs = (await logIn(url, "Bob", "plum-orbit-4417")).body.access;
    expect((await get("conversations/", bobs)).results.map((c: Json) => [c.id, c.unread_count])).toEqual([[older, 2], [empty, 0]]); // prettier-ignore

    // The public room keeps its ids with their holes, goes on after them, and its times do not fall.
    const everyone = await get("global/messages/");
    expect(everyone.map((m: Json) => [m.id, m.content, m.timestamp])).toEqual([3, 4, 9].map((id) => [id, `said ${id}`, at(20).replace("456Z", "Z")])); // prettier-ignore
    expect((await get("global/messages/?after=4")).map((m: Json) => m.id)).toEqual([9]);
    const socket = await new Person(url, alice.id, "Alice", body.access, body.refresh).chat();
    expect(socket.snapshot.streams[0]).toMatchObject({ stream: "global", head_seq: 9, read_seq: 9, unread_count: 0 });
    const sent = await call(url, "POST", "/api/chat/global/messages/", { token: bobs, body: { content: "goes on" } });
    expect([sent.status, sent.body.id]).toEqual([201, 10]);
    expect(await socket.next("message")).toMatchObject({ stream: "global", seq: 10, prev: 9 });
    await socket.close();

    for (const [name, password] of [
      ["carol", "plum-orbit-4417"],
      ["dave", "bcrypt_sha256$$2b$12$abcdefghijklmnopqrstuv"],
      ["dave", ""],
      ["Alice", "letmein"],
      ["bob", DJANGOS],
    ])
      // prettier-ignore
      expect([name, (await logIn(url, name!, password!)).status]).toEqual([name, 401]);
    expect((await call(url, "POST", "/api/chat/conversations/create/", { token: bobs, body: { user_id: carol.id } })).status).toBe(400); // prettier-ignore
  }, 120_000);

  test(`from ${from} to ${to}: a dry run tells the same and leaves nothing; a database in use and a wrong source are refused`, async () => {
    const [place, world] = [await make(open), await old()];
    await town(world);
    const told = await bring(place, world.where, true);
    expect(await place.db.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'", [])).toEqual([]); // prettier-ignore
    if (from === "SQLite") {
      const wrong = await old();
      await wrong.add("users", [oldUser("x", { created_at: "yesterday" })]);
      expect(await failure(bring(place, wrong.where))).toContain('"yesterday" where a time should be');
    }
    expect(await bring(place, world.where)).toEqual(told);
    expect(await failure(bring(place, world.where))).toContain("The database is not empty");
    const [n] = await place.db.query<{ n: number }>("SELECT count(*) AS n FROM messages", []);
    expect(n).toEqual({ n: told.privateMessages + told.globalMessages });
  }, 120_000);

  test(`from ${from} to ${to}: a thousand people and a hundred thousand messages take less than a minute`, async () => {
    const [place, world] = [await make(open), await old()];
    const people = Array.from({ length: 1_000 }, (_, n) =>
      oldUser(`person${n}`, { password: django("plum-orbit-4417", 1, `salt${n}`) }),
    );
    await world.add("users", people);
    const rooms = Array.from({ length: 2_000 }, uuid);
    await world.add(
      "conversations",
      rooms.map((id) => ({ id, created_at: at(0), updated_at: at(0) })),
    );
    const pair = (n: number) => [people[n % 1_000]!.id, people[(n + 1 + Math.floor(n / 1_000)) % 1_000]!.id];
    await world.add("conversations_participants", rooms.flatMap((id, n) => pair(n).map((user_id) => ({ conversation_id: id, user_id })))); // prettier-ignore
    const text = "as long as what people say to each other, more or less &amp; so on; ";
    await world.add("private_messages", Array.from({ length: 60_000 }, (_, n) =>
      ({ id: uuid(), content: `${text}${n}`, timestamp: at(1, n / 1_000), is_read: n < 50_000, conversation_id: rooms[n % 2_000]!, sender_id: pair(n % 2_000)[n % 2]! }))); // prettier-ignore
    await world.add("global_messages", Array.from({ length: 40_000 }, (_, n) =>
      ({ id: 2 * n + 1, content: `${text}${n}`, timestamp: at(2, n / 1_000), sender_id: people[n % 1_000]!.id }))); // prettier-ignore
    const startedAt = performance.now();
    const imported = await bring(place, world.where);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${from} to ${to}: ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(60);
    expect(imported).toEqual({
      users: 1_000,
      conversations: 2_000,
      privateMessages: 60_000,
      globalMessages: 40_000,
      notes: [],
    });
    expect(await place.db.query("SELECT count(*) AS rooms, sum(seq) AS seqs FROM heads WHERE seq < 1000", [])).toEqual([{ rooms: 2_000, seqs: expect.anything() }]); // prettier-ignore
    expect(await place.db.query("SELECT seq FROM heads ORDER BY seq DESC LIMIT 1", [])).toEqual([{ seq: 79_999 }]);
  }, 180_000);
}

test("names keep working where they can: those that nobody could sign up with today too; what could harm or cannot be seen is changed, and doubles", async () => {
  const place = await make(KINDS[0]![1]);
  const world = await OLD_KINDS[0]![1]();
  const long = "x".repeat(150);
  const password = django("plum-orbit-4417");
  // In the order of their age.
  const people = [
    ["_b_", false, "_b__2"], ["<b>", true, "_b__3"], ["_B_", true, "_B_"], ["O'Neil", true, "O_Neil"], ["a\u200bb", true, "a_b"], ["tab\there", true, "tab_here"],
    ["BOB", true, "BOB"], ["bob", true, "bob_2"], ["Bob", true, "Bob_3"], ["admin", true, "admin"], ["ВОВ", true, "ВОВ"], [long, true, long], ["two words", true, "two words"],
    [" spaced ", true, "spaced"], ["e\u0301va", true, "éva"], ["x", true, "x"], ["deleted-12345678", true, "deleted-12345678"], ["\u3164", true, "_"],
  ] as const; // prettier-ignore
  const users = people.map(([name, is_active], n) => oldUser(name, { password, is_active, created_at: at(0, n) }));
  await world.add("users", users);
  const { notes } = await bring(place, world.where);
  expect(notes.length).toBe(people.filter(([name, , now]) => name !== now).length);
  const rows = await place.db.query<{ id: string; username: string }>("SELECT id, username FROM users", []);
  const now = new Map(rows.map((row) => [row.id, row.username]));
  expect(users.map(({ id, username }) => [username, now.get(id)])).toEqual(people.map(([name, , now]) => [name, now]) as never); // prettier-ignore
  const url = await serve(place);
  for (const [name, active, now] of people) {
    const { status, body } = await logIn(url, now, "plum-orbit-4417");
    expect([name, status, body.user?.username]).toEqual(active ? [name, 200, now] : [name, 401, undefined]);
  }
  // And nobody gets a name that is one of theirs.
  for (const username of ["BoB", "bob_2", "Éva", "ΒΟΒ"])
    expect((await call(url, "POST", "/api/auth/signup/", { body: { username, password: "plum-orbit-4417", password_confirm: "plum-orbit-4417" } })).status).toBe(400); // prettier-ignore
}, 120_000);

test("a file that is no database of the first version, and one that is not there, are refused in a sentence", async () => {
  const file = join(await tempDir(), "file");
  const open = () => failure(openFirstVersion(file, clock));
  expect(await open()).toContain("The first version's database does not open");
  writeFileSync(file, "hello, this is no database at all");
  expect(await open()).toMatch(/does not open|no database of the first LiquidChat/);
  writeFileSync(file, "");
  expect(await open()).toContain("This is no database of the first LiquidChat");
});
