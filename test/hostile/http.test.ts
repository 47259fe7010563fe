/** What mallory asks over HTTP. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { footprintOf } from "../chaos/fleet.ts";
import { call, PASSWORD, Person } from "../support/client.ts";
import { exchange, handshake, RawSocket } from "../support/raw.ts";
import { embeddedRig, type Rig } from "../support/server.ts";

let rig: Rig;
let alice: Person;
beforeAll(async () => {
  rig = await embeddedRig();
  alice = await Person.signUp(rig.url());
});
afterAll(() => rig.stop());

const HOST = "Host: chat.example\r\n";
const NEXT = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;
const post = (headers: string, body: string, path = "/api/auth/login/") =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}\r\n${body}`;
const send = (bytes: string) => exchange(rig.url(), bytes);
const logIn = (body: string, headers: Record<string, string> = {}) =>
  call(rig.url(), "POST", "/api/auth/login/", { body, headers });

for (const [what, bytes] of [
  ["a length and chunks", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${NEXT}`)],
  ["chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `0\r\n\r\n${NEXT}`)],
  ["two lengths", post("Content-Length: 2\r\nContent-Length: 40\r\n", `{}${NEXT}`)],
  ["a list of lengths", post("Content-Length: 2, 2\r\n", `{}${NEXT}`)],
  ["a signed length", post("Content-Length: +2\r\n", `{}${NEXT}`)],
  ["a negative length", post("Content-Length: -1\r\n", `{}${NEXT}`)],
  ["a length in hexadecimal", post("Content-Length: 0x2\r\n", `{}${NEXT}`)],
  ["a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n", `{}${NEXT}`)],
  ["an unknown transfer coding", post("Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${NEXT}`)],
  ["two transfer codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", `0\r\n\r\n${NEXT}`)],
  ["a space before the colon", post("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", `0\r\n\r\n${NEXT}`)],
  ["a folded header", post("Transfer-Encoding:\r\n chunked\r\n", `0\r\n\r\n${NEXT}`)],
  ["bare line feeds", `GET /healthz HTTP/1.1\nHost: x\n\n${NEXT}`],
  ["a bare carriage return in a header", `GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\n\r\n${NEXT}`],
  ["a NUL in a header", `GET /healthz HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n${NEXT}`],
  ["a chunk that is no number", post("Transfer-Encoding: chunked\r\n", `zz\r\n{}\r\n0\r\n\r\n${NEXT}`)],
  ["a chunk longer than it says", post("Transfer-Encoding: chunked\r\n", `2\r\n{}XX0\r\n\r\n${NEXT}`)],
  [
    "a chunk of more than there is",
    post("Transfer-Encoding: chunked\r\n", `FFFFFFFFFFFFFFFF1\r\n{}\r\n0\r\n\r\n${NEXT}`),
  ],
  ["no host", "GET /healthz HTTP/1.1\r\n\r\n"],
  ["HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["TLS where none is spoken", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
] as [string, string][])
  // prettier-ignore
  test(`${what}: the request is refused, nothing after it is read, and the connection is closed`, async () => {
    const socket = await send(bytes);
    expect([socket.closed, socket.statuses.length <= 1, socket.statuses.every((s) => s === 400 || s === 505)]).toEqual([true, true, true]); // prettier-ignore
  });

test("two hosts are one too many: a proxy may have read the other one", async () => {
  expect((await send(`GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`)).statuses).toEqual([400]);
});

test("the host of an absolute address is not taken over its header's", async () => {
  const { bytes } = await send(
    `GET http://evil.example/api/auth/users/?page_size=1 HTTP/1.1\r\n${HOST}Authorization: Bearer ${alice.access}\r\n\r\n`,
  );
  expect(bytes.toString()).toContain("200 OK");
  expect(bytes.toString()).not.toContain("evil.example");
});

test("what follows a refused body is never taken for a request", async () => {
  // Each body has a request in it, and is refused before it was read: it stays a body.
  for (const path of ["/nowhere/", "/api/chat/conversations/create/", "/healthz", "/api/auth/login/"]) {
    const body = NEXT.repeat(20);
    const { statuses } = await send(
      `POST ${path} HTTP/1.1\r\n${HOST}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /healthz HTTP/1.1\r\n${HOST}\r\n`,
    );
    expect([path, statuses.length, statuses[1]]).toEqual([path, 2, 200]);
  }
});

test("headers that are too long or too many are 431, however slowly or without end they come", async () => {
  for (const headers of [`X: ${"a".repeat(17_000)}\r\n`, "X-A: b\r\n".repeat(250), `X: ${"a".repeat(1_000_000)}`])
    expect((await send(`GET /healthz HTTP/1.1\r\n${HOST}${headers}\r\n`)).statuses).toEqual([431]);
  expect((await send(`GET /${"a".repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`)).statuses).toEqual([431]);
});

test("paths are taken as they are: no trick leads from one address to another", async () => {
  for (const path of [
    "//healthz",
    "/api//auth/users/",
    "/api%2fauth%2fusers/",
    "/API/auth/users/",
    "/api/auth/users/;x",
    "/%00",
    "/healthz%00",
    "/healthz/..%2f",
    `/${"a/".repeat(5_000)}`,
    `/${"/".repeat(10_000)}`,
    "/.env",
    "/.git/config",
  ])
    // prettier-ignore
    expect([path.slice(0, 30), (await send(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`)).statuses]).toEqual([path.slice(0, 30), [404]]);
  for (const id of ["%00", "%ff", "%", "%c0%af", "..%2f..%2f", "%2e%2e", "x".repeat(5_000)])
    expect([id.slice(0, 20), (await alice.get(`/api/chat/conversations/${id}/messages/`)).status]).toEqual([id.slice(0, 20), 404]); // prettier-ignore
});

test("methods that nobody serves are 405 or 404 as problem documents, and nothing is echoed", async () => {
  for (const method of ["TRACE", "PURGE", "PROPFIND", "PUT", "DELETE"]) {
    const answer = (await send(`${method} /healthz HTTP/1.1\r\n${HOST}X-Secret: echo-me\r\n\r\n`)).bytes.toString();
    for (const part of ["405", "Allow: GET, HEAD, OPTIONS", "problem+json", "nosniff", "no-store", "no-referrer"])
      expect([method, answer]).toEqual([method, expect.stringContaining(part)]);
    expect(answer).not.toContain("echo-me");
  }
  expect((await send(`CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`)).statuses).toEqual([404]);
  // The runtime does not know them and says nothing.
  for (const method of ["get", "FOO"]) expect((await send(`${method} /healthz HTTP/1.1\r\n${HOST}\r\n`)).statuses).toEqual([]); // prettier-ignore
});

test("a body over 256 KiB is 413, whatever it says of its length, and an endless one is cut", async () => {
  const { pid } = rig.servers[0]!;
  const before = footprintOf(pid).mb;
  expect((await send(post("Content-Length: 300000\r\n", "{"))).statuses).toEqual([413]);
  expect((await send(post("Content-Length: 9000000000\r\n", "{"))).statuses).toEqual([413]);
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  for (const path of ["/api/auth/login/", "/api/auth/signup/", "/api/chat/conversations/create/", "/nowhere/"]) {
    const endless = new RawSocket(rig.url());
    endless.write(post("Transfer-Encoding: chunked\r\n", "", path));
    const openFor = await endless.drip(chunk, 1, 4_000);
    expect([path, openFor]).toEqual([path, expect.any(Number)]);
    expect(openFor).toBeGreaterThan(0);
  }
  expect(footprintOf(pid).mb - before).toBeLessThan(60);
});

test("a compressed body is not unpacked but refused, and so is every type but JSON", async () => {
  const bomb = Bun.gzipSync(Buffer.alloc(10_000_000, " "));
  for (const encoding of ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, gzip"]) {
    const { status, body } = await call(rig.url(), "POST", "/api/auth/login/", { body: bomb, headers: { "Content-Encoding": encoding } }); // prettier-ignore
    expect([encoding, status, body.code]).toEqual([encoding, 415, "unsupported_media_type"]);
  }
  expect((await logIn("{}", { "Content-Encoding": "identity" })).body.code).toBe("invalid_field");
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json+x",
    "text/json",
    "",
  ])
    // prettier-ignore
    expect([type, (await logIn("{}", { "Content-Type": type })).status]).toEqual([type, 415]);
});

test("deep, poisoned and doubled JSON does no harm", async () => {
  for (const [body, code] of [
    ["[".repeat(250_000), "bad_json"],
    ["[".repeat(120_000) + "]".repeat(120_000), "invalid_field"],
    [`{"username":${'{"a":'.repeat(40_000)}1${"}".repeat(40_000)}}`, "invalid_field"],
    [`{"__proto__":{"username":"${alice.name}","password":"${PASSWORD}"}}`, "invalid_field"],
    [`{"constructor":{"prototype":{"username":"${alice.name}"}}}`, "invalid_field"],
    ["", "bad_json"],
    ["\ufeff{}", "invalid_field"],
  ]) {
    const answer = await logIn(body!);
    expect([body!.slice(0, 20), answer.status, answer.body.code]).toEqual([body!.slice(0, 20), 400, code!]);
    expect(answer.body).not.toHaveProperty("access");
  }
  // The last one counts, for the check and for what is done alike.
  const doubled = `{"username":"nobody","password":"wrong-password-1","username":"${alice.name}","password":"${PASSWORD}"}`;
  expect((await logIn(doubled)).body.user.username).toBe(alice.name);
  expect(Object.keys({}.constructor.prototype)).toEqual([]);
});

test("who sends a head or a body byte by byte is cut, and so is a handshake that never ends", async () => {
  const slow = (start: string) => {
    const socket = new RawSocket(rig.url());
    socket.write(start);
    return socket;
  };
  const drips = await Promise.all([
    slow(`GET /healthz HTTP/1.1\r\n${HOST}X: `).drip("a", 500, 25_000),
    slow(`GET /healthz HTTP/1.1\r\n${HOST}`).drip("X-A: b\r\n", 500, 25_000),
    slow(handshake("/ws/chat/global/?token=x").slice(0, -2)).drip("X-A: b\r\n", 500, 25_000),
    slow("").end(25_000),
    // As much as the runtime takes for progress: the deadline is ours.
    slow(post("Content-Length: 250000\r\n", "")).drip("x".repeat(5_000), 500, 25_000),
    slow(post("Transfer-Encoding: chunked\r\n", "")).drip(`1388\r\n${"x".repeat(5_000)}\r\n`, 500, 25_000),
  ]);
  for (const openFor of drips) {
    expect(openFor).toBeGreaterThan(1_000);
    expect(openFor).toBeLessThan(20_000);
  }
}, 40_000);
