/** The state under a server that loses, doubles and reorders what it says, and sockets that break at any moment. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_UNREAD, merge, fromWire } from "../../src/client/messages.ts";
import {
  type ChatState,
  disconnected,
  type Effect,
  markRead,
  newState,
  receive,
  startResume,
} from "../../src/client/state.ts";
import * as protocol from "../../src/protocol/frames.ts";
import { FakeServer, type Line } from "./fake-server.ts";

/** A client that is a state and a socket, and does at once what the state asks for. */
class Device {
  state: ChatState = newState();
  line: Line | null = null;
  resumes = 0;
  told: string[] = [];
  reloads: string[] = [];
  constructor(
    readonly server: FakeServer,
    readonly user: string,
  ) {}

  connect(): void {
    this.hangUp();
    const waiting: Parameters<Line["hear"]>[0][] = [];
    let line: Line | null = null;
    const hear = (frame: (typeof waiting)[number]) => {
      if (!line) return waiting.push(frame);
      if (this.line === line) this.hear(frame);
    };
    line = this.server.connect(this.user, hear);
    this.line = line;
    waiting.forEach((frame) => this.hear(frame));
    this.ask(true);
  }
  hangUp(): void {
    if (this.line) this.server.lines.delete(this.line);
    this.line = null;
    disconnected(this.state);
  }
  ask(first: boolean): void {
    this.resumes++;
    const frame = startResume(this.state, first);
    this.server.take(this.line!, frame);
  }
  hear(frame: Parameters<Line["hear"]>[0]): void {
    for (const effect of receive(this.state, frame)) this.carryOut(effect);
  }
  carryOut(effect: Effect): void {
    if (effect.do === "resume") this.ask(false);
    if (effect.do === "reload") this.reloads.push(effect.stream);
    if (effect.do === "message") this.told.push(effect.message.content);
    if (effect.do === "read" && this.line) this.server.read(this.user, effect.stream, effect.seq);
  }
  ping(): void {
    if (this.line) this.server.take(this.line, { type: "ping" });
  }
  read(stream: string, seq?: number): void {
    const mark = markRead(this.state, stream, seq);
    if (mark !== null && this.line) this.server.take(this.line, { type: "read", stream, seq: mark });
  }
  room(stream = "global") {
    return this.state.streams.get(stream)!;
  }
  load(stream: string, limit = 50): void {
    const page = this.server.messages(this.user, stream, limit) as protocol.ChatMessage[];
    merge(this.room(stream), page.map(fromWire), page.length === limit, this.user);
    this.room(stream).loaded = true;
  }
  contents(stream = "global"): string[] {
    return this.room(stream).messages.map(({ content }) => content);
  }
}

function alice(prepare: (server: FakeServer) => void = () => {}) {
  const server = new FakeServer();
  prepare(server);
  const device = new Device(server, "alice");
  device.connect();
  return { server, device };
}

const say = (server: FakeServer, ...contents: string[]) =>
  contents.map((content) => server.post("bob", "global", content).row);

test("the numbers are those of the protocol", () => {
  expect(MAX_UNREAD).toBe(protocol.MAX_UNREAD);
});

test("a fresh client starts from the snapshot, holds what comes live, and knows that older messages are left", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  expect(device.room()).toMatchObject({ last: 2, loaded: false, olderLeft: true, unread: 2, messages: [] });
  say(server, "three");
  expect(device.contents()).toEqual(["three"]);
  device.load("global");
  expect(device.contents()).toEqual(["one", "two", "three"]);
  expect(device.room()).toMatchObject({ olderLeft: false, unread: 3 });
});

test("an empty room is loaded from the start", () => {
  expect(alice().device.room()).toMatchObject({ last: 0, loaded: true, olderLeft: false });
});

test("a doubled frame is ignored, whatever it says", () => {
  const { server, device } = alice();
  const [row] = say(server, "one", "two");
  device.hear({ type: "message", stream: "global", seq: 1, prev: 0, message: { ...row!.message, content: "other" } });
  expect(device.contents()).toEqual(["one", "two"]);
  expect(device.told).toEqual(["one", "two"]);
});

test("a gap is resumed once, and what comes before the answer is not lost", () => {
  const { server, device } = alice();
  server.lose = () => true;
  say(server, "one");
  server.lose = () => false;
  say(server, "two");
  expect(device.contents()).toEqual(["one", "two"]);
  expect(device.resumes).toBe(2);
});

test("gaps during a resume ask for no second one, unless it did not bring what was missed", () => {
  const state = newState();
  const { server, device } = alice();
  const frames = say(server, "one", "two", "three", "four").map(({ message }) => message);
  const message = (seq: number, prev = seq - 1) =>
    receive(state, { type: "message", stream: "global", seq, prev, message: frames[seq - 1]! });
  const resumed = () => receive(state, { type: "resumed", since: "9", streams: {} });
  message(1);
  state.since = "1";
  state.resume = null;
  expect(message(3)).toEqual([{ do: "resume" }]);
  startResume(state, false);
  expect(message(3)).toEqual([]);
  message(2, 0);
  message(3);
  expect(resumed()).toEqual([]);
  startResume(state, false);
  expect(message(4)).toMatchObject([{ do: "message" }]);
  receive(state, { type: "message", stream: "global", seq: 9, prev: 8, message: frames[3]! });
  expect(resumed()).toEqual([{ do: "resume" }]);
  expect(device.contents()).toHaveLength(4);
});

test("an event of an unknown kind takes its place", () => {
  const { device } = alice();
  device.hear({ type: "reaction", stream: "global", seq: 1, prev: 0 } as never);
  expect(device.room().last).toBe(1);
  expect(device.resumes).toBe(1);
});

test("a lower version never overwrites a higher one, and a page from before a removal is known as such", () => {
  const { server, device } = alice();
  const [one, two] = say(server, "one", "two");
  const old = [fromWire(one!.message)];
  const { era } = device.room();
  server.change(one!, { content: "one, better" });
  server.change(two!, "remove");
  expect(device.contents()).toEqual(["one, better"]);
  expect(device.room().era).toBeGreaterThan(era);
  merge(device.room(), old, false, "alice");
  expect(device.contents()).toEqual(["one, better"]);
  expect(device.room()).toMatchObject({ unread: 1, lastMessage: { content: "one, better" } });
});

test("too much was missed: the room is emptied, asked for again, and goes on from its head", () => {
  const { server, device } = alice((server) => say(server, "old"));
  device.load("global");
  device.hangUp();
  server.replay = 2;
  say(server, "one", "two", "three");
  device.connect();
  expect(device.room()).toMatchObject({ last: 4, loaded: false, messages: [], unread: 4 });
  expect(device.reloads).toEqual(["global"]);
  say(server, "four");
  device.load("global");
  expect(device.contents()).toEqual(["old", "one", "two", "three", "four"]);
});

test("a page that begins above all that is held replaces it, rather than leave a hole", () => {
  const { server, device } = alice((server) => say(server, "0"));
  device.load("global");
  device.hangUp();
  say(server, ...Array.from({ length: 9 }, (_, i) => `${i + 1}`));
  device.load("global", 3);
  expect(device.contents()).toEqual(["7", "8", "9"]);
  device.connect();
  expect(device.contents()).toEqual(["7", "8", "9"]);
  expect(device.room()).toMatchObject({ last: 10, olderLeft: true, unread: 10 });
});

test("another epoch forgets everything, told by hello or by an error", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.load("global");
  device.hangUp();
  Object.assign(server, { epoch: "e2", rows: [], txn: 0 });
  server.rooms.get("global")!.head = 0;
  say(server, "new");
  device.connect();
  device.load("global");
  expect(device.contents()).toEqual(["new"]);
  device.hear({ type: "error", code: "epoch_mismatch", detail: "" });
  expect(device.resumes).toBe(2);
});

test("a cursor ahead of the database is another epoch", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.load("global");
  device.hangUp();
  server.rows.pop();
  server.rooms.get("global")!.head = 1;
  device.connect();
  expect(device.room()).toMatchObject({ last: 1, messages: [], loaded: false });
});

test("a pong takes no newer cursor while something is missing", () => {
  const { server, device } = alice();
  server.lose = () => true;
  say(server, "one");
  const before = device.state.since;
  expect(receive(device.state, { type: "pong", since: "99", heads: { global: 1 } })).toEqual([{ do: "resume" }]);
  expect(device.state.since).toBe(before);
  device.ping();
  expect(device.contents()).toEqual(["one"]);
  device.ping();
  expect(device.state.since).toBe("1");
});

test("reading is zero at once, told again if it was lost, and marks never fall", () => {
  const { server, device } = alice((server) => say(server, "one", "two"));
  device.hangUp();
  device.read("global");
  expect(device.room()).toMatchObject({ unread: 0, readSeq: 2 });
  device.connect();
  expect(server.rooms.get("global")!.read.get("alice")).toBe(2);
  device.hear({ type: "read", stream: "global", user_id: "alice", seq: 1, unread_count: 1, head_seq: 2 });
  expect(device.room()).toMatchObject({ unread: 0, readSeq: 2 });
});

test("one's own messages are never unread", () => {
  const { server, device } = alice();
  server.post("alice", "global", "mine");
  say(server, "yours");
  expect(device.room().unread).toBe(1);
});

test("a room that appears is known with all that is in it", () => {
  const { server, device } = alice();
  server.room("alice", "bob");
  server.post("bob", "alice-bob", "hello");
  expect(device.room("alice-bob")).toMatchObject({
    kind: "direct",
    unread: 1,
    participants: [{ id: "alice" }, { id: "bob" }],
  });
  expect(device.contents("alice-bob")).toEqual(["hello"]);
});

test("old messages are let go, but not from under who reads them", () => {
  const { server, device } = alice();
  const many = (n: number) => say(server, ...Array.from({ length: n }, (_, i) => `${i}`));
  many(700);
  expect(device.room().messages.length).toBeLessThanOrEqual(600);
  expect(device.room()).toMatchObject({ olderLeft: true, unread: 700 });
  device.room().wide = true;
  const held = device.room().messages.length;
  many(700);
  expect(device.room()).toMatchObject({ unread: MAX_UNREAD });
  expect(device.room().messages.length).toBe(held + 700);
});

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("post"), by: fc.constantFrom("alice", "bob"), room: fc.nat(2) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("edit", "remove"), row: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("read", "bobReads"), room: fc.nat(2), seq: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("load"), room: fc.nat(2), limit: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("ask", "arrive"),
      room: fc.nat(2),
      limit: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("connect", "hangUp", "ping", "lose", "double", "again") }) },
);

test("whatever is lost, doubled or broken off, in the end a client knows what a fresh one would", () => {
  const schedule = fc.record({
    steps: fc.array(step, { maxLength: 60, size: "max" }),
    replay: fc.constantFrom(2, 5, 500),
    page: fc.constantFrom(1, 2, 100),
  });
  fc.assert(
    fc.property(schedule, ({ steps, ...limits }) => {
      const server = Object.assign(new FakeServer(), limits);
      server.room("alice", "bob");
      server.room("alice", "carol");
      const names = ["global", "alice-bob", "alice-carol"];
      const device = new Device(server, "alice");
      type Asked = { name: string; limit: number; was?: ReturnType<Device["room"]>; era?: number };
      let asked: (Asked & { page?: protocol.ChatMessage[] }) | undefined;
      let losing = 0;
      server.lose = () => losing > 0 && losing-- > 0;
      const last: Parameters<Device["hear"]>[0][] = [];
      const hear = device.hear.bind(device);
      device.hear = (frame) => {
        if ("prev" in frame) last.push(frame);
        hear(frame);
      };
      for (const [i, step] of (steps as any[]).entries()) {
        const name = names[step.room ?? 0]!;
        if (step.do === "post") server.post(step.by, name, `m${i}`);
        if (step.do === "edit" || step.do === "remove") {
          const row = server.rows[step.row];
          if (row) server.change(row, step.do === "edit" ? { content: `e${i}` } : "remove");
        }
        if (step.do === "read") device.read(name, step.seq);
        if (step.do === "bobReads") server.read("bob", names[step.room % 2]!, step.seq);
        if (step.do === "load" && device.room(name)) device.load(name, step.limit);
        // A page of history that is on its way while the world goes on; taken only if nothing was let go meanwhile.
        if (step.do === "ask") asked = { name, limit: step.limit, was: device.room(name), era: device.room(name)?.era };
        if (step.do === "ask") asked!.page = server.messages("alice", name, step.limit) as protocol.ChatMessage[];
        if (
          step.do === "arrive" &&
          asked?.was &&
          asked.was === device.room(asked.name) &&
          asked.era === asked.was.era
        ) {
          merge(asked.was, asked.page!.map(fromWire), asked.page!.length === asked.limit, "alice");
          asked.was.loaded = true;
        }
        if (step.do === "connect") device.connect();
        if (step.do === "hangUp") device.hangUp();
        if (step.do === "ping") device.ping();
        if (step.do === "lose") losing = 2;
        if (step.do === "double" && device.line) last.slice(-3).forEach(device.hear);
        if (step.do === "again" && device.line) device.ask(false);
        for (const room of device.state.streams.values()) check(server, room);
      }
      server.lose = () => false;
      server.page = 100;
      device.ping();
      device.connect();
      const fresh = new Device(server, "alice");
      fresh.connect();
      for (const name of names) {
        if (!device.room(name).loaded) device.load(name, 7);
        fresh.load(name, 1_000);
        const mine = device.room(name);
        const theirs = fresh.room(name);
        const seen = ({ last, unread, readSeq, othersReadSeq, lastMessage, participants, updatedAt }: typeof mine) =>
          ({ last, unread, readSeq, othersReadSeq, lastMessage, participants, updatedAt }); // prettier-ignore
        expect(seen(mine)).toEqual(seen(theirs));
        expect(mine.messages).toEqual(theirs.messages.filter(({ seq }) => seq > mine.floor));
      }
    }),
    { numRuns: 3_000 },
  );
});

/** At any moment: ascending, nothing twice, and no hole among what the server had at the cursor. */
function check(server: FakeServer, room: ReturnType<Device["room"]>): void {
  const seqs = room.messages.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const held = new Set(seqs);
  const missing = server.rows.filter(
    ({ stream, message, removed }) =>
      stream === room.stream &&
      !removed &&
      message.seq > room.floor &&
      message.seq <= (room.last ?? 0) &&
      !held.has(message.seq),
  );
  expect(missing.map(({ message }) => message.seq)).toEqual([]);
}
