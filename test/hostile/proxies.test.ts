/** What mallory writes into the headers of a proxy. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createClientReader, networkOf } from "../../src/ops/address.ts";
import { readConfig } from "../../src/config.ts";
import { call, Person } from "../support/client.ts";
import { exchange } from "../support/raw.ts";
import { embeddedRig, type Rig } from "../support/server.ts";

const { trustedProxies } = readConfig({
  SECRET_KEY: "0123456789abcdef0123456789abcdefXYZ",
  TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1, 2001:db8:ffff::/48, ::1",
});
const read = createClientReader(trustedProxies);
const address = (peer: string, ...forwarded: string[]) => {
  const headers = new Headers();
  for (const value of forwarded) headers.append("X-Forwarded-For", value);
  return read(new Request("http://chat.internal/", { headers }), peer).address;
};

test("the client's address is the right-most that no trusted proxy has", () => {
  for (const [peer, forwarded, client] of [
    ["203.0.113.9", [], "203.0.113.9"],
    ["203.0.113.9", ["1.2.3.4"], "203.0.113.9"],
    ["10.1.2.3", ["198.51.100.7"], "198.51.100.7"],
    ["10.1.2.3", ["6.6.6.6, 198.51.100.7, 10.9.9.9, 192.0.2.1"], "198.51.100.7"],
    ["10.1.2.3", ["6.6.6.6", "198.51.100.7", "10.9.9.9"], "198.51.100.7"],
    ["10.1.2.3", ["127.0.0.1, 198.51.100.7"], "198.51.100.7"],
    ["::ffff:10.1.2.3", ["::ffff:198.51.100.7"], "198.51.100.7"],
    ["::FFFF:10.1.2.3", ["198.51.100.7"], "198.51.100.7"],
    ["::1", ["2001:db8::7"], "2001:db8::7"],
    ["2001:db8:ffff:1::2", ["2001:db8::7, 2001:db8:ffff::3"], "2001:db8::7"],
    ["10.1.2.3", ["198.51.100.7:54321"], "198.51.100.7"],
    ["10.1.2.3", ["[2001:db8::7]:54321"], "2001:db8::7"],
    ["10.1.2.3", ["[2001:db8::7]"], "2001:db8::7"],
    ["10.1.2.3", ["10.0.0.9, 10.0.0.8"], "10.0.0.9"],
  ] as [string, string[], string][])
    expect([peer, forwarded, address(peer, ...forwarded)]).toEqual([peer, forwarded, client]);
});

test("garbage counts as nothing: the last proxy that can be trusted stands for what it sent", () => {
  for (const forwarded of [
    "",
    " ",
    ",",
    ", ,",
    "unknown",
    "_hidden",
    "198.51.100.7, nonsense",
    "198.51.100.256",
    "198.51.100.7.8",
    "0x7f.1",
    "::ffff:999.1.1.1",
    "<script>",
    "198.51.100.7;DROP",
    "localhost",
    "a".repeat(5_000),
    ",".repeat(5_000),
  ])
    // prettier-ignore
    expect([forwarded.slice(0, 30), address("10.1.2.3", forwarded)]).toEqual([forwarded.slice(0, 30), "10.1.2.3"]);
  expect(address("10.1.2.3", "198.51.100.7, , 10.2.2.2")).toBe("10.2.2.2");
  expect(address("", "198.51.100.7")).toBe("");
});

test("a household of IPv6 is one network, an IPv4 address is one by itself", () => {
  for (const [one, network] of [
    ["2001:db8:1:2::1", "2001:db8:1:2"],
    ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2"],
    ["2001:db8::", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["192.0.2.1", "192.0.2.1"],
    ["", ""],
  ])
    expect([one, networkOf(one!)]).toEqual([one, network!]);
});

describe("over a real server", () => {
  let trusting: Rig;
  let bare: Rig;
  beforeAll(async () => {
    const env = { SIGNUP_RATE_LIMIT: "3" };
    [trusting, bare] = await Promise.all([embeddedRig({ ...env, TRUSTED_PROXIES: "127.0.0.0/8" }), embeddedRig(env)]);
  });
  afterAll(() => Promise.all([trusting.stop(), bare.stop()]));

  const signUp = async (rig: Rig, headers: Record<string, string>) =>
    (await call(rig.url(), "POST", "/api/auth/signup/", { body: { username: "x" }, headers })).status;

  test("who is no trusted proxy does not choose the address that it is counted by", async () => {
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push(await signUp(bare, { "X-Forwarded-For": `198.51.100.${i}`, "X-Real-IP": `198.51.100.${i}`, Forwarded: `for=198.51.100.${i}` })); // prettier-ignore
    expect(statuses).toEqual([400, 400, 400, 429, 429]);
  });

  test("behind a trusted proxy, what stands left of the client's address changes nothing", async () => {
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push(await signUp(trusting, { "X-Forwarded-For": `6.6.6.${i}, 192.0.2.9` }));
    expect(statuses).toEqual([400, 400, 400, 429, 429]);
    expect(await signUp(trusting, { "X-Forwarded-For": "192.0.2.10" })).toBe(400);
  });

  test("addresses in answers are of the host that the client sees, not of one that mallory writes", async () => {
    const rigs = await Promise.all([embeddedRig(), embeddedRig({ TRUSTED_PROXIES: "127.0.0.1" })]);
    const people = new Map<Rig, Person>();
    for (const rig of rigs) for (let i = 0; i < 3; i++) people.set(rig, await Person.signUp(rig.url()));
    const next = async (rig: Rig, headers: Record<string, string>) => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join(""); // prettier-ignore
      const { bytes } = await exchange(rig.url(), `GET /api/auth/users/?page_size=1 HTTP/1.1\r\nHost: chat.example\r\n${lines}Authorization: Bearer ${people.get(rig)!.access}\r\n\r\n`); // prettier-ignore
      return JSON.parse(bytes.toString().split("\r\n\r\n")[1]!).next as string;
    };
    const spoofed = {
      "X-Forwarded-Host": "evil.example",
      "X-Forwarded-Proto": "https",
      Forwarded: "host=evil.example",
    };
    expect(await next(rigs[0], spoofed)).toStartWith("http://chat.example/api/auth/users/");
    const behind = { "X-Forwarded-Host": "chat.example.org:8443", "X-Forwarded-Proto": "https" };
    expect(await next(rigs[1], behind)).toStartWith("https://chat.example.org:8443/api/auth/users/");
    for (const host of ["evil.example/path", "evil.example@x", "a b", "evil.example#", "\u00e9vil.example", ""])
      expect([host, await next(rigs[1], { "X-Forwarded-Host": host, "X-Forwarded-Proto": "javascript" })]).toEqual([host, expect.stringMatching(/^http:\/\/chat\.example\//)]); // prettier-ignore
    await Promise.all(rigs.map((rig) => rig.stop()));
  });
});
