/** The state under a server that loses, doubles and reorders what it says, and sockets that break at any moment. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { asking, fromWire, merge } from "../../src/client/messages.ts";
import type { ChatMessage } from "../../src/protocol/frames.ts";
import { Device } from "./device.ts";
import { FakeServer } from "./fake-server.ts";

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
      type Asked = { name: string; limit: number; was: ReturnType<Device["room"]>; era: number; done: () => void };
      const asked: (Asked & { page: ChatMessage[] })[] = [];
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
        // Pages of history that are on their way while the world goes on; taken only if nothing was let go meanwhile.
        const was = device.room(name);
        if (step.do === "ask" && was)
          asked.push({ name, limit: step.limit, was, era: was.era, done: asking(was), page: server.messages("alice", name, step.limit) as ChatMessage[] }); // prettier-ignore
        const [there] = step.do === "arrive" ? asked.splice(step.limit % asked.length, 1) : [];
        if (there && there.was === device.room(there.name) && there.era === there.was.era) {
          merge(there.was, there.page.map(fromWire), there.page.length === there.limit, "alice");
          there.was.loaded = true;
        }
        there?.done();
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
