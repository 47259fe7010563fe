/** The program's commands, run as an operator does: a process each, beside a server or without one. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { asyncapi } from "../../src/protocol/asyncapi.ts";
import { openapi } from "../../src/protocol/openapi.ts";
import { MAIN, runProgram } from "../support/program.ts";
import { type Env, SECRET, startServer } from "../support/server.ts";
import { freePort, freshDatabase, haveServices, tempDir } from "../support/services.ts";

describe("what is asked for", () => {
  test("help names every command, and each tells of itself", async () => {
    const { code, out } = await runProgram(["--help"]);
    expect(code).toBe(0);
    const names = [...out.matchAll(/^ {2}([\w-]+) {2}/gm)].map((match) => match[1]!);
    expect(names).toEqual(expect.arrayContaining(["serve", "health", "migrate"]));
    expect(names).not.toContain("worker");
    for (const name of names) {
      const told = await runProgram([name, "--help"]);
      expect([told.code, told.out.startsWith(`Usage: liquidchat ${name}`), told.err]).toEqual([0, true, ""]);
    }
  });

  test("what makes no sense is 2 and says what would", async () => {
    for (const args of [["no-such-command"], ["migrate", "--no-such-flag"], ["migrate", "too-much"], ["serve", "x"]]) {
      const { code, out, err } = await runProgram(args);
      expect([args, code, out, err.includes("Usage: liquidchat")]).toEqual([args, 2, "", true]);
    }
  });

  test("an option that there is not is told once, in one sentence", async () => {
    const { err } = await runProgram(["create-admin", "ada", "--port=3"]);
    expect(err).toBe("There is no option --port.\nUsage: liquidchat create-admin NAME [--link]\n");
    const taken = (await runProgram(["create-admin", "ada", "--link=3"])).err;
    expect(taken).toBe("Option '--link' does not take an argument.\nUsage: liquidchat create-admin NAME [--link]\n");
  });

  test("a setting that cannot work is 1, and named", async () => {
    const { code, err } = await runProgram(["migrate"], { PORT: "x" });
    expect([code, err]).toEqual([1, 'PORT: must be a number from 0 to 65535, not "x".\n']);
  });
});

test("a target that cannot be built is told in one line", () => {
  const build = Bun.spawnSync([process.execPath, join(import.meta.dir, "../../build/binary.ts"), "no-such-target"]);
  expect([build.exitCode, build.stderr.toString()]).toEqual([
    2,
    'There is no target "no-such-target". There are linux-x64, linux-arm64, linux-x64-musl, linux-arm64-musl.\n',
  ]);
});

test("the documents for programs are printed as the server hands them out", async () => {
  const [http, sockets] = await Promise.all([runProgram(["openapi"]), runProgram(["asyncapi"])]);
  expect([http.code, JSON.parse(http.out)]).toEqual([0, JSON.parse(JSON.stringify(openapi(version)))]);
  expect([sockets.code, JSON.parse(sockets.out)]).toEqual([0, JSON.parse(JSON.stringify(asyncapi(version)))]);
});

describe("the embedded database", () => {
  test("a command opens it where no server runs, and asks the server that runs", async () => {
    const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET };
    const alone = await runProgram(["migrate"], env);
    expect([alone.code, alone.out]).toEqual([
      0,
      expect.stringMatching(/^The database is up to date: \d+ migrations\.\n$/),
    ]);
    const socket = join(env.DATA_DIR!, "control.sock");
    expect(existsSync(socket)).toBe(false);
    // As a killed server leaves one.
    writeFileSync(socket, "");
    const server = await startServer(env);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(socket).isSocket()).toBe(true);
    expect((await runProgram(["migrate"], env)).out).toBe(alone.out);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await server.kill();
    expect([existsSync(socket), existsSync(join(env.DATA_DIR!, ".new"))]).toEqual([false, false]);
  });

  test("a server says where its data is, and that the database is new where it was just made", async () => {
    const env: Env = { DATA_DIR: join(await tempDir(), "data"), SECRET_KEY: SECRET };
    for (const says of ["with a new database in", "data in"]) {
      const server = await startServer(env);
      await server.kill();
      const ready = /^LiquidChat is ready on http:\/\/localhost:\d+, (.*)$/m.exec(server.output());
      expect(ready?.[1]).toBe(`${says} ${env.DATA_DIR}`);
    }
  }, 30_000);

  test("a server whose folder takes no socket file serves all the same, and says so", async () => {
    const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET };
    mkdirSync(join(env.DATA_DIR!, "control.sock", "in-the-way"), { recursive: true });
    const server = await startServer(env);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(server.output()).toContain("commands will not reach this server");
    await server.kill();
  });

  test("what holds it and does not answer is told", async () => {
    const env: Env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET };
    const server = await startServer(env);
    process.kill(server.pid, "SIGSTOP");
    const { code, err } = await runProgram(["migrate"], env);
    process.kill(server.pid, "SIGCONT");
    await server.kill();
    expect([code, err]).toEqual([1, expect.stringContaining("does not answer at")]);
  });
});

test.skipIf(!haveServices)(
  "over PostgreSQL a command needs no server, nor minds one",
  async () => {
    const env = { DATABASE_URL: await freshDatabase(), SECRET_KEY: SECRET };
    expect((await runProgram(["migrate"], env)).code).toBe(0);
    const server = await startServer(env);
    expect((await runProgram(["migrate"], env)).code).toBe(0);
    await server.kill();
  },
  30_000,
);

test("health asks the server on this machine, and is 1 where none can serve", async () => {
  const port = await freePort();
  const env = { DATA_DIR: await tempDir(), SECRET_KEY: SECRET, HOST: "0.0.0.0", PORT: String(port) };
  const before = await runProgram(["health"], env);
  expect([before.code, before.err]).toEqual([
    1,
    expect.stringContaining(`nothing answers at http://127.0.0.1:${port}`),
  ]);
  const server = await startServer(env);
  const now = await runProgram(["health"], { ...env, HTTP_PROXY: "http://127.0.0.1:9" });
  expect([now.code, JSON.parse(now.out).status]).toEqual([0, "ready"]);
  await server.kill();
});

test("a server that is told to stop while it starts goes at once", async () => {
  const env = { DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x`, SECRET_KEY: SECRET };
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { PATH: process.env.PATH!, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  let askedAt = 0;
  for await (const chunk of child.stderr) {
    told += new TextDecoder().decode(chunk);
    if (!askedAt && told.includes("does not answer yet")) {
      askedAt = performance.now();
      child.kill("SIGTERM");
    }
  }
  expect([await child.exited, told, performance.now() - askedAt < 2_000]).toEqual([0, expect.any(String), true]);
});
