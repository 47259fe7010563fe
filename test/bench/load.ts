/**
 * Many clients in a process of their own, which `crowd.ts` starts and tells what to do. Each message is marked, so that a delivery
 * is counted and timed without being parsed.
 */
import type { Socket } from "bun";
import { type Endpoint, SUBPROTOCOL } from "../../src/protocol/frames.ts";
import type { Answers, Order, Orders } from "./crowd.ts";
import { Histogram } from "./histogram.ts";
import { findNumber, MARKED_CONTENT, NUMBER, nowUs, readNumber, writeNumber } from "./marks.ts";
import { readFrames, textFrame, upgradeRequest } from "./wire.ts";

const OPEN_DEADLINE_MS = 60_000;
/**
 * A client that reads as soon as something is there reads in ever smaller pieces, until it is as busy as the server whatever either
 * can do. Where as much is sent as goes, it rests for so long after so many pieces, and is busy with what it has to do.
 */
const REST = { ms: 0.1, pieces: 100 };
const resting = new Int32Array(new SharedArrayBuffer(4));
let pieces = 0;

const HEARTBEAT_MS = 30_000;

class Client {
  up = false;
  /** Deliveries of the present talk, and a digest of their order. */
  heard = 0;
  order = 0;
  /** What it sends, and where its numbers go. */
  frame: Buffer = Buffer.alloc(0);
  numbers: number[] = [];
  /** Frames that tell who is online, where they are kept. */
  told: Buffer[] = [];
  rest: Buffer | null = null;
  ready = (_ok: boolean) => {};
  socket!: Socket<Client>;
  constructor(
    readonly index: number,
    readonly url: URL,
    readonly token: string,
  ) {}

  write(frame: Buffer): void {
    if (this.up && this.socket.write(frame) < frame.length) throw new Error("the server does not read what is sent");
  }
  text = (bytes: Buffer, start: number, end: number): void => heard(this, bytes, start, end);
  reply = (frame: Buffer): void => this.write(frame);
}

let clients: Client[] = [];
let how: Orders["open"] = { urls: [], endpoint: "global", tokens: [], atOnce: 1, resume: false, keepPresence: false };
let talk: Orders["talk"] = { senders: 0, rate: 0, inFlight: 1, rooms: [] };
let talking = false;
/** Of each message, by its number. */
const sentAt: number[] = [];
const senders: Client[] = [];
/** The number of the present talk's first. */
let first = 0;
let deliveries = 0;
let echoes = 0;
let openedAt = 0;
let lastHeardAt = 0;
let latency = new Histogram();

const path: Record<Endpoint, string> = { global: "/ws/chat/global/", private: "/ws/chat/private/", chat: "/ws/chat/" };

function send(client: Client): void {
  const number = sentAt.length;
  for (const at of client.numbers) writeNumber(client.frame, at, number);
  senders.push(client);
  sentAt.push(nowUs());
  client.write(client.frame);
}

/** The frame that a client sends again and again. */
function prepare(client: Client): void {
  client.frame = textFrame(sendFrame(client));
  client.numbers = [client.frame.indexOf(MARKED_CONTENT) + MARKED_CONTENT.indexOf(NUMBER)];
  if (how.endpoint === "chat") client.numbers.push(client.frame.lastIndexOf(NUMBER));
}

function sendFrame({ index }: Client): string {
  if (how.endpoint === "global") return `{"type":"send_global_message","content":"${MARKED_CONTENT}"}`;
  if (how.endpoint === "private")
    return `{"type":"send_private_message","conversation_id":"${talk.rooms[index >> 1]}","content":"${MARKED_CONTENT}"}`;
  return `{"type":"send_message","stream":"global","content":"${MARKED_CONTENT}","client_id":"${NUMBER}"}`;
}

function heard(client: Client, bytes: Buffer, start: number, end: number): void {
  const at = findNumber(bytes, start, end);
  if (at < 0) return heardOther(client, bytes, start, end);
  const number = readNumber(bytes, at);
  const own = senders[number] === client;
  if (!own || how.endpoint !== "private") {
    deliveries++;
    client.heard++;
    client.order = (Math.imul(client.order, 31) + number) | 0;
    // One client in four stands for all: this is the busiest line of the whole measurement.
    if ((client.index & 3) === 0) latency.add(lastHeardAt - sentAt[number]!);
  }
  if (own) {
    echoes++;
    if (talking && talk.rate === 0) send(client);
  }
}

/** Frames without a mark: `hello`, `snapshot`, `resumed`, presence, acks. */
function heardOther(client: Client, bytes: Buffer, start: number, end: number): void {
  if (how.endpoint !== "chat") return;
  const type = bytes.toString("latin1", start + 9, start + 17);
  if (type === 'hello","') {
    if (how.resume) client.write(textFrame('{"type":"resume","epoch":null,"since":null}'));
    else client.ready(true);
  } else if (type === 'resumed"') client.ready(true);
  else if (how.keepPresence && (type === "snapshot" || type === "presence"))
    client.told.push(Buffer.from(bytes.subarray(start, end)));
}

const handlers = {
  open(socket: Socket<Client>) {
    const client = socket.data;
    client.socket = socket;
    const protocol = how.endpoint === "chat" ? SUBPROTOCOL : undefined;
    socket.write(upgradeRequest(client.url.host, path[how.endpoint], client.token, protocol));
  },
  data(socket: Socket<Client>, chunk: Buffer) {
    lastHeardAt = nowUs();
    const client = socket.data;
    const bytes = client.rest ? Buffer.concat([client.rest, chunk]) : chunk;
    let from = 0;
    if (!client.up) {
      from = bytes.indexOf("\r\n\r\n") + 4;
      if (from < 4) return void (client.rest = Buffer.from(bytes));
      client.up = bytes.toString("latin1", 0, 12).endsWith("101");
      if (!client.up || how.endpoint !== "chat") client.ready(client.up);
    }
    client.rest = readFrames(bytes, from, client);
    if (talking && talk.rate === 0 && ++pieces % REST.pieces === 0) Atomics.wait(resting, 0, 0, REST.ms);
  },
  close: ({ data }: Socket<Client>) => lose(data),
  error: ({ data }: Socket<Client>) => lose(data),
};

function lose(client: Client): void {
  client.up = false;
  client.ready(false);
}

/** Opens a socket for each token; whoever fails tries again, a while. */
async function open(order: Orders["open"]): Promise<Answers["open"]> {
  how = order;
  openedAt = nowUs();
  const first = clients.length;
  const added = order.tokens.map((token, i) => {
    const index = first + i;
    return new Client(index, new URL(order.urls[index % order.urls.length]!), token);
  });
  clients = [...clients, ...added];
  let next = 0;
  let failures = 0;
  const opener = async () => {
    for (let client = added[next++]; client; client = added[next++])
      while (!(await openOne(client))) {
        failures++;
        if (nowUs() - openedAt > OPEN_DEADLINE_MS * 1_000) return;
        await Bun.sleep(50);
      }
  };
  await Promise.all(Array.from({ length: order.atOnce }, opener));
  return { up: clients.filter((client) => client.up).length, failures, seconds: (nowUs() - openedAt) / 1e6 };
}

function openOne(client: Client): Promise<boolean> {
  return new Promise((resolve) => {
    client.ready = resolve;
    client.rest = null;
    const { hostname, port } = client.url;
    Bun.connect({ hostname, port: Number(port), data: client, socket: handlers }).catch(() => resolve(false));
  });
}

/** Sends at an even pace, whatever comes back; or, without a rate, each sender keeps some messages in flight. */
function startTalking(order: Orders["talk"]): void {
  talk = order;
  deliveries = echoes = 0;
  latency = new Histogram();
  first = sentAt.length;
  for (const client of clients) {
    client.heard = client.order = 0;
    prepare(client);
  }
  const stride = clients.length / order.senders;
  const talkers = Array.from({ length: order.senders }, (_, i) => clients[Math.floor(i * stride)]!);
  talking = true;
  if (order.rate === 0) {
    for (let i = 0; i < order.inFlight; i++) for (const client of talkers) send(client);
    return;
  }
  const startedAt = nowUs();
  const sent = () => sentAt.length - first;
  const due = () => startedAt + (sent() * 1e6) / order.rate;
  const tick = () => {
    if (!talking || talk !== order) return;
    while (due() <= nowUs()) send(talkers[sent() % talkers.length]!);
    const wait = (due() - nowUs()) / 1_000;
    // Timers are a millisecond late or so.
    if (wait > 1.5) setTimeout(tick, wait - 1);
    else setImmediate(tick);
  };
  tick();
}

/** What was counted since the last look. */
function look(): Answers["look"] {
  const seen = { deliveries, echoes, latency: latency.cells() };
  deliveries = echoes = 0;
  latency = new Histogram();
  return seen;
}

/** Stops sending and waits for what is on its way. */
async function hush(): Promise<Answers["hush"]> {
  talking = false;
  const expected = () => (sentAt.length - first) * (how.endpoint === "private" ? 1 : clients.length);
  const total = () => clients.reduce((sum, client) => sum + client.heard, 0);
  for (const startedAt = nowUs(); total() < expected() && nowUs() - Math.max(startedAt, lastHeardAt) < 3e6;)
    await Bun.sleep(10);
  const orders = how.endpoint === "private" ? 1 : new Set(clients.map((client) => client.order)).size;
  return { lost: expected() - total(), orders, down: clients.filter((client) => !client.up).length };
}

/** Waits until nothing came for a while; tells how long after the last opening the last thing came. */
async function quiet({ ms }: Orders["quiet"]): Promise<Answers["quiet"]> {
  while (nowUs() - lastHeardAt < ms * 1_000) await Bun.sleep(20);
  const untold = clients.map(({ told }) => {
    const people = told.flatMap((frame) => frame.toString("latin1").match(/"user_id":"[^"]+"/g) ?? []);
    return clients.length - new Set(people).size;
  });
  return { seconds: (lastHeardAt - openedAt) / 1e6, untold };
}

setInterval(() => {
  if (how.endpoint === "chat") for (const client of clients) client.write(textFrame('{"type":"ping"}'));
}, HEARTBEAT_MS);

const obey: { [Name in keyof Orders]: (order: Orders[Name]) => Answers[Name] | Promise<Answers[Name]> } = {
  open,
  talk: startTalking,
  look,
  hush,
  quiet,
};
process.on("message", async ({ name, order }: Order) => process.send!((await obey[name](order as never)) ?? null));
process.on("disconnect", () => process.exit());
process.send!("ready");
