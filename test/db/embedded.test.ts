import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import template from "../../src/db/template.json";
import { Person } from "../support/client.ts";
import { embeddedRig, type Rig, startServer } from "../support/server.ts";
import { tempDir } from "../support/services.ts";

describe("the embedded database", () => {
  let rig: Rig | undefined;
  afterEach(async () => {
    await rig?.stop();
    rig = undefined;
  });

  test("a second process on the same data says one clear thing and harms nothing", async () => {
    rig = await embeddedRig();
    const alice = await Person.signUp(rig.url());
    const second = startServer({ ...rig.env, PORT: "0" });
    await expect(second).rejects.toThrow(/is in use by another LiquidChat/);
    await second.catch((error: Error) => expect(error.message.trim().split("\n").length).toBe(1));
    expect((await alice.get("/api/auth/users/")).status).toBe(200);
  });

  test("a kill loses nothing that was acknowledged, accounts and sessions included", async () => {
    rig = await embeddedRig();
    const alice = await Person.signUp(rig.url());
    const socket = await alice.socket("global");
    const sent = [];
    for (let i = 0; i < 50; i++) sent.push(await socket.say({ content: `kept ${i}` }));
    await rig.servers[0]!.kill("SIGKILL");
    rig.servers[0] = await startServer(rig.env);
    const { body } = await alice.get("/api/chat/global/messages/");
    expect(body.map((m: { id: number; content: string }) => [m.id, m.content])).toEqual(
      sent.map((m) => [m.id, m.content]),
    );
  });

  test("whoever may enter DATA_DIR can read neither the database nor the secret", async () => {
    const dir = await tempDir();
    chmodSync(dir, 0o755);
    rig = await embeddedRig({ DATA_DIR: dir, SECRET_KEY: "" });
    const mode = (name: string) => statSync(join(dir, name)).mode & 0o777;
    expect([mode("pg"), mode("secret_key")]).toEqual([0o700, 0o600]);
  });

  test("a backup that is copied back is another history, and a restart is not", async () => {
    rig = await embeddedRig();
    const dir = rig.env.DATA_DIR!;
    const alice = await Person.signUp(rig.url());
    const epoch = async () => {
      const socket = await alice.chat();
      await alice.closeAll();
      return socket.hello.epoch;
    };
    const before = await epoch();
    await rig.servers[0]!.kill();
    await cp(dir, `${dir}.backup`, { recursive: true, preserveTimestamps: true });
    rig.servers[0] = await startServer(rig.env);
    expect(await epoch()).toBe(before);
    await rig.servers[0]!.kill("SIGKILL");
    // As an operator would: over what is there.
    await cp(`${dir}.backup`, dir, { recursive: true, preserveTimestamps: true });
    rig.servers[0] = await startServer(rig.env);
    const after = await epoch();
    expect(after).not.toBe(before);
    await rig.servers[0]!.kill();
    rig.servers[0] = await startServer(rig.env);
    expect(await epoch()).toBe(after);
  });

  test("one user's flood of reads is refused in part, and never taken for a database that hangs", async () => {
    rig = await embeddedRig();
    const [alice, mallory] = [await Person.signUp(rig.url()), await Person.signUp(rig.url())];
    const socket = await alice.socket("global");
    const flood = Promise.all(
      Array.from({ length: 1_500 }, () => mallory.get("/api/chat/conversations/").then(({ status }) => status)),
    );
    for (let i = 0; i < 5; i++) expect((await socket.say({ content: `through ${i}` })).id).toBe(i + 1);
    expect([...new Set(await flood)].sort()).toEqual([200, 429]);
    expect(rig.servers[0]!.output()).not.toContain("starting it again");
  });

  test("the first start makes a secret that only its owner can read, and keeps it", async () => {
    const dataDir = await tempDir();
    const first = await startServer({ DATA_DIR: dataDir });
    const secret = readFileSync(join(dataDir, "secret_key"), "utf8");
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(
      Bun.spawnSync(["stat", "-c", "%a", join(dataDir, "secret_key")])
        .stdout.toString()
        .trim(),
    ).toBe("600");
    const alice = await Person.signUp(first.url);
    await first.kill();
    const second = await startServer({ DATA_DIR: dataDir });
    expect((await alice.at(second.url).get("/api/auth/users/")).status).toBe(200);
    expect(readFileSync(join(dataDir, "secret_key"), "utf8")).toBe(secret);
    await second.kill();
  });

  test("a disk that is nearly full refuses sends before the database sees them, and takes them again when there is room", async () => {
    const dir = await tempDir();
    if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", dir]).exitCode !== 0) {
      if (process.env.CI) throw new Error("this test mounts a small disk, which needs root");
      return console.warn("*** SKIPPED: mounting a small disk needs root");
    }
    try {
      rig = await embeddedRig({ DATA_DIR: join(dir, "data") });
      const alice = await Person.signUp(rig.url());
      const socket = await alice.socket("global");
      await socket.say({ content: "before" });
      const free = Number(Bun.spawnSync(["df", "-B1", "--output=avail", dir]).stdout.toString().split("\n")[1]);
      await Bun.write(join(dir, "ballast"), Buffer.alloc(free - 60 * 1024 * 1024));
      await Bun.sleep(1_500);
      socket.send({ type: "send_global_message", content: "no room", client_id: "again" });
      expect(await socket.next("error")).toMatchObject({ code: "unavailable", client_id: "again" });
      expect((await alice.get("/api/chat/global/messages/")).body.length).toBe(1);
      await rm(join(dir, "ballast"));
      await Bun.sleep(1_500);
      await socket.say({ content: "no room", client_id: "again" });
      expect((await alice.get("/api/chat/global/messages/")).body.length).toBe(2);
    } finally {
      await rig?.stop();
      rig = undefined;
      Bun.spawnSync(["umount", dir]);
    }
  });

  test("the template was made by the PGlite that is installed", async () => {
    const installed = await Bun.file(
      join(import.meta.dir, "../../node_modules/@electric-sql/pglite/package.json"),
    ).json();
    expect(template.pglite).toBe(installed.version);
    const dir = await tempDir();
    await new Bun.Archive(await Bun.file(join(import.meta.dir, "../../src/db/template.tar.gz")).bytes()).extract(dir);
    expect(readFileSync(join(dir, "PG_VERSION"), "utf8").trim()).toBe("18");
  });
});
