/**
 * The real server in some processes and the real client of some people, over a clock, a bus, a network and a database that are simulated
 * and fail: the bus drops, doubles, delays and reorders; connections break, with and without a word; the database answers late, fails before
 * or after the commit, deadlocks; processes are killed and pages reloaded at any moment. Everything that is random comes from one
 * seed, so that a failing run can be run again.
 */
import type { BusMessage } from "../../src/bus/bus.ts";
import { type ChatEvent, streamOf } from "../../src/chat/rooms.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { openConnection } from "../../src/realtime/sockets.ts";
import { SimulatedClock } from "./clock.ts";
import { isThere, SimulatedDatabase } from "./database.ts";
import { Wire } from "./network.ts";
import { type ClientSocket, idOf, Person } from "./person.ts";
import { SimulatedServer } from "./server.ts";
import { Witness } from "./witness.ts";

const PEOPLE = ["ada", "bob", "eve"];
const ROOMS = new Map([
  [GLOBAL_ROOM, PEOPLE],
  ["11111111-1111-4111-8111-111111111111", ["ada", "bob"]],
  ["22222222-2222-4222-8222-222222222222", ["bob", "eve"]],
]);

type Node = {
  id: number;
  server: SimulatedServer;
  wires: Set<Wire>;
  /** The last event that its sockets were told of, room by room, and the heads when it began to serve. */
  told: Map<string, number>;
  since: Map<string, number>;
};

export class World {
  readonly failures: string[] = [];
  private readonly clock = new SimulatedClock();
  private readonly database: SimulatedDatabase;
  private readonly people: Person[];
  private readonly wires = new Map<Person, Wire>();
  private nodes: Node[] = [];
  private lastNode = 0;
  private written = 0;
  /** What clients were told to have been stored: content to id. */
  private readonly acknowledged = new Map<string, string | number>();
  /** Rows that they were told to have been removed. */
  private readonly takenBack: { seq: number; removed?: true }[] = [];

  constructor(private readonly random: () => number) {
    this.database = new SimulatedDatabase(this.clock, random, ROOMS);
    const connect = (person: Person, socket: ClientSocket) => this.connect(person, socket);
    const remove = ({ name }: Person, room: string, messageId: string) =>
      this.pick(this.nodes).server.removal.removeMessage({ room, messageId, by: { userId: name, sessionId: name } });
    this.people = PEOPLE.map(
      (name) => new Person({ name, clock: this.clock, random, database: this.database, connect, remove }),
    );
  }

  run(steps: number): string[] {
    // What the server defers to a later turn of the event loop, it defers to a later moment here.
    const { setImmediate } = globalThis;
    globalThis.setImmediate = ((callback: () => void) => this.clock.after(this.random() * 3, callback)) as never;
    try {
      // A start can fail, as one whose database does not answer.
      while (this.nodes.length < 3) this.startNode();
      for (const person of this.people) person.begin();
      for (let step = 0; step < steps && !this.failures.length; step++) {
        this.act();
        this.clock.advance(this.random() * 30);
      }
      // The weather clears: all that is promised must come true, at the latest when a dead socket was noticed and the longest back-off is over.
      this.database.calm = true;
      const before = this.failures.length;
      for (let left = 60_000; ; left -= 5_000) {
        this.clock.advance(5_000);
        this.judge();
        if (this.failures.length === before || left <= 0) break;
        this.failures.length = before;
      }
    } catch (error) {
      this.failures.push(String((error as Error).stack));
    } finally {
      globalThis.setImmediate = setImmediate;
    }
    return this.failures;
  }

  private act(): void {
    const roll = this.random();
    const person = this.pick(this.people);
    if (roll < 0.5) this.say(person);
    else if (roll < 0.55) this.takeBack(person);
    else if (roll < 0.7) person.client.markRead(this.pick(this.streamsOf(person)));
    else if (roll < 0.73) void person.client.loadLatest(this.pick(this.streamsOf(person))).catch(() => {});
    else if (roll < 0.75) void person.client.loadOlder(this.pick(this.streamsOf(person))).catch(() => {});
    else if (roll < 0.78) this.wires.get(person)?.cut();
    else if (roll < 0.79) this.wires.get(person)?.freeze();
    else if (roll < 0.8) person.reload();
    else if (roll < 0.815 && this.nodes.length > 1) this.kill(this.pick(this.nodes));
    else if (roll < 0.84 && this.nodes.length < 4) this.startNode();
    else if (roll < 0.86) this.clock.advance(this.random() * 2_000);
    else if (roll < 0.87) person.client.reconnectNow();
  }

  private say(person: Person): void {
    if (!person.client.user()) return;
    const content = `message ${this.written++}`;
    const stream = this.pick(this.streamsOf(person));
    void person.client.send(stream, content).sent.then(
      ({ id }) => {
        if (
          !this.database
            .everything(this.room(stream))
            .some((row) => idOf(this.room(stream), row) === id && row.content === content)
        )
          this.failures.push(`${content} was acknowledged and is not there`);
        this.acknowledged.set(content, id);
      },
      (error) => this.failures.push(`${content} was refused: ${error}`),
    );
  }

  /** Any message of theirs, shown or not; sometimes one that they have removed before. */
  private takeBack({ name, client }: Person): void {
    const stream = this.pick(this.streamsOf({ name }));
    const own = this.database.everything(this.room(stream)).filter((row) => row.sender === name);
    if (!own.length || !client.user()) return;
    const row = this.pick(this.random() < 0.5 ? own.slice(-3) : own);
    void client.remove(stream, idOf(this.room(stream), row)).then(
      () => this.takenBack.push(row),
      () => {},
    );
  }

  private connect(person: Person, socket: ClientSocket): void {
    const node = this.pick(this.nodes);
    const { server } = node;
    const caller = { userId: person.name, sessionId: person.name, username: person.name };
    this.clock.after(this.random() * 20, () => {
      if (!server.alive) return socket.onclose?.({ code: 1006, reason: "" });
      const witness = new Witness(person.name, this.database, (what) => this.failures.push(what));
      const wire = new Wire(
        openConnection({ endpoint: "chat", network: "" }, caller, this.clock.now()),
        this.clock,
        this.random,
        server.topics,
        {
          sent: (data, published) => {
            witness.hear(data);
            return this.database.calm || !published || !data.startsWith('{"type":"message') || this.random() > 0.005;
          },
          heard: (data) => socket.onmessage?.({ data }),
          lost: (code) => socket.onclose?.({ code, reason: "" }),
          received: (ws, frame) => server.alive && server.gateway.message!(ws, frame),
          gone: (ws) => {
            node.wires.delete(wire);
            server.topics.leave(wire);
            if (server.alive) void server.gateway.close?.(ws, 1006, "");
          },
        },
      );
      node.wires.add(wire);
      this.wires.set(person, wire);
      socket.send = (data) => wire.toServer(data);
      socket.close = () => wire.cut();
      server.gateway.open!(wire.ws);
    });
  }

  private startNode(): void {
    const id = ++this.lastNode;
    const server = new SimulatedServer({
      clock: this.clock,
      database: this.database,
      tell: (message) => this.spread(node, message),
      delivered: (event) => this.delivered(node, event),
      fail: (what) => this.failures.push(what),
    });
    const node: Node = { id, server, wires: new Set(), told: new Map(), since: new Map() };
    let started = false;
    void server.start().then((ok) => (started = ok));
    this.clock.advance(50);
    if (!started) return void (server.alive = false);
    for (const room of ROOMS.keys()) node.since.set(room, this.database.head(room));
    this.nodes.push(node);
  }

  private kill(node: Node): void {
    node.server.alive = false;
    this.nodes = this.nodes.filter((other) => other !== node);
    for (const wire of node.wires) wire.cut();
  }

  private spread(from: Node, message: BusMessage): void {
    const { calm } = this.database;
    this.clock.after(1, () => from.server.alive && from.server.presence.echoed());
    for (const node of this.nodes) {
      if (node === from) continue;
      const copies = calm ? 1 : this.random() < 0.15 ? 0 : this.random() < 0.1 ? 2 : 1;
      for (let i = 0; i < copies; i++)
        this.clock.after(this.random() < 0.1 && !calm ? this.random() * 3_000 : this.random() * 20, () =>
          node.server.hear(message),
        );
    }
  }

  private delivered(node: Node, { room, seq, prev = seq - 1, body }: ChatEvent): void {
    if (!node.server.alive) return;
    const last = node.told.get(room);
    const log = this.database.log(room);
    const [entry, id] = [log[seq - 1], "removed" in body ? body.removed.id : body.id];
    if (!entry || ("removes" in entry ? entry.removes : entry).id !== id)
      this.failures.push(`process ${node.id} delivered ${room} ${seq} before it was committed`);
    if (last !== undefined && (seq <= last || prev > last || log.slice(last, seq - 1).some(isThere)))
      this.failures.push(`process ${node.id} delivered ${room} ${seq} after ${last}`);
    if (last === undefined && log.slice(node.since.get(room) ?? Infinity, seq - 1).some(isThere))
      this.failures.push(`process ${node.id} began ${room} at ${seq}, not ${node.since.get(room)! + 1}`);
    node.told.set(room, seq);
  }

  private judge(): void {
    for (const { id, server, told, since } of this.nodes) {
      for (const room of ROOMS.keys()) {
        const head = this.database.head(room);
        if (head !== since.get(room) && told.get(room) !== head)
          this.failures.push(`process ${id} delivered ${room} up to ${told.get(room)}, not ${head}`);
      }
      for (const person of PEOPLE)
        if (!server.presence.isOnline(person)) this.failures.push(`process ${id} shows ${person} as offline`);
    }
    for (const room of ROOMS.keys()) this.judgeRoom(room);
    for (const { seq, removed } of this.takenBack) if (!removed) this.failures.push(`${seq} was not removed`);
    for (const person of this.people) this.judgePerson(person);
  }

  private judgeRoom(room: string): void {
    const log = this.database.log(room);
    if (log.some((entry, i) => entry.seq !== i + 1)) this.failures.push(`${room} has a hole`);
    const rows = this.database.everything(room);
    const contents = rows.map((row) => row.content);
    if (new Set(contents).size !== contents.length) this.failures.push(`${room} has a doubled message`);
    for (const name of PEOPLE) {
      const said = rows.filter((row) => row.sender === name).map((row) => Number(row.content.split(" ")[1]));
      if (said.some((n, i) => i > 0 && n < said[i - 1]!))
        this.failures.push(`${room} has ${name}'s words in another order`);
    }
  }

  /** What the client shows is what a fresh fetch would show. */
  private judgePerson({ name, client }: Person): void {
    const wrong = (what: string) => this.failures.push(`${name}: ${what} (${JSON.stringify(client.connection)})`);
    if (client.connection.state !== "live") wrong("is not connected");
    for (const stream of this.streamsOf({ name })) {
      const room = this.room(stream);
      const rows = this.database.rows(room);
      const shown = client.state.streams.get(stream);
      if (!shown) {
        wrong(`does not know ${stream}`);
        continue;
      }
      const head = this.database.head(room);
      if (shown.last !== head) wrong(`knows ${stream} up to ${shown.last}, not ${head}`);
      const expected = rows.slice(rows.length - shown.messages.length).map((row) => idOf(room, row));
      if (shown.messages.map(({ id }) => id).join() !== expected.join())
        wrong(`shows ${stream} as ${shown.messages.map(({ seq }) => seq)}, not up to ${head} without a hole`);
      const last = rows.at(-1);
      if (shown.lastMessage?.id !== (last && idOf(room, last)))
        wrong(`shows ${shown.lastMessage?.seq} as the last message of ${stream}, not ${last?.seq}`);
      if (shown.readSeq !== this.database.mark(room, name))
        wrong(`has read ${stream} up to ${shown.readSeq}, not ${this.database.mark(room, name)}`);
      if (shown.unread !== this.database.unread(room, name))
        wrong(`counts ${shown.unread} unread in ${stream}, not ${this.database.unread(room, name)}`);
      if (client.pending(stream).length) wrong(`has unsent messages in ${stream}`);
    }
    if ([...client.state.streams.keys()].some((stream) => !this.streamsOf({ name }).includes(stream)))
      wrong("knows a room of others");
    if ([...client.state.presence.keys()].sort().join() !== PEOPLE.join())
      wrong(`sees ${[...client.state.presence.keys()]} online`);
  }

  private streamsOf({ name }: { name: string }): string[] {
    return this.database.roomsOf(name).map(streamOf);
  }

  private room(stream: string): string {
    return stream === "global" ? GLOBAL_ROOM : stream;
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }
}
