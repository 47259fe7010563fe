/**
 * The real writer and the real delivery engine in some processes, over a clock, a bus and a database that are simulated and fail:
 * the bus drops, doubles, delays and reorders; the database answers late, fails before or after the commit, deadlocks; processes
 * are killed at any moment. Everything that is random comes from one seed, so that a failing run can be run again.
 */
import pino from "pino";
import { createWriter, type Draft } from "../../src/chat/writer.ts";
import type { ChatStore } from "../../src/chat/store.ts";
import type { MessageEvent } from "../../src/chat/rooms.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { RoomEvent } from "../../src/deps.ts";
import { createStreams } from "../../src/realtime/streams.ts";
import { SimulatedClock } from "./clock.ts";
import { SimulatedDatabase } from "./database.ts";

const ROOMS = [GLOBAL_ROOM, "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
const SENDERS = ["ada", "bob", "eve"];
const log = pino({ level: "silent" });

type Sent = { room: string; sender: string; n: number; clientId: string | null; acknowledged: boolean; id?: string };
type Node = {
  id: number;
  alive: boolean;
  writer: ReturnType<typeof createWriter>;
  delivery: ReturnType<typeof createStreams>;
  /** What its sockets were sent, room by room. */
  delivered: Map<string, number[]>;
  /** The heads of the rooms when it began to serve. */
  since: Map<string, number>;
};

export class World {
  readonly clock = new SimulatedClock();
  readonly database: SimulatedDatabase;
  readonly nodes: Node[] = [];
  readonly sent: Sent[] = [];
  readonly failures: string[] = [];
  private calm = false;
  private lastNode = 0;

  constructor(private readonly random: () => number) {
    this.database = new SimulatedDatabase(this.clock, random, ROOMS);
  }

  async run(steps: number): Promise<string[]> {
    // A start can fail, as one whose database does not answer.
    while (this.living().length < 3) await this.startNode();
    for (let step = 0; step < steps; step++) {
      await this.act();
      await this.clock.advance(this.random() * 30);
    }
    // The weather clears: all that is promised must come true within a few looks.
    this.calm = this.database.calm = true;
    await this.clock.advance(20_000);
    this.judge();
    return this.failures;
  }

  private async act(): Promise<void> {
    const roll = this.random();
    if (roll < 0.9) for (let i = 0, burst = 1 + Math.floor(this.random() * 4); i < burst; i++) this.send();
    else if (roll < 0.93) this.sendAgain();
    else if (roll < 0.945 && this.living().length > 1) this.pick(this.living()).alive = false;
    else if (roll < 0.97 && this.living().length < 4) await this.startNode();
    else await this.clock.advance(this.random() * 2_000);
  }

  private send(): void {
    const [room, sender] = [this.pick(ROOMS), this.pick(SENDERS)];
    const sent: Sent = {
      room,
      sender,
      n: this.sent.length,
      clientId: this.random() < 0.5 ? `c${this.sent.length}` : null,
      acknowledged: false,
    };
    this.sent.push(sent);
    this.hand(sent);
  }

  /** A client that got no answer, or an error, sends again under the same id, to whichever process. */
  private sendAgain(): void {
    const open = this.sent.filter((sent) => sent.clientId !== null);
    if (open.length) this.hand(this.pick(open));
  }

  private hand(sent: Sent): void {
    const node = this.pick(this.living());
    const draft: Draft = {
      room: sent.room,
      sender: { id: sent.sender, username: sent.sender },
      content: `message ${sent.n}`,
      clientId: sent.clientId,
      audience: [],
    };
    node.writer.store(draft).then(
      ({ event }) => {
        if (!node.alive) return;
        if (!this.database.has(sent.room, event.body.id))
          this.failures.push(`${draft.content} was acknowledged before it was committed`);
        if (sent.id !== undefined && sent.id !== event.body.id)
          this.failures.push(`${draft.content} was acknowledged as two messages`);
        sent.acknowledged = true;
        sent.id = event.body.id;
      },
      () => {}, // Told to the client, who may send again.
    );
  }

  private async startNode(): Promise<void> {
    const node: Node = { id: ++this.lastNode, alive: true, delivered: new Map(), since: new Map() } as Node;
    const guarded = <T>(promise: Promise<T>) => promise.then((value) => (node.alive ? value : new Promise<T>(() => {})), (error) => (node.alive ? Promise.reject(error) : new Promise<T>(() => {}))); // prettier-ignore
    node.delivery = createStreams({
      look: (horizon) => guarded(this.database.look(horizon)),
      eventsSince: (room, seq, horizon) => guarded(this.database.eventsSince(room, seq, horizon)),
      deliver: (events) => node.alive && this.deliver(node, events),
      sessionEnded: () => {},
      historyChanged: () => this.failures.push(`process ${node.id} took the history for another one`),
      clock: this.clock,
      log,
    });
    node.writer = createWriter({
      store: { storeMessages: (drafts: readonly Draft[]) => guarded(this.database.storeMessages(drafts)) } as ChatStore,
      hasRoom: () => true,
      committed: (events) => {
        if (!node.alive) return;
        node.delivery.arrived(events);
        this.publish(node, events);
      },
      clock: this.clock,
    });
    const started = node.delivery.start().then(
      () => true,
      () => false,
    );
    await this.clock.advance(200);
    if (!(await started)) return;
    for (const room of ROOMS) node.since.set(room, this.database.head(room));
    this.nodes.push(node);
  }

  private publish(from: Node, events: MessageEvent[]): void {
    for (const node of this.nodes) {
      if (node === from) continue;
      const copies = this.calm ? 1 : this.random() < 0.15 ? 0 : this.random() < 0.1 ? 2 : 1;
      for (let i = 0; i < copies; i++)
        this.clock.after(
          this.random() < 0.1 && !this.calm ? this.random() * 3_000 : this.random() * 20,
          () => node.alive && node.delivery.arrived(events),
        );
    }
  }

  private deliver(node: Node, events: readonly RoomEvent[]): void {
    for (const { room, seq, body } of events as MessageEvent[]) {
      if (!this.database.has(room, body.id))
        this.failures.push(`process ${node.id} delivered ${room} ${seq} before it was committed`);
      const delivered = node.delivered.get(room) ?? [];
      node.delivered.set(room, delivered);
      if (delivered.length && seq !== delivered.at(-1)! + 1)
        this.failures.push(`process ${node.id} delivered ${room} ${seq} after ${delivered.at(-1)}`);
      delivered.push(seq);
    }
  }

  private judge(): void {
    for (const node of this.living()) {
      for (const room of ROOMS) {
        const [head, since, delivered] = [
          this.database.head(room),
          node.since.get(room)!,
          node.delivered.get(room) ?? [],
        ];
        if (head === since) continue;
        if (delivered.at(-1) !== head)
          this.failures.push(`process ${node.id} delivered ${room} up to ${delivered.at(-1)}, not ${head}`);
        if (delivered.length && delivered[0]! > since + 1)
          this.failures.push(`process ${node.id} began ${room} at ${delivered[0]}, not ${since + 1}`);
      }
    }
    for (const room of ROOMS) {
      const rows = this.database.rows(room);
      if (rows.some((row, i) => row.seq !== i + 1)) this.failures.push(`${room} has a hole`);
      const contents = rows.filter((row) => row.clientId !== null).map((row) => row.content);
      if (new Set(contents).size !== contents.length) this.failures.push(`${room} has a doubled message`);
    }
    for (const { room, n, acknowledged, id } of this.sent) {
      if (acknowledged && !this.database.has(room, id!))
        this.failures.push(`message ${n} was acknowledged and is not there`);
    }
  }

  private living(): Node[] {
    return this.nodes.filter((node) => node.alive);
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }
}
