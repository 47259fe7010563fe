/** The commands, as an operator runs them beside running servers. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEmbedded } from "../../src/db/embedded.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { ChatSocket, type Json, Person } from "../support/client.ts";
import { MAIN, runProgram } from "../support/program.ts";
import {
  clusterRig,
  embeddedRig,
  type Env,
  type Rig,
  SECRET,
  startServer,
  type TestServer,
} from "../support/server.ts";
import { eventually, freshDatabase, haveServices, silent, tempDir } from "../support/services.ts";
import { django, OLD_KINDS, oldUser } from "./old-world.ts";

const rigs: Rig[] = [];
const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  await Promise.all(rigs.splice(0).map((rig) => rig.stop()));
});
const run = async (args: string[], env: Env) => {
  const done = await runProgram(args, { SECRET_KEY: SECRET, ...env });
  return { ...done, told: done.out + done.err };
};
const elsewhere: [string, () => Promise<Env>][] = [
  ["embedded", async () => ({ DATA_DIR: join(await tempDir(), "data") })],
];
if (haveServices) elsewhere.push(["PostgreSQL", async () => ({ DATABASE_URL: await freshDatabase() })]);

for (const [i, [from, start]] of (
  [
    ["embedded", embeddedRig],
    ["a cluster", clusterRig],
  ] as const
).entries())
  // prettier-ignore
  test.skipIf(i === 1 && !haveServices)(
    `a backup of ${from}, while people talk, restores into the other kind of database: what was acknowledged before is there, and who kept their session comes back to another epoch`,
    async () => {
      const rig = await start();
      rigs.push(rig);
      const [alice, bob] = [await Person.signUp(rig.url()), await Person.signUp(rig.url(1))];
      const room = await alice.conversationWith(bob);
      const socket = await alice.chat();
      await socket.flood("global", 200);
      const acks: Json[] = [];
      let going = true;
      const talking = (async () => {
        while (going) acks.push(await socket.post(room, "said meanwhile"));
      })();
      await eventually(() => expect(acks.length).toBeGreaterThan(5));
      const before = acks.length;
      const file = join(await tempDir(), "backup");
      const backup = await run(["backup", file], rig.env);
      expect([backup.code, backup.told]).toEqual([0, expect.stringContaining(`${file} has `)]);
      going = false;
      await talking;
      expect(acks.every((ack) => ack.type === "ack")).toBe(true);
      expect((await run(["restore", file], rig.env)).told).toMatch(/A server runs on this database|is in use by another LiquidChat/); // prettier-ignore
      const cursor = { epoch: socket.hello.epoch, since: (await socket.pong()).since };
      await alice.closeAll();

      const env = await elsewhere[elsewhere.length - 1 - i]![1]();
      const restored = await run(["restore", file, "--keep-sessions"], env);
      expect([restored.code, restored.told]).toEqual([0, expect.stringContaining("2 users")]);
      const server = await startServer({ SECRET_KEY: SECRET, ...env });
      servers.push(server);
      const back = alice.at(server.url);
      const { body } = await back.get(`/api/chat/conversations/${room}/messages/?limit=200`);
      expect(body.slice(0, before).map((m: Json) => m.id)).toEqual(acks.slice(0, before).map((ack) => ack.message_id));
      const again: ChatSocket = await back.chat(cursor);
      expect(again.hello.epoch).not.toBe(cursor.epoch);
      expect(again.frames).toContainEqual(expect.objectContaining({ type: "error", code: "epoch_mismatch" }));
      expect(again.snapshot.streams.map((s: Json) => s.head_seq)).toEqual([200, body.length]);
      await back.closeAll();
    },
    90_000,
  );

test("without being told to keep them, sessions end with a restore, their access tokens too", async () => {
  const rig = await embeddedRig();
  rigs.push(rig);
  const alice = await Person.signUp(rig.url());
  const file = join(await tempDir(), "backup");
  await run(["backup", file], rig.env);
  const env = await elsewhere[0]![1]();
  expect((await run(["restore", file], env)).code).toBe(0);
  const server = await startServer({ SECRET_KEY: SECRET, ...env });
  servers.push(server);
  expect((await alice.at(server.url).get("/api/auth/me/")).status).toBe(401);
  expect((await (await alice.logIn(server.url)).get("/api/auth/me/")).status).toBe(200);
}, 60_000);

test("a backup in a folder without a database replaces nothing, and makes none there", async () => {
  const rig = await embeddedRig();
  rigs.push(rig);
  await Person.signUp(rig.url());
  const file = join(await tempDir(), "backup");
  await run(["backup", file], rig.env);
  const good = readFileSync(file);
  const elsewhere = join(await tempDir(), "data");
  const { code, told } = await runProgram(["backup", file], { DATA_DIR: elsewhere }).then((done) => ({
    ...done,
    told: done.out + done.err,
  }));
  expect([code, told]).toEqual([1, `DATA_DIR: there is no database in ${elsewhere}\n`]);
  expect([readFileSync(file).equals(good), existsSync(elsewhere)]).toEqual([true, false]);
});

test("a backup replaces no pipe, device or folder; a link stays, and what it leads to is replaced", async () => {
  const env = await elsewhere[0]![1]();
  await run(["migrate"], env);
  const dir = await tempDir();
  const [pipe, target, link, lost] = ["pipe", "target", "link", "lost"].map((name) => join(dir, name)) as [string, string, string, string]; // prettier-ignore
  Bun.spawnSync(["mkfifo", pipe]);
  writeFileSync(target, "the backup before");
  symlinkSync("target", link);
  symlinkSync("nowhere", lost);
  for (const [file, says] of [
    [pipe, "is there and is no file"],
    [dir, "is there and is no file"],
    [lost, "is a link that leads to nothing"],
  ] as const) {
    const { code, told } = await run(["backup", file], env);
    expect([code, told]).toEqual([1, expect.stringContaining(`${file} ${says}`)]);
  }
  expect([statSync(pipe).isFIFO(), lstatSync(lost).isSymbolicLink()]).toEqual([true, true]);
  expect((await run(["backup", link], env)).code).toBe(0);
  expect([lstatSync(link).isSymbolicLink(), lstatSync(target).isFile()]).toEqual([true, true]);
  expect((await run(["restore", target], await elsewhere[0]![1]())).code).toBe(0);
  expect(readdirSync(dir).sort()).toEqual(["link", "lost", "pipe", "target"]);
}, 60_000);

test("a backup to standard output is all that goes there, and can be restored; one that nobody takes has failed", async () => {
  const rig = await embeddedRig();
  rigs.push(rig);
  await Person.signUp(rig.url());
  const file = join(await tempDir(), "backup");
  const shell = (line: string) =>
    runProgram(["-c", line, process.execPath, MAIN, "backup", "-"], { ...rig.env, FILE: file }, { program: ["bash"] });
  const piped = await shell('set -o pipefail; "$0" "$@" | cat > "$FILE"');
  expect([piped.code, piped.err]).toEqual([0, expect.stringMatching(/^Standard output has \d+ rows\. SHA-256 /)]);
  expect((await run(["restore", file], await elsewhere[0]![1]())).told).toContain("1 users");
  const closed = await shell('"$0" "$@" | true; exit ${PIPESTATUS[0]}');
  expect([closed.code, closed.err]).toEqual([1, expect.stringContaining("The backup cannot be written: EPIPE")]);
}, 60_000);

test("a restore from what is no backup makes no folder for it", async () => {
  const dir = await tempDir();
  writeFileSync(join(dir, "other"), "hello");
  for (const [name, says] of [
    ["none", "ENOENT"],
    ["other", "is no backup of LiquidChat"],
  ] as const) {
    const { code, err } = await runProgram(["restore", join(dir, name)], { DATA_DIR: join(dir, "data") });
    expect([code, err]).toEqual([1, expect.stringContaining(says)]);
  }
  expect(readdirSync(dir)).toEqual(["other"]);
});

test("a backup that is killed leaves no file, and does not keep the next one from being made", async () => {
  const rig = await embeddedRig();
  rigs.push(rig);
  const alice = await Person.signUp(rig.url());
  const socket = await alice.chat();
  await socket.flood("global", 500, (i) => crypto.getRandomValues(Buffer.alloc(900)).toString("base64") + i, 50);
  await alice.closeAll();
  const file = join(await tempDir(), "backup");
  const child = Bun.spawn([process.execPath, MAIN, "backup", file], {
    env: { PATH: process.env.PATH, SECRET_KEY: SECRET, ...rig.env },
    cwd: await tempDir(),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const copy = join(rig.env.DATA_DIR!, "pg.copy");
  await eventually(() => expect(existsSync(copy)).toBe(true));
  child.kill("SIGKILL");
  await child.exited;
  await eventually(() => expect(existsSync(copy)).toBe(false), 20_000);
  expect(existsSync(file)).toBe(false);
  expect((await run(["backup", file], rig.env)).code).toBe(0);
  expect(readFileSync(file).length).toBeGreaterThan(100_000);
}, 90_000);

test("the first version is imported by a command, which tells what it changed; a dry run leaves nothing; admins are admins", async () => {
  const world = await OLD_KINDS[0]![1]();
  const password = django("plum-orbit-4417");
  await world.add("users", [oldUser("boss", { password, is_superuser: true }), oldUser("<i>", { password })]);
  const env = await elsewhere[0]![1]();
  const dry = await run(["import-django", world.where, "--dry-run"], env);
  expect([dry.code, dry.told]).toEqual([0, expect.stringContaining("Would import 2 users")]);
  const done = await run(["import-django", world.where], env);
  expect([done.code, done.told]).toEqual([0, expect.stringContaining('"<i>" is now "_i_"')]);
  const server = await startServer({ SECRET_KEY: SECRET, ...env });
  servers.push(server);
  const log = (username: string) => Bun.fetch(`${server.url}/api/auth/login/`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ username, password: "plum-orbit-4417" }) }); // prettier-ignore
  expect([(await log("boss")).status, (await log("_i_")).status]).toEqual([200, 200]);
  await servers.pop()!.kill();
  const db = await openEmbedded(env.DATA_DIR!, systemClock, silent);
  expect(await db.query("SELECT username FROM users WHERE role = 'admin'", [])).toEqual([{ username: "boss" }]);
  await db.close();
  expect((await run(["import-django", world.where], env)).told).toContain("The database is not empty");
  expect((await run(["import-django", "/nowhere"], env)).told).toContain("The first version's database does not open");
  expect((await run(["import-django"], env)).code).toBe(2);
}, 60_000);
