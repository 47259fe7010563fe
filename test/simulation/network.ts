import type { Connection, Socket } from "../../src/realtime/sockets.ts";
import type { SimulatedClock } from "./clock.ts";

/** What a process' sockets subscribe to. */
export class Topics {
  #topics = new Map<string, Set<Wire>>();

  subscribe(topic: string, wire: Wire): void {
    const set = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, set.add(wire));
  }
  unsubscribe(topic: string, wire: Wire): void {
    this.#topics.get(topic)?.delete(wire);
  }
  has = (topic: string, wire: Wire): boolean => this.#topics.get(topic)?.has(wire) ?? false;
  publish = (topic: string, frame: string, except?: Wire): void => {
    for (const wire of this.#topics.get(topic) ?? []) if (wire !== except) wire.toClient(frame, true);
  };
  leave(wire: Wire): void {
    for (const set of this.#topics.values()) set.delete(wire);
  }
}

type Ends = {
  /** At the process: every frame, in order. False for one that gets lost on a socket that stays open. */
  sent: (frame: string, published: boolean) => boolean;
  /** At the client. */
  heard: (frame: string) => void;
  lost: (code: number) => void;
  /** At the process. */
  received: (ws: Socket, frame: string) => void;
  gone: (ws: Socket) => void;
};

/** One connection: both ends, with time between them. Frames keep their order in either direction; a cut one loses what is on its way. */
export class Wire {
  /** Where the process sees it. */
  readonly ws: Socket;
  private open = true;
  private silent = false;
  private readonly lastAt = { client: 0, server: 0 };

  constructor(
    readonly data: Connection,
    private readonly clock: SimulatedClock,
    private readonly random: () => number,
    topics: Topics,
    private readonly ends: Ends,
  ) {
    const ws = {
      data,
      send: (frame: string) => this.toClient(frame),
      cork: (write: () => void) => write(),
      close: (code: number) => this.close(code),
      subscribe: (topic: string) => topics.subscribe(topic, this),
      unsubscribe: (topic: string) => topics.unsubscribe(topic, this),
      publish: (topic: string, frame: string) => topics.publish(topic, frame, this),
      isSubscribed: (topic: string) => topics.has(topic, this),
      getBufferedAmount: () => 0,
    };
    this.ws = Object.defineProperty(ws, "readyState", { get: () => (this.open ? 1 : 3) }) as unknown as Socket;
  }

  toClient(frame: string, published = false): void {
    if (this.open && this.ends.sent(frame, published)) this.later("client", () => this.ends.heard(frame));
  }

  toServer(frame: string): void {
    if (this.open) this.later("server", () => this.open && this.ends.received(this.ws, frame));
  }

  /** By the process: what was sent before arrives, and then the close. */
  close(code: number): void {
    if (!this.open) return;
    this.open = false;
    this.later("client", () => this.ends.lost(code));
    this.ends.gone(this.ws);
  }

  /** By the client, or because the process died: nothing that is on its way arrives. */
  cut(): void {
    if (!this.open) return;
    this.open = false;
    this.silent = true;
    this.ends.lost(CLOSE_WITHOUT_WORD);
    this.clock.after(this.random() * 50, () => this.ends.gone(this.ws));
  }

  /** Nothing comes through any more, and neither end is told: a cable is out, a laptop sleeps. The process notices some time later. */
  freeze(): void {
    this.silent = true;
    this.clock.after(5_000 + this.random() * 5_000, () => {
      if (!this.open) return;
      this.open = false;
      this.ends.gone(this.ws);
    });
  }

  private later(end: "client" | "server", deliver: () => void): void {
    if (this.silent) return;
    const at = Math.max(this.lastAt[end], this.clock.now() + this.random() * 20);
    this.lastAt[end] = at;
    this.clock.after(at - this.clock.now(), () => this.silent || deliver());
  }
}

const CLOSE_WITHOUT_WORD = 1006;
