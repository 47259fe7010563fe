/** What mallory tries on those who run the server, and with what was theirs. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { printable } from "../../src/commands/command.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { verifyArchive } from "../../src/moving/archive.ts";
import { call, PASSWORD, Person } from "../support/client.ts";
import { runProgram } from "../support/program.ts";
import { clusterRig, type Rig } from "../support/server.ts";
import { eventually, haveServices, tempDir } from "../support/services.ts";

describe.skipIf(!haveServices)("over two processes", () => {
  let rig: Rig;
  let ada: Person;
  beforeAll(async () => {
    rig = await clusterRig({ LOGIN_RATE_LIMIT: "40" });
    ada = await newcomer();
    await runProgram(["create-admin", ada.name], rig.env);
  }, 60_000);
  afterAll(() => rig.stop());

  const newcomer = (process = 0) => Person.signUp(rig.url(process));
  const act = (by: Person, whom: Person, what: string, password = PASSWORD) =>
    by.post(`/api/admin/users/${whom.id}/`, { act: what, password });
  const reset = (token: string, process = 0) =>
    call(rig.url(process), "POST", "/api/auth/reset/", { body: { token, password: "a new word 7731" } });
  const linkBy = async (by: Person, whom: Person): Promise<string> =>
    (await act(by, whom, "reset_password")).body.link.split("#")[1];

  test("a link that an admin made is no good when they are none any more, nor is one for an account that was disabled meanwhile", async () => {
    const [eve, bob] = [await newcomer(), await newcomer(1)];
    for (const who of [eve, bob]) await act(ada, who, "make_admin");
    for (const end of ["unmake_admin", "disable"]) {
      const token = await linkBy(eve, bob);
      await act(ada, eve, end);
      expect((await reset(token)).body.errors).toMatchObject([{ field: "token" }]);
      await act(ada, eve, "enable");
      await act(ada, eve, "make_admin");
      eve.access = (await eve.logIn()).access;
    }
    const token = await linkBy(ada, bob);
    await act(ada, bob, "disable");
    await act(ada, bob, "enable");
    expect((await reset(token)).status).toBe(400);
    expect((await bob.logIn()).id).toBe(bob.id);
    // Of one who is an admin it is good.
    expect((await reset(await linkBy(ada, bob))).status).toBe(200);
    for (const who of [eve, bob]) await act(ada, who, "unmake_admin");
  });

  test("an admin who has yet to set a password is no deleted account, and no reason to let the last one go", async () => {
    await runProgram(["create-admin", "grace", "--link"], rig.env);
    const [grace] = (await ada.get("/api/admin/users/?search=grace")).body.results;
    expect([grace.username, grace.role, grace.is_deleted]).toEqual(["grace", "admin", false]);
    for (const what of ["disable", "unmake_admin"])
      expect((await act(ada, ada, what)).body.errors).toMatchObject([{ field: "act" }]);
  });

  test("nobody signs up as an admin, and a cookie alone opens no door of theirs", async () => {
    const body = { username: "climber", password: PASSWORD, password_confirm: PASSWORD, role: "admin", is_staff: true };
    expect((await call(rig.url(), "POST", "/api/auth/signup/", { body })).status).toBe(201);
    expect(await rig.sql("SELECT role FROM users WHERE username = 'climber'")).toEqual([{ role: "user" }]);
    const headers = { "X-Session": "cookie" };
    const login = await call(rig.url(), "POST", "/api/auth/login/", {
      headers,
      body: { username: ada.name, password: PASSWORD },
    });
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    for (const [method, path, body] of [
      ["GET", "/api/admin/users/"],
      ["POST", `/api/admin/users/${ada.id}/`, { act: "end_sessions", password: PASSWORD }],
    ] as const)
      expect((await call(rig.url(), method, path, { headers: { ...headers, Cookie: cookie }, body })).status).toBe(401);
  });

  test("a wrong password of an admin is told in the log", async () => {
    await act(ada, ada, "end_sessions", "not hers");
    const line = new RegExp(`"event":"password_wrong","user":"${ada.id}"`);
    await eventually(async () => expect(rig.servers.map(({ output }) => output()).join("")).toMatch(line));
  });

  test("who has nothing to remove in a room waits for nobody there, and keeps nobody waiting", async () => {
    const [alice, mallory] = [await newcomer(), await newcomer()];
    const { body } = await alice.post("/api/chat/global/messages/", { content: "alice's" });
    const held = rig.sql(
      `BEGIN; SELECT FROM heads WHERE room_id = '${GLOBAL_ROOM}' FOR NO KEY UPDATE; SELECT pg_sleep(1.5); COMMIT`,
    );
    await Bun.sleep(300);
    const startedAt = performance.now();
    expect((await mallory.delete(`/api/chat/global/messages/${body.id}/`)).status).toBe(404);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await held;
    expect((await alice.delete(`/api/chat/global/messages/${body.id}/`)).status).toBe(204);
  });

  test("an export of somebody who is silent in a long room shows signs of life all along", async () => {
    const [quiet, bob] = [await newcomer(), await newcomer()];
    const many = 200_000;
    await rig.sql(`INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at, changed)
      SELECT '${GLOBAL_ROOM}', 1000 + n, gen_random_uuid(), '${bob.id}', 'said', now(), '0' FROM generate_series(1, ${many}) n`);
    const ask = () =>
      fetch(`${rig.url()}/api/auth/me/export/`, { headers: { Authorization: `Bearer ${quiet.access}` } });
    const text = await (await ask()).text();
    expect(JSON.parse(text).messages).toEqual([]);
    // A sign of life for each look at 5,000 messages.
    expect(/"messages":\[( +)\]/.exec(text)![1]!.length).toBeGreaterThanOrEqual(many / 5_000);
  }, 60_000);

  test("tries of new passwords by links are limited, and log-ins are not by them", async () => {
    const bob = await newcomer();
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => (await reset(crypto.randomUUID(), i)).status),
    );
    expect(new Set(statuses)).toEqual(new Set([400, 429]));
    expect(statuses.filter((status) => status === 400).length).toBeLessThanOrEqual(40);
    expect((await bob.logIn()).id).toBe(bob.id);
  });
});

test("a backup of one line without an end is refused at once, and one of huge lines takes little memory", async () => {
  const dir = await tempDir();
  const file = join(dir, "hostile.gz");
  const head = [
    { format: "liquidchat backup", version: 1, made_at: "", migrations: ["0000_tables"], counts: { users: 1_000 } },
    { table: "users", columns: ["id"] },
  ].map((line) => `${JSON.stringify(line)}\n`).join(""); // prettier-ignore
  const startedAt = performance.now();
  for (const [rows, why] of [
    ["a".repeat(70 << 20), /cannot be read/],
    [`${"a".repeat(40 << 20)}\n`.repeat(4), /cut off/],
  ] as const) {
    await writeFile(file, gzipSync(head + rows, { level: 1 }));
    expect(await verifyArchive(file).catch((error: Error) => error.message)).toMatch(why);
  }
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  await rm(file);
}, 60_000);

test("what an imported database holds moves no cursor of the operator's terminal", () => {
  expect(printable("user\u001b]0;x\u0007 \u009b2J \u202eeve\r\nzo\u00eb")).toBe(
    "user\\u{1b}]0;x\\u{7} \\u{9b}2J \\u{202e}eve\\u{d}\nzo\u00eb",
  );
});
