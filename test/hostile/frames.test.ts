/** What mallory sends on a socket of her own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { footprintOf } from "../chaos/fleet.ts";
import { Person } from "../support/client.ts";
import { frame, OPCODE, RawWebSocket } from "../support/raw.ts";
import { embeddedRig, type Rig } from "../support/server.ts";
import { eventually } from "../support/services.ts";

let rig: Rig;
let mallory: Person;
beforeAll(async () => {
  rig = await embeddedRig({ MESSAGE_RATE_LIMIT: "1", MESSAGE_RATE_BURST: "5", MAX_SOCKETS_PER_USER: "0" });
  mallory = await Person.signUp(rig.url());
});
afterAll(() => rig.stop());

const open = (headers?: Record<string, string>) =>
  RawWebSocket.open(rig.url(), `/ws/chat/global/?token=${mallory.access}`, headers);
const closedWith = (socket: RawWebSocket) =>
  eventually(() => {
    expect(socket.code).toBeDefined();
    return socket.code;
  }, 5_000);

const { text, binary, continuation, ping, pong } = OPCODE;
const large = "x".repeat(60_000);

for (const [what, bytes, code] of [
  ["a binary frame", [frame(binary, "x")], 1003],
  ["a frame a little over the limit", [frame(text, "x".repeat(65_537))], 1009],
  ["a frame far over the limit", [frame(text, "x".repeat(200_000))], 1009],
  ["a header that announces a gibibyte", [frame(text, "", { announced: 1n << 30n })], 1009],
  ["a header that announces more than there is in the world", [frame(text, "", { announced: (1n << 64n) - 1n })], 1009],
  [
    "fragments that add up to more than the limit",
    [
      frame(text, large, { fin: false }),
      frame(continuation, large, { fin: false }),
      frame(continuation, large, { fin: false }),
    ],
    1009,
  ],
  ["a compressed frame, which was not agreed upon", [frame(text, "x", { bits: 0x40 })], 1002],
  ["a frame without a mask", [frame(text, "x", { mask: false })], 1002],
  ["text that is no UTF-8", [frame(text, Buffer.from([0xff, 0xfe]))], 1007],
  ["a ping of more than 125 bytes", [frame(ping, "x".repeat(126))], 1002],
] as [string, Buffer[], number][])
  // prettier-ignore
  test(`${what} closes the socket with ${code}, at once and for nobody else`, async () => {
    const bystander = await mallory.socket("global");
    const socket = await open();
    for (const part of bytes) socket.write(part);
    expect(await closedWith(socket)).toBe(code);
    bystander.send({ type: "still here?" });
    expect((await bystander.next("error")).code).toBe("unknown_type");
    await bystander.close();
  });

test("headers that announce gibibytes and messages that never end take no memory", async () => {
  const { pid } = rig.servers[0]!;
  const before = footprintOf(pid).mb;
  const sockets = await Promise.all(Array.from({ length: 200 }, () => open()));
  sockets.forEach((socket, i) => {
    if (i % 2) return void socket.write(frame(text, "", { announced: 1n << 30n }));
    socket.write(frame(text, "x", { fin: false }));
    for (let n = 0; n < 1_000; n++) socket.write(frame(continuation, "", { fin: false }));
  });
  await Bun.sleep(500);
  expect(footprintOf(pid).mb - before).toBeLessThan(50);
  expect(sockets.filter(({ code }) => code === 1009).length).toBe(100);
  for (const socket of sockets) socket.drop();
});

test("compression is not agreed upon, however it is offered: it would cost twenty times the memory", async () => {
  for (const offer of ["permessage-deflate", "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"]) {
    const socket = await open({ "Sec-WebSocket-Extensions": offer });
    expect(socket.head).toContain("101");
    expect(socket.head.toLowerCase()).not.toContain("extensions");
    socket.drop();
  }
});

for (const [what, one, answers] of [
  ["messages", frame(text, '{"type":"send_global_message","content":"flood"}'), ["rate_limited"]],
  ["typing", frame(text, '{"type":"typing_start","conversation_id":"x"}'), ["unknown_type", "rate_limited"]],
  ["unknown types", frame(text, '{"type":"x"}'), ["unknown_type", "rate_limited"]],
  ["what is no JSON", frame(text, "{".repeat(100)), ["bad_json", "rate_limited"]],
  ["pings of the protocol", frame(ping, "x"), []],
  ["pongs that nobody asked for", frame(pong, "x"), []],
] as [string, Buffer, string[]][])
  test(`a flood of ${what} is answered for a while, and then the socket is closed with 4009`, async () => {
    const bystander = await Person.signUp(rig.url());
    const heard = await bystander.socket("global");
    const socket = await open();
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => one));
    socket.write(flood);
    expect(await closedWith(socket)).toBe(4009);
    const codes = socket.frames
      .filter(({ opcode }) => opcode === text)
      .map(({ payload }) => JSON.parse(payload.toString()).code);
    for (const code of answers) expect(codes).toContain(code);
    expect(codes.length).toBeLessThan(1_500);
    const said = performance.now();
    await heard.say({ content: `somebody else, after ${what}` });
    expect(performance.now() - said).toBeLessThan(1_000);
    expect(heard.frames.filter(({ message }) => message?.content === "flood").length).toBeLessThanOrEqual(5);
    await heard.close();
  });

test("a flood of frames as large as may be ends too, and is not kept in memory meanwhile", async () => {
  const socket = await open();
  const { pid } = rig.servers[0]!;
  const before = footprintOf(pid).mb;
  const big = frame(text, JSON.stringify({ type: "send_global_message", content: "x".repeat(65_000) }));
  for (let i = 0; i < 1_300; i++) socket.write(big);
  expect(await closedWith(socket)).toBe(4009);
  expect(footprintOf(pid).mb - before).toBeLessThan(60);
  const codes = socket.frames
    .filter(({ opcode }) => opcode === text)
    .map(({ payload }) => JSON.parse(payload.toString()).code);
  expect(codes).toContain("too_long");
});

test("a deep, a wide and a poisoned frame are what they are: not understood", async () => {
  const socket = await mallory.socket("private");
  const wide = Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`key${i}`, i]));
  for (const [sent, code] of [
    ["[".repeat(60_000), "bad_json"],
    ["[".repeat(30_000) + "]".repeat(30_000), "bad_json"],
    [`{"type":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, "unknown_type"],
    [JSON.stringify({ ...wide, type: "typing_start" }), "invalid_field"],
    ['{"__proto__":{"type":"typing_start"}}', "unknown_type"],
    ['{"type":"__proto__"}', "unknown_type"],
    ['{"type":"constructor"}', "unknown_type"],
    ["null", "bad_json"],
    ['"typing_start"', "bad_json"],
  ]) {
    socket.send(sent);
    expect((await socket.next("error")).code).toBe(code);
  }
  expect(({} as { type?: string }).type).toBeUndefined();
  await socket.close();
});
