import pino from "pino";
import type { BusMessage } from "../../src/bus/bus.ts";
import { createCatchUp } from "../../src/chat/catch-up.ts";
import { chatCommands } from "../../src/chat/commands.ts";
import { createMessages } from "../../src/chat/messages.ts";
import { createReading } from "../../src/chat/reading.ts";
import { createRemoval, type Removal } from "../../src/chat/removal.ts";
import { type ChatEvent, createRooms, framesOf } from "../../src/chat/rooms.ts";
import type { RoomStore } from "../../src/chat/rooms-store.ts";
import type { ChatStore } from "../../src/chat/store.ts";
import { createWriter, type Draft } from "../../src/chat/writer.ts";
import type { Outgoing } from "../../src/deps.ts";
import { createTracker } from "../../src/presence/tracker.ts";
import { createDispatch } from "../../src/realtime/dispatch.ts";
import { createGateway } from "../../src/realtime/gateway.ts";
import { Heads } from "../../src/realtime/heads.ts";
import { helloFrame } from "../../src/realtime/hello.ts";
import { createPublisher } from "../../src/realtime/publisher.ts";
import { createBucket } from "../../src/realtime/rate-limit.ts";
import { createResume } from "../../src/realtime/resume.ts";
import { type Socket, Sockets } from "../../src/realtime/sockets.ts";
import { createStreams } from "../../src/realtime/streams.ts";
import type { SimulatedClock } from "./clock.ts";
import type { SimulatedDatabase } from "./database.ts";
import { Topics } from "./network.ts";

const log = pino({ level: "silent" });
const HEARTBEAT_MS = 2_000;
const LIMITS = {
  messageMaxLength: 2_000,
  maxFrameBytes: 65_536,
  messageRate: { perSecond: 20, burst: 10 },
  presence: { heartbeatMs: HEARTBEAT_MS, graceMs: 500, expiryMs: 3_000 },
};

type Options = {
  clock: SimulatedClock;
  database: SimulatedDatabase;
  /** To the other processes. */
  tell: (message: BusMessage) => void;
  delivered: (event: ChatEvent) => void;
  fail: (what: string) => void;
};

/** The real server but for its network, its database and its tokens. */
export class SimulatedServer {
  alive = true;
  readonly topics = new Topics();
  readonly sockets = new Sockets();
  readonly gateway: ReturnType<typeof createGateway>["websocket"];
  readonly presence: ReturnType<typeof createTracker>;
  readonly removal: Removal;
  private readonly streams: ReturnType<typeof createStreams>;
  private readonly publish: (frames: readonly Outgoing[]) => void;
  private readonly sweep: () => void;

  constructor(private readonly options: Options) {
    const { clock, database, delivered, fail } = options;
    const heads = new Heads(clock);
    const { sockets } = this;
    const publisher = createPublisher({ publishTo: this.topics.publish, sockets, heads });
    this.publish = publisher.publish;
    const tell = (message: BusMessage) => {
      if (this.alive) options.tell(message);
    };
    const bus = {
      publish: tell,
      subscribe: async () => {},
      others: async () => 0,
      isUp: () => true,
      close: async () => {},
    };
    this.presence = createTracker({
      bus,
      publish: publisher.publish,
      hears: sockets.hears,
      partnersOf: async () => new Map(),
      writeLastSeen: async () => {},
      clock: this.own(clock),
      times: LIMITS.presence,
    });
    const store = {
      membersOf: (room: string) => this.guard(database.membersOf(room)),
      markRead: (room: string, user: string, upTo: number) => this.guard(database.markRead(room, user, upTo)),
    } as Partial<RoomStore> as RoomStore;
    const rooms = createRooms(store);
    this.streams = createStreams({
      look: (horizon) => this.guard(database.look(horizon)),
      eventsSince: (room, seq, horizon) => this.guard(database.eventsSince(room, seq, horizon)),
      deliver: (events) => {
        for (const event of events as ChatEvent[]) delivered(event);
        publisher.publish((events as ChatEvent[]).flatMap((event) => framesOf(event, sockets.hears)));
      },
      sessionEnded: () => {},
      historyChanged: () => fail("a process took the history for another one"),
      clock: this.own(clock),
      log,
    });
    const committed = (events: ChatEvent[]) => {
      this.streams.arrived(events);
      tell({ kind: "events", events });
    };
    this.removal = createRemoval({
      store: {
        seqExists: async (room, seq) => database.everything(room).find((row) => row.seq === seq)?.seq,
        seqOf: async (room, id) => database.everything(room).find((row) => row.id === id)?.seq,
      } as ChatStore,
      removals: { removeMessages: (room, seqs, by) => this.guard(database.removeMessages(room, seqs, by)) },
      membersOf: store.membersOf,
      committed,
    });
    const writer = createWriter({
      store: { storeMessages: (drafts: readonly Draft[]) => this.guard(database.storeMessages(drafts)) } as ChatStore,
      hasRoom: () => true,
      committed,
      clock,
      at: () => {},
    });
    const bucket = createBucket(LIMITS.messageRate, null, "", clock);
    const broadcast = (frames: Outgoing[]) => {
      publisher.publish(frames);
      tell({ kind: "frames", frames });
    };
    const { websocket, sweep } = createGateway({
      sockets,
      publisher,
      heads,
      dispatch: createDispatch(log, () => {}),
      commands: chatCommands({
        messages: createMessages({ rooms, writer, bucket, maxLength: LIMITS.messageMaxLength, at: () => {} }),
        reading: createReading({ rooms, store, broadcast }),
        rooms,
        signals: createBucket({ perSecond: 20, burst: 60 }, null, "", clock),
        broadcast,
      }),
      admit: async () => Promise.reject(new Error("nobody knocks here")),
      ...createResume({
        publisher,
        catchUp: createCatchUp((asked) => this.guard(database.catchUp(asked))),
        presentNow: this.presence.presentNow,
        heads,
        epoch: this.streams.epoch,
        clock,
        log,
      }),
      hello: ({ caller }) => helloFrame(caller, this.streams.epoch(), LIMITS, clock),
      deliveredSince: this.streams.deliveredSince,
      isEnded: () => false,
      presence: this.presence,
      maxSocketsPerUser: 20,
      maxUnauthenticated: 1_000,
      maxFrameBytes: LIMITS.maxFrameBytes,
      gate: { perSecond: 1_000, burst: 1_000 },
      idleMs: 60_000,
      silenceMs: 4 * HEARTBEAT_MS,
      clock,
      log,
    });
    this.gateway = websocket;
    this.sweep = sweep;
  }

  /** Settles once it serves, or with false where its database did not answer. */
  async start(): Promise<boolean> {
    const started = await this.streams.start().then(
      () => true,
      () => false,
    );
    if (!started) return false;
    this.presence.start();
    this.own(this.options.clock).every(1_000, this.sweep);
    return true;
  }

  hear(message: BusMessage): void {
    if (!this.alive) return;
    if (message.kind === "events") this.streams.arrived(message.events);
    else if (message.kind === "frames") this.publish(message.frames);
    else if (message.kind === "presence") this.presence.receive(message.message);
  }

  isOpen(ws: Socket): boolean {
    return this.sockets.all().includes(ws);
  }

  /** What a dead process asked for is never answered. */
  private guard<T>(promise: Promise<T>): Promise<T> {
    const never = new Promise<T>(() => {});
    return promise.then(
      (value) => (this.alive ? value : never),
      (error) => (this.alive ? Promise.reject(error) : never),
    );
  }

  /** The clock of this process, which stops with it. */
  private own(clock: SimulatedClock) {
    return {
      ...clock,
      now: clock.now,
      sleep: clock.sleep,
      after: (ms: number, callback: () => void) => clock.after(ms, () => this.alive && callback()),
      every: (ms: number, callback: () => void) => {
        const stop = clock.every(ms, () => (this.alive ? callback() : stop()));
        return stop;
      },
    };
  }
}
