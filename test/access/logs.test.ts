/** Whatever goes wrong, and however chatty the log is: what users typed, their tokens, addresses and hashes are not in it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { safeError } from "../../src/ops/log.ts";
import { call, Person, TestSocket } from "../support/client.ts";
import { clusterRig, type Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";

let canaries: string[] = [];
/** A word that is nowhere else. */
const canary = (what: string) => {
  const word = `canary-${what}-${crypto.randomUUID().slice(0, 8)}`;
  canaries.push(word);
  return word;
};

describe.skipIf(!haveServices)("the log of two chatty processes", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await clusterRig({ DEBUG: "true" });
  });
  afterAll(() => rig.stop());

  const log = () => rig.servers.map((server) => server.output()).join("\n");
  /** The log tells of what was done; nothing of what it was done with. */
  const expectToldWithout = async (told: string[]) => {
    await eventually(() => {
      for (const word of told) expect(log()).toContain(word);
    });
    for (const secret of [...canaries, "eyJ", "$argon2", "mailbox"]) expect(log()).not.toContain(secret);
    canaries = [];
  };
  const signUp = (username: string, email: string, password = canary("Password9")) =>
    call(rig.url(), "POST", "/api/auth/signup/", { body: { username, password, password_confirm: password, email } });

  test("good and bad requests, sockets and frames", async () => {
    const [alice, bob] = [await Person.signUp(rig.url()), await Person.signUp(rig.url(1))];
    const room = await alice.conversationWith(bob);
    expect((await signUp("logged", `${canary("mail")}@example.org`)).status).toBe(201);
    await signUp("a b", canary("badmail"), "short");
    await call(rig.url(), "POST", "/api/auth/login/", { body: { username: canary("name"), password: canary("pw") } });
    for (const [body, type] of [
      [`{"password": "${canary("broken")}`, "application/json"],
      [canary("form"), "text/plain"],
      [JSON.stringify({ refresh: canary("refresh") }), "application/json"],
      [`"${canary("long").repeat(20_000)}"`, "application/json"],
    ] as const)
      await call(rig.url(), "POST", "/api/auth/token/refresh/", { body, headers: { "Content-Type": type } });
    await alice.post(`/api/chat/conversations/${room}/messages/`, { content: canary("rest") });
    await alice.get(`/api/auth/users/?search=${canary("search")}`);
    // A token where none belongs.
    await alice.get(`/api/chat/conversations/${alice.access}/`);
    await alice.get(`/nowhere/${alice.refresh}/${alice.access}`);
    await alice.get(`/api/auth/users/?token=${alice.access}`);
    const sockets = [await alice.socket("global"), await bob.socket("private"), await alice.chat()];
    for (const socket of sockets) {
      for (const type of ["send_global_message", "send_private_message", "send_message"])
        socket.send({ type, content: canary("frame"), conversation_id: room, stream: room, client_id: canary("id") });
      socket.send(`{"type": "${canary("bad")}`);
      socket.send({ type: canary("type"), token: alice.access });
      socket.send({ type: "auth", token: bob.access });
      await socket.settled();
    }
    await new TestSocket(`${rig.url()}/ws/chat/private/?token=${alice.refresh}`).closed;
    await new TestSocket(`${rig.url()}/ws/chat/?token=${alice.refresh}`).closed;
    await alice.post("/api/auth/logout/", { refresh: alice.refresh });
    await expectToldWithout([
      '"path":"/api/auth/signup"',
      '"path":"/ws/chat/private"',
      '"path":"/nowhere/<token>/<token>"',
    ]);
    await bob.closeAll();
  });

  test("the database's errors, which quote values, parameters and whole rows", async () => {
    const alice = await Person.signUp(rig.url());
    const socket = await alice.socket("global");
    await rig.sql("ALTER TABLE users ADD CONSTRAINT no_mail CHECK (email NOT LIKE '%canary%') NOT VALID");
    await rig.sql("ALTER TABLE messages ADD CONSTRAINT no_talk CHECK (content NOT LIKE '%canary%') NOT VALID");
    expect((await signUp("refused", `${canary("row")}@example.org`)).status).toBe(500);
    expect((await alice.post("/api/chat/global/messages/", { content: canary("row") })).status).toBe(500);
    socket.send({ type: "send_global_message", content: canary("row"), client_id: canary("id") });
    expect((await socket.next("error")).code).toBe("internal");
    await rig.sql("ALTER TABLE users RENAME COLUMN folded TO gone");
    const unknown = { username: canary("param"), password: canary("param") };
    expect((await call(rig.url(), "POST", "/api/auth/login/", { body: unknown })).status).toBe(500);
    expect((await alice.get(`/api/auth/users/?search=${canary("param")}`)).status).toBe(500);
    await rig.sql("ALTER TABLE users RENAME COLUMN gone TO folded");
    await rig.sql("ALTER FUNCTION sign_up RENAME TO gone");
    expect((await signUp("refused", `${canary("param")}@example.org`)).status).toBe(500);
    await rig.sql("ALTER FUNCTION gone RENAME TO sign_up");
    await rig.sql("ALTER TABLE users DROP CONSTRAINT no_mail");
    await rig.sql("ALTER TABLE messages DROP CONSTRAINT no_talk");
    await expectToldWithout(["request failed", "a frame failed", "23514", "42703", "42883"]);
    await alice.closeAll();
  });

  test("a Redis that refuses what is published, and says what it was", async () => {
    const alice = await Person.signUp(rig.url());
    const redis = new Bun.RedisClient(rig.env.REDIS_URL!);
    await redis.send("ACL", ["SETUSER", "default", "-publish"]);
    expect((await alice.post("/api/chat/global/messages/", { content: canary("hint") })).status).toBe(201);
    await eventually(() => expect(log()).toContain("a hint was lost"));
    await redis.send("ACL", ["SETUSER", "default", "+publish"]);
    redis.close();
    await expectToldWithout(["a hint was lost", "NOPERM"]);
  });
});

test("an error is told without what is quoted in it, whoever quotes, and whatever is in the quotes", () => {
  const secret = canary("quoted");
  for (const message of [
    `invalid input syntax for type uuid: "a"${secret}"b"`,
    `invalid input syntax for type json: "\n${secret}\n"`,
    `ERR unknown command 'PUBLISH', with args beginning with: 'liquidchat' '{"content":"it's ${secret}"}' `,
    `ERR unknown command \`publish\`, with args beginning with: \`${secret}\`, `,
    `Failed query: select 1\nparams: ${secret}`,
  ]) {
    expect(JSON.stringify(safeError(new Error(message)))).not.toContain(secret);
    expect(JSON.stringify(safeError(message))).not.toContain(secret);
  }
});

test("a defect that nobody caught ends the process with one line, without what is in the error", async () => {
  const secret = canary("crash");
  for (const how of ["throw error", "Promise.reject(error)"]) {
    const crash = Bun.spawn(
      [process.execPath, "-e", `
        import { createLog, endOnDefect } from ${JSON.stringify(join(import.meta.dir, "../../src/ops/log.ts"))};
        endOnDefect(createLog(true));
        const error = Object.assign(new Error('key "${secret}"'), { detail: "${secret}", parameters: ["${secret}"] });
        setTimeout(() => { ${how} });
        setTimeout(() => {}, 10_000);`],
      { stdio: ["ignore", "pipe", "pipe"] },
    ); // prettier-ignore
    const output = (await new Response(crash.stdout).text()) + (await new Response(crash.stderr).text());
    expect([await crash.exited, output.trim().split("\n").length]).toEqual([1, 1]);
    expect(output).toContain("a defect ended this process");
    expect(output).not.toContain(secret);
  }
});
