/** What mallory tried. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { safeError } from "../src/ops/log.ts";
import { type Outgoing } from "../src/deps.ts";
import { systemClock } from "../src/ops/clock.ts";
import { Heads } from "../src/realtime/heads.ts";
import { createPublisher } from "../src/realtime/publisher.ts";
import { Sockets } from "../src/realtime/sockets.ts";
import { call, PASSWORD, Person, TestSocket } from "./support/client.ts";
import { embeddedRig, type Rig } from "./support/server.ts";
import { eventually } from "./support/services.ts";

describe("mallory", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await embeddedRig({ DEBUG: "true", TRUSTED_PROXIES: "127.0.0.1", LOGIN_RATE_LIMIT: "300" });
  });
  afterAll(() => rig.stop());

  /** Bytes as they are, and the first answer. */
  const raw = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(rig.url());
      let answer = "";
      Bun.connect({ hostname, port: Number(port), socket: { open: (s) => void s.write(bytes), data: (s, d) => { answer += d; s.end(); }, close: () => resolve(answer), error: (_, e) => reject(e) } }).catch(reject); // prettier-ignore
    });

  test("a Host header that is none is the client's mistake, not the server's", async () => {
    const { access } = await Person.signUp(rig.url());
    for (const host of ["x:99999", "a b", "[::1", "@", "a/b"]) {
      expect([
        host,
        (await raw(`GET /ws/chat/global/?token=${access} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).split("\r\n")[0],
      ]).toEqual([host, "HTTP/1.1 400 Bad Request"]);
    }
    expect(await raw("GET /healthz HTTP/1.0\r\n\r\n")).not.toContain(" 500 ");
  });

  test("a client that hangs up in the middle of a body is no event; a body that is too big is told so", async () => {
    const { hostname, port } = new URL(rig.url());
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
    socket.write(
      "POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{",
    );
    await Bun.sleep(50);
    socket.terminate();
    const big = await call(rig.url(), "POST", "/api/auth/login/", {
      body: "x".repeat(2_000_000),
      headers: { "Content-Type": "application/json" },
    });
    expect([big.status, big.body.code]).toEqual([413, "too_large"]);
    await Bun.sleep(100);
    expect(rig.servers[0]!.output()).not.toContain("request failed");
  });

  test("spaces around a name and the addresses of one IPv6 network do not buy more guesses", async () => {
    const alice = await Person.signUp(rig.url());
    const guess = async (username: string, address: string) =>
      (
        await call(rig.url(), "POST", "/api/auth/login/", {
          body: { username, password: "wrong-guess-1" },
          headers: { "X-Forwarded-For": address },
        })
      ).status;
    for (let i = 0; i < 5; i++) expect(await guess(alice.name + " ".repeat(i), `2001:db8:1:2::${i}`)).toBe(401);
    expect(await guess(` ${alice.name}`, "2001:db8:1:2:ffff::1")).toBe(429);
    expect(await guess(alice.name, "2001:db8:1:3::1")).toBe(401);
  });

  test("a hundred frames at once are refused one by one, and the socket stays open", async () => {
    const limited = await embeddedRig({ MESSAGE_RATE_LIMIT: "1", MESSAGE_RATE_BURST: "5" });
    const alice = await Person.signUp(limited.url());
    for (const frame of [
      { type: "send_private_message", conversation_id: crypto.randomUUID(), content: "x" },
      { type: "typing_start", conversation_id: crypto.randomUUID() },
    ]) {
      const socket = await alice.socket("private");
      for (let i = 0; i < 100; i++) socket.send(frame);
      await eventually(() => expect(socket.frames.length).toBe(100));
      expect(socket.ws.readyState).toBe(WebSocket.OPEN);
    }
    await limited.stop();
  });

  test("an origin is compared with Host as addresses are, not as letters", async () => {
    const { access } = await Person.signUp(rig.url());
    const knock = (host: string, origin: string) =>
      raw(
        `GET /ws/chat/global/?token=${access} HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      );
    for (const [host, origin] of [
      ["chat.example:80", "http://chat.example"],
      ["CHAT.example", "https://chat.example"],
      ["chat.example:443", "https://chat.example"],
    ])
      expect([host, (await knock(host!, origin!)).slice(9, 12)]).toEqual([host, "101"]);
    for (const [host, origin] of [
      ["chat.example:81", "http://chat.example"],
      ["chat.example", "http://chat.example.evil"],
      ["chat.example", "null"],
      ["chat.example", "file://chat.example"],
    ])
      expect([origin, (await knock(host!, origin!)).slice(9, 12)]).toEqual([origin, "403"]);
  });

  test("no token, password, e-mail or message is in the log, chatty as it is", async () => {
    const { body } = await call(rig.url(), "POST", "/api/auth/signup/", {
      body: { username: "logged", password: PASSWORD, password_confirm: PASSWORD, email: "logged@example.org" },
    });
    const socket = new TestSocket(`${rig.url()}/ws/chat/global/?token=${body.access}`);
    await socket.opened;
    await socket.say({ content: "a very private thought" });
    await new TestSocket(`${rig.url()}/ws/chat/private/?token=${body.refresh}`).closed;
    // As a subprotocol, as a header, as a frame; good, of the wrong kind, and forged.
    const forged = `${body.access.slice(0, -6)}forged`;
    for (const token of [body.access, body.refresh, forged]) {
      const chat = `${rig.url()}/ws/chat/`;
      for (const options of [
        { protocols: ["liquidchat.v2", `bearer.${token}`] },
        { protocols: ["liquidchat.v2"], headers: { Authorization: `Bearer ${token}` } },
        { protocols: [`bearer.${token}`] },
      ]) {
        const one = new TestSocket(chat, options);
        await one.opened;
        one.send({ type: "resume", epoch: token, since: token });
        await one.close();
      }
      const asked = new TestSocket(chat, { protocols: ["liquidchat.v2"] });
      await asked.opened;
      for (const frame of [{ type: "auth", token }, { type: "auth", token }, { type: token, client_id: token }, token]) asked.send(frame); // prettier-ignore
      await asked.close();
      // Where no token belongs, and where things go wrong.
      for (const path of [`/${token}`, `/api/chat/conversations/${token}/`, `/api/auth/users/?search=${token}&page=${token}`, `/ws/chat/global/?token=${token}`]) // prettier-ignore
        for (const method of ["GET", "DELETE"]) await call(rig.url(), method, path, { token, headers: { Cookie: `session=${token}` } }); // prettier-ignore
      for (const path of ["/api/auth/token/refresh/", "/api/auth/logout/"]) {
        await call(rig.url(), "POST", path, { token, body: { refresh: forged } });
        await call(rig.url(), "POST", path, { token, body: `{"refresh": "${token}"` });
      }
    }
    await raw(`GET /ws/chat/global/?token=${body.access} HTTP/1.1\r\nHost: a b\r\n\r\n`);
    await call(rig.url(), "GET", "/api/auth/users/?search=secret-search", { token: body.access });
    await socket.close();
    const log = await eventually(() => {
      expect(rig.servers[0]!.output()).toContain("/ws/chat/private");
      return rig.servers[0]!.output();
    });
    for (const secret of [
      body.access,
      body.refresh,
      body.access.split(".")[2],
      PASSWORD,
      "example.org",
      "private thought",
      "secret-search",
      "eyJ",
      "forged",
    ])
      expect(log).not.toContain(secret);
  });
});

test("an error in the log has lost what users sent", () => {
  const cause = Object.assign(new Error('duplicate key "alice@example.org"'), {
    code: "23505",
    detail: "Failing row contains ($argon2id$v=19$x, body)",
    input: "http://x/?token=eyJ",
  });
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
  for (const error of [new Error(`no such thing: ${token}`), `broken ${token}`])
    expect(safeError(error).message).toEndWith("<token>");
  const text = JSON.stringify(safeError(new Error("Failed query: select 1\nparams: alice@example.org,eyJ", { cause })));
  for (const secret of ["alice", "argon2id", "eyJ", "body"]) expect(text).not.toContain(secret);
  expect(text).toContain("23505");
  expect(text).toContain("select 1");
});

test("a publish that throws does not silence the server for ever", () => {
  const published: string[] = [];
  let broken = true;
  const publishTo = (_topic: string, frame: string) => {
    if (broken) throw new Error("not yet");
    published.push(frame);
  };
  const { publish } = createPublisher({ publishTo, sockets: new Sockets(), heads: new Heads(systemClock) });
  const one = (frame: string): Outgoing => ({ endpoint: "global", user: null, frame });
  expect(() => publish([one("a")])).toThrow("not yet");
  broken = false;
  publish([one("b"), one("c")]);
  expect(published).toEqual(["b", "c"]);
});

test("a frame whose user got lost on the way is nobody's, not everyone's", () => {
  const topics: string[] = [];
  const publishTo = (topic: string) => void topics.push(topic);
  const { publish } = createPublisher({ publishTo, sockets: new Sockets(), heads: new Heads(systemClock) });
  publish([{ endpoint: "chat", frame: "secret" } as Outgoing, { endpoint: "chat", user: null, frame: "for all" }]);
  expect(topics).toEqual(["chat:undefined", "chat"]);
});
