/** Too many sockets: of one address, of one process, of nobody. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Person, TestSocket } from "../support/client.ts";
import { handshake, RawSocket, RawWebSocket } from "../support/raw.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";
import { eventually, haveServices } from "../support/services.ts";

let rig: Rig;
let mallory: Person;
beforeAll(async () => {
  rig = await embeddedRig({
    MAX_SOCKETS: "40",
    MAX_SOCKETS_PER_ADDRESS: "10",
    MAX_UNAUTHENTICATED_SOCKETS: "5",
    MAX_SOCKETS_PER_USER: "0",
    TRUSTED_PROXIES: "127.0.0.1",
  });
  mallory = await Person.signUp(rig.url());
});
afterAll(() => rig.stop());

const from = (address: string) => ({ "X-Forwarded-For": address });
const knock = (address: string, path = `/ws/chat/global/?token=${mallory.access}`) =>
  RawWebSocket.open(rig.url(), path, from(address));
const stranger = (address: string) =>
  RawWebSocket.open(rig.url(), "/ws/chat/", { ...from(address), "Sec-WebSocket-Protocol": "liquidchat.v2" });
const drop = async (sockets: RawWebSocket[]) => {
  for (const socket of sockets) socket.drop();
  // The server has seen them go.
  await Bun.sleep(100);
};

test("an address has so many sockets and no more, even when all knock in the same moment; others are let in", async () => {
  const sockets = await Promise.all(Array.from({ length: 50 }, () => knock("192.0.2.1")));
  const statuses = Map.groupBy(sockets, ({ statuses }) => statuses[0]);
  expect([statuses.get(101)!.length, statuses.get(429)!.length]).toEqual([10, 40]);
  expect(statuses.get(429)![0]!.head).toContain("Retry-After: 10");
  const other = await knock("192.0.2.2");
  expect(other.statuses).toEqual([101]);
  // Bad tokens find the same door.
  expect((await knock("192.0.2.1", "/ws/chat/global/?token=bad")).statuses).toEqual([429]);
  await drop([...sockets, other]);
  const again = await knock("192.0.2.1");
  expect(again.statuses).toEqual([101]);
  await drop([again]);
});

test("the addresses of one IPv6 network are one", async () => {
  const sockets = [];
  for (let i = 0; i < 12; i++) sockets.push(await knock(`2001:db8:1:2::${i}`));
  expect(sockets.map(({ statuses }) => statuses[0])).toEqual([...Array.from({ length: 10 }, () => 101), 429, 429]);
  sockets.push(await knock("2001:db8:1:3::1"));
  expect(sockets.at(-1)!.statuses).toEqual([101]);
  await drop(sockets);
});

test("a full process says so before the upgrade, and who is in stays in", async () => {
  const inside = await mallory.socket("global");
  const sockets = [];
  for (let i = 0; i < 45; i++) sockets.push(await knock(`198.51.100.${i}`));
  expect(sockets.map(({ statuses }) => statuses[0])).toEqual([
    ...Array.from({ length: 39 }, () => 101),
    ...Array.from({ length: 6 }, () => 503),
  ]);
  await inside.say({ content: "still in" });
  await inside.close();
  await drop(sockets);
});

test("strangers who only wait make room for those who say who they are", async () => {
  const waiting: RawWebSocket[] = [];
  for (let i = 0; i < 9; i++) waiting.push(await stranger(`203.0.113.${i}`));
  await eventually(() => expect(waiting.map(({ code }) => code)).toEqual([4009, 4009, 4009, 4009, undefined, undefined, undefined, undefined, undefined])); // prettier-ignore
  const honest = new TestSocket(`${rig.url()}/ws/chat/`, { protocols: ["liquidchat.v2"] });
  await honest.opened;
  honest.send({ type: "auth", token: mallory.access });
  await honest.next("hello");
  expect(waiting[4]!.code).toBe(4009);
  expect(waiting[5]!.code).toBeUndefined();
  await honest.close();
  await drop(waiting);
});

test("an address that fills the room for strangers makes room itself; who waits alone is not put out", async () => {
  const patient = await stranger("203.0.113.77");
  const greedy: RawWebSocket[] = [];
  for (let i = 0; i < 9; i++) greedy.push(await stranger("203.0.113.78"));
  await eventually(() => expect(greedy.filter(({ code }) => code === 4009).length).toBe(5));
  expect([greedy[0]!.code, greedy[8]!.code, patient.code]).toEqual([4009, undefined, undefined]);
  await drop([patient, ...greedy]);
});

test("an address has so many requests under way and no more, however slowly it sends them", async () => {
  const head = (address: string) =>
    `POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`;
  const begin = async (address: string) => {
    const socket = new RawSocket(rig.url());
    socket.write(head(address));
    await Bun.sleep(100);
    return socket;
  };
  const slow = await Promise.all(Array.from({ length: 10 }, () => begin("203.0.113.90")));
  const more = await begin("203.0.113.90");
  expect([more.bytes.toString().slice(0, 12), more.closed]).toEqual(["HTTP/1.1 429", true]);
  const others = [await begin("203.0.113.91"), ...slow];
  expect(others.map(({ bytes, closed }) => [bytes.length, closed])).toEqual(others.map(() => [0, false]));
  for (const socket of others) socket.drop();
  await Bun.sleep(100);
  const again = await begin("203.0.113.90");
  expect(again.bytes.length).toBe(0);
  again.drop();
});

test("refused sockets do not stay counted", async () => {
  for (let i = 0; i < 15; i++) {
    const socket = await knock("192.0.2.77", "/ws/chat/global/?token=bad");
    await eventually(() => expect(socket.code).toBe(4001));
    await drop([socket]);
  }
  const good = await knock("192.0.2.77");
  expect(good.statuses).toEqual([101]);
  await drop([good]);
});

test("a handshake that breaks off half-way counts nowhere", async () => {
  const half = Array.from({ length: 60 }, () => new RawWebSocket(rig.url()));
  for (const socket of half) socket.write(handshake("/ws/chat/global/", from("192.0.2.3")).slice(0, -2));
  await Bun.sleep(100);
  const whole = await knock("192.0.2.3");
  expect(whole.statuses).toEqual([101]);
  await drop([...half, whole]);
});

test.skipIf(!haveServices)(
  "a user's sockets are counted over two processes, however many are opened at once",
  async () => {
    const cluster = await clusterRig({ MAX_SOCKETS_PER_USER: "20" });
    const [mallory, alice] = [await Person.signUp(cluster.url()), await Person.signUp(cluster.url())];
    const sockets = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        RawWebSocket.open(cluster.url(i), `/ws/chat/global/?token=${mallory.access}`),
      ),
    );
    await eventually(() => expect(sockets.filter(({ code }) => code === 4009).length).toBeGreaterThanOrEqual(360));
    // Each process knows of the other's within a moment: both together may let in twice as many, no more.
    expect(sockets.filter(({ code }) => code === undefined).length).toBeGreaterThanOrEqual(20);
    const late = await RawWebSocket.open(cluster.url(), `/ws/chat/global/?token=${mallory.access}`);
    await eventually(() => expect(late.code).toBe(4009));
    const [a, b] = [await alice.socket("global"), await alice.at(cluster.url(1)).socket("global")];
    await a.say({ content: "undisturbed" });
    await b.next("global_message");
    for (const socket of sockets) socket.drop();
    await cluster.stop();
  },
  30_000,
);
