/** A connection over sockets that are played by hand, and a clock that is turned by hand. */
import { type ConnectionState, createConnection, type Frame } from "../../src/client/connection.ts";
import { SimulatedClock } from "../simulation/clock.ts";

class FakeSocket {
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  sent: any[] = [];
  closed = false;
  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}
  send = (data: string) => void this.sent.push(JSON.parse(data));
  close = () => void (this.closed = true);
  hear = (frame: object) => this.onmessage!({ data: JSON.stringify(frame) });
  end = (code: number, reason = "") => this.onclose!({ code, reason });
  types = () => this.sent.map(({ type }) => type);
}

export function world({ random = 0.5 } = {}) {
  const clock = new SimulatedClock();
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  const self = {
    clock,
    sockets,
    states,
    random,
    tokens: [] as string[],
    ended: [] as string[],
    /** What asking for a token fails with. */
    failure: null as Error | null,
    resumes: [] as boolean[],
    frames: [] as Frame[],
    last: () => sockets.at(-1)!,
    /** Takes the newest socket up to live. */
    async up() {
      await clock.advance(0);
      self.last().hear({ type: "hello", heartbeat_s: 30 });
      self.last().hear({ type: "snapshot", streams: [] });
      self.last().hear({ type: "resumed", since: "1", streams: {} });
    },
    /** How long it waits before it comes back (ms). */
    wait: () => {
      const state = connection.status();
      return state.state === "waiting" ? state.until - clock.now() : null;
    },
  };
  const give = async (kind: string) => {
    if (self.failure) throw self.failure;
    self.tokens.push(kind);
    return `${kind}${self.tokens.length}`;
  };
  const connection = createConnection({
    url: "wss://server",
    ports: {
      clock,
      random: () => self.random,
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          sockets.push(this);
        }
      },
    },
    session: {
      access: () => give("access"),
      refresh: () => give("fresh"),
      end: async (reason) => self.ended.push(reason) > 0,
    },
    resume: (first) => {
      self.resumes.push(first);
      return { type: "resume" };
    },
    receive: (frame) => self.frames.push(frame),
    changed: (state) => states.push(state),
  });
  return Object.assign(self, { connection });
}

export async function live(options?: { random?: number }) {
  const w = world(options);
  w.connection.connect();
  await w.up();
  return w;
}
