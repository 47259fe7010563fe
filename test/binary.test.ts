/** The program as one file: in an empty folder, by a user who may do nothing else, with nothing of ours on the machine. */
import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { version } from "../package.json";
import { builtBinary } from "./support/binary.ts";
import { Person } from "./support/client.ts";
import { runProgram } from "./support/program.ts";
import { type Env, SECRET, startServer } from "./support/server.ts";
import { eventually, freePort, freshDatabase, haveServices, startRedis, tempDir } from "./support/services.ts";

const NOBODY = 65_534;
const isRoot = process.geteuid!() === 0;

describe.skipIf(process.platform !== "linux")("the binary", () => {
  let dir: string;
  /** The binary as nobody, in its folder, where everything else that it may write to is not. */
  let program: string[];
  beforeAll(async () => {
    dir = await tempDir();
    copyFileSync(builtBinary(), join(dir, "liquidchat"));
    chmodSync(join(dir, "liquidchat"), 0o755);
    if (isRoot) chownSync(dir, NOBODY, NOBODY);
    const as = isRoot ? `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups` : "";
    program = ["sh", "-c", `cd ${dir} && exec ${as} ./liquidchat "$@"`, "liquidchat"];
  }, 120_000);

  test("serves, keeps what was said over a restart, and takes commands", async () => {
    const env: Env = { SECRET_KEY: SECRET, PORT: `${await freePort()}` };
    const first = await startServer(env, [], program);
    for (const path of [
      "/",
      "/reset",
      "/page.js",
      "/page.css",
      "/sw.js",
      "/icon-192.png",
      "/api/docs",
      "/api/docs/page.js",
      "/api/openapi.json",
    ])
      expect([path, (await fetch(first.url + path)).status]).toEqual([path, 200]);
    const ada = await Person.signUp(first.url, "ada");
    const socket = await ada.socket("global");
    await socket.say({ content: "kept" });
    const beside = await runProgram(["create-admin", "ada"], env, { program });
    expect([beside.code, beside.err]).toEqual([0, ""]);
    expect((await ada.get("/api/auth/me/")).body.role).toBe("admin");
    expect((await runProgram(["health"], env, { program })).code).toBe(0);
    await first.kill();
    expect((await runProgram(["health"], env, { program })).code).toBe(1);
    expect(readdirSync(dir).sort()).toEqual(["data", "liquidchat"]);
    expect((await runProgram(["doctor"], env, { program })).code).toBe(0);
    expect((await runProgram(["--version"], env, { program })).out).toBe(`liquidchat ${version}\n`);

    const second = await startServer(env, [], program);
    const again = await ada.at(second.url).get("/api/chat/global/messages/");
    expect(again.body.map(({ content }: { content: string }) => content)).toEqual(["kept"]);
    await second.kill();
  }, 60_000);

  test.skipIf(!haveServices)(
    "runs several workers, which end with it",
    async () => {
      const redis = await startRedis();
      const port = await freePort();
      const env = { DATABASE_URL: await freshDatabase(), REDIS_URL: redis.url, SECRET_KEY: SECRET };
      const child = Bun.spawn([...program, "serve"], {
        env: { PATH: process.env.PATH!, ...env, WORKERS: "2", PORT: `${port}`, HOST: "127.0.0.1" },
        stdio: ["ignore", "pipe", "ignore"],
      });
      const url = `http://127.0.0.1:${port}`;
      await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), 20_000);
      const workers = () =>
        Bun.spawnSync(["pgrep", "-P", `${child.pid}`])
          .stdout.toString()
          .split("\n")
          .filter(Boolean);
      await eventually(() => expect(workers().length).toBe(2));
      const ada = await Person.signUp(url, "ada-of-many");
      expect((await ada.post("/api/chat/global/messages/", { content: "to all" })).status).toBe(201);
      const alive = workers();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      for (const pid of alive) expect(() => process.kill(Number(pid), 0)).toThrow();
      await redis.stop();
    },
    60_000,
  );
});
