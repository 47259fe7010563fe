/** Some readers of the public room stop reading, some read a kilobyte a second: the server lets them go, and nobody else notices. */
import { readFileSync } from "node:fs";
import { ChatSocket, Person } from "../support/client.ts";
import { type Account, makeAccounts } from "./accounts.ts";
import { type Fleet, footprintOf, startFleet } from "./fleet.ts";
import { type Scenario, soon } from "./scenario.ts";
import { SlowSocket } from "./slow-socket.ts";

const SHORT = { messages: 2_000, perSecond: 200 };
const LONG = { messages: 5_000, perSecond: 200 };
const READERS = { all: 100, stopped: 20, slow: 10 };
const CONTENT = 2_000;
const TRICKLE_BYTES = 1_000;
/** What slow readers may cost the server beyond the same load without them. */
const COST_MB = 60;

export const slow: Scenario = {
  name: "slow",
  async run({ long, log, figure }) {
    if (process.platform !== "linux") return (log("skipped: its sockets are made of Linux' numbers"), []);
    const { messages, perSecond } = long ? LONG : SHORT;
    // Nobody is to be closed for being silent: for being slow only.
    const env = { PRESENCE_HEARTBEAT: "30", PRESENCE_EXPIRY: "240" };
    const fleet = await startFleet({ processes: 1, env });
    try {
      const names = Array.from({ length: READERS.all + 1 }, (_, i) => `reader${i}`);
      const [sender, ...readers] = await makeAccounts(fleet.sql, names);
      const slowly = READERS.stopped + READERS.slow;
      const wrong: string[] = [];
      const quiet = await load(fleet, sender!, readers, [], { messages, perSecond }, wrong);
      await fleet.replace(fleet.slots[0]!, "SIGTERM");
      const hard = await load(fleet, sender!, readers.slice(slowly), readers.slice(0, slowly), { messages, perSecond }, wrong); // prettier-ignore
      figure("30 of 100 readers slow: 99 in 100 deliveries to the others within, ms", hard.p99, quiet.p99);
      figure("... half of them within, ms", hard.p50, quiet.p50);
      figure("... memory at most, MB", hard.mb, quiet.mb);
      if (hard.mb > quiet.mb + COST_MB) wrong.push(`slow readers cost ${hard.mb - quiet.mb} MB`);
      return [...wrong, ...fleet.ended.map((what) => `the process ended by itself: ${what}`)];
    } finally {
      await fleet.stop();
    }
  },
};

/** A fresh process under the load. @returns the most memory it took, and how long messages took to those who read */
async function load(
  fleet: Fleet,
  sender: Account,
  fast: Account[],
  slowly: Account[],
  { messages, perSecond }: typeof SHORT,
  wrong: string[],
): Promise<{ mb: number; p50: number; p99: number }> {
  const { port, server } = fleet.slots[0]!;
  const { url, pid } = server!;
  const [{ seq: before }] = (await fleet.sql`SELECT max(seq)::int AS seq FROM heads`) as unknown as [{ seq: number }];
  const writer = await person(url, sender).chat();
  const readers = await Promise.all(fast.map((account) => FastReader.open(url, account)));
  const laggards = slowly.map((account, i) => new Laggard(url, account, i < READERS.stopped ? 0 : TRICKLE_BYTES));
  for (const laggard of laggards) await laggard.start();
  await Bun.sleep(1_000);
  const open = connectionsTo(port);
  let mb = 0;
  const measure = setInterval(() => (mb = Math.max(mb, footprintOf(pid).mb)), 50);
  const trickle = setInterval(() => laggards.forEach((laggard) => laggard.trickle()), 1_000);

  const startedAt = Date.now();
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < messages; i++) {
    sent.push(writer.post("global", `${Date.now()} `.padEnd(CONTENT, "x")));
    if (i % 10 === 9) await Bun.sleep(Math.max(0, startedAt + (i * 1_000) / perSecond - Date.now()));
  }
  await Promise.all(sent);
  const isThrough = () => readers.every(({ seqs }) => seqs.length >= messages);
  await soon(30_000, isThrough).catch(() => wrong.push("not everybody was told everything"));
  for (const { name, seqs } of readers)
    if (seqs.length !== messages || seqs.some((seq, i) => seq !== before + i + 1))
      wrong.push(`${name} was told ${seqs.length} of ${messages}, or in another order`);
  const left = () => laggards.length - (open - connectionsTo(port));
  if (laggards.length) await soon(10_000, () => left() <= 0).catch(() => wrong.push(`${left()} slow readers are not let go`)); // prettier-ignore
  clearInterval(measure);
  clearInterval(trickle);

  wrong.push(...(await Promise.all(laggards.map((laggard) => laggard.comeBack(url, before + messages)))).flat());
  for (const reader of readers) reader.close();
  await writer.close();
  const times = readers.flatMap((reader) => reader.times).sort((a, b) => a - b);
  const within = (part: number) => times[Math.ceil(times.length * part) - 1]!;
  return { mb: Math.round(mb), p50: within(0.5), p99: within(0.99) };
}

/** Those that the server has not closed, whatever still lies in the network. */
function connectionsTo(port: number): number {
  const [local, established] = [`:${port.toString(16).toUpperCase().padStart(4, "0")}`, "01"];
  const lines = ["tcp", "tcp6"].flatMap((kind) => readFileSync(`/proc/net/${kind}`, "utf8").split("\n"));
  return lines.filter((line) => {
    const [, address, , state] = line.trim().split(/\s+/);
    return address?.endsWith(local) && state === established;
  }).length;
}

const person = (url: string, { id, name, access, refresh }: Account) => new Person(url, id, name, access, refresh);

class FastReader {
  readonly seqs: number[] = [];
  readonly times: number[] = [];
  private heart: Timer;

  private constructor(
    readonly name: string,
    private readonly ws: WebSocket,
  ) {
    this.heart = setInterval(() => ws.send(JSON.stringify({ type: "ping", t: 0 })), 10_000);
  }

  static async open(url: string, { name, access }: Account): Promise<FastReader> {
    const ws = new WebSocket(`${url.replace("http", "ws")}/ws/chat/`, ["liquidchat.v2", `bearer.${access}`]);
    const reader = new FastReader(name, ws);
    await new Promise<void>((resolve) => {
      ws.onmessage = ({ data }) => {
        const frame = JSON.parse(data as string);
        if (frame.type === "hello") ws.send(JSON.stringify({ type: "resume", epoch: null, since: null }));
        if (frame.type === "resumed") resolve();
        if (frame.type !== "message") return;
        reader.seqs.push(frame.seq);
        reader.times.push(Date.now() - parseInt(frame.message.content));
      };
    });
    return reader;
  }

  close(): void {
    clearInterval(this.heart);
    this.ws.close();
  }
}

/** Who hardly reads, and comes back when it is thrown out. */
class Laggard {
  private readonly socket: SlowSocket;

  constructor(
    url: string,
    private readonly account: Account,
    /** What it reads in a second; it says that it lives all the same. */
    private readonly bytes: number,
  ) {
    this.socket = SlowSocket.chat(Number(new URL(url).port), account.access, 4_096);
  }

  private told = (type: string) => this.socket.frames().find((frame) => frame.type === type);
  private async read(type: string): Promise<void> {
    await soon(5_000, () => {
      this.socket.read(Infinity);
      return this.told(type) !== undefined;
    });
  }

  async start(): Promise<void> {
    await this.read("hello");
    this.socket.send({ type: "resume", epoch: null, since: null });
    await this.read("resumed");
  }

  trickle(): void {
    if (this.bytes) this.socket.read(this.bytes);
    this.socket.send({ type: "ping", t: 0 });
  }

  /** Takes what still lay in the network, then does as the protocol says until it holds all above its first head. */
  async comeBack(url: string, head: number): Promise<string[]> {
    const { name } = this.account;
    // A few KB a look through so small a window: on a busy machine it takes a while to come to the end.
    const ended = soon(20_000, () => (this.socket.read(Infinity), this.socket.ended));
    if (!(await ended.then(() => true, () => false))) return [`${name} was slow and is not closed`]; // prettier-ignore
    const { epoch } = this.told("hello");
    const first: number = this.told("snapshot").streams.find((room: any) => room.stream === "global").head_seq;
    const cursor = this.socket.frames().findLast((frame) => frame.since)!.since;
    this.socket.close();
    let held: number[] = [];
    let last = first;
    const apply = ({ seq, prev }: { seq: number; prev: number }) => {
      if (seq <= last || prev > last) return;
      held.push(seq);
      last = seq;
    };
    this.socket.frames().filter((frame) => frame.type === "message").forEach(apply); // prettier-ignore
    const early = held.length;
    const me = person(url, this.account);
    const socket: ChatSocket = await me.chat({ epoch, since: cursor });
    socket.missed.forEach(apply);
    if (socket.resumed.streams.global?.complete === false) {
      held = [];
      let path = "/api/chat/global/messages/?limit=200";
      while (path) {
        const { body, headers } = await me.get(path);
        held.unshift(...body.map(({ seq }: { seq: number }) => seq).filter((seq: number) => seq > first));
        const older = /<([^>]+)>; rel="prev"/.exec(headers.get("Link") ?? "")?.[1];
        path = older && body[0].seq > first ? older.replace(/^https?:\/\/[^/]+/, "") : "";
      }
    }
    await socket.close();
    if (held.length === head - first && held.every((seq, i) => seq === first + i + 1)) return [];
    return [`${name} read ${early} at first and holds ${held.length} of ${head - first} after coming back`];
  }
}
