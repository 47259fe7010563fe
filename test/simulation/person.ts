import { type Client, createClient, memoryStorage, type Ports } from "../../src/client/index.ts";
import type { SimulatedClock } from "./clock.ts";
import { type SimulatedDatabase } from "./database.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { streamOf } from "../../src/chat/rooms.ts";

/** The client's end of a connection; what it does is wired up by the world. */
export class ClientSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  send: (data: string) => void = () => {};
  close: () => void = () => {};
}

type Options = {
  name: string;
  clock: SimulatedClock;
  random: () => number;
  database: SimulatedDatabase;
  connect: (person: Person, socket: ClientSocket) => void;
  /** Asks a process to. */
  remove: (person: Person, room: string, messageId: string) => Promise<void>;
};

/** Somebody with the real client, on a device that keeps its storage over reloads of the page. */
export class Person {
  readonly name: string;
  readonly storage = memoryStorage();
  client: Client;
  private ids = 0;

  constructor(private readonly options: Options) {
    this.name = options.name;
    this.client = this.openPage();
  }

  /** The page is loaded again: all it knew is gone, its unsent messages are not. */
  reload(): void {
    this.client.close();
    this.client = this.openPage();
    this.begin();
  }

  /** Signs in once, afterwards goes on with what is stored. */
  begin(): void {
    const { client } = this;
    void client
      .restore()
      .then((user) => user ?? client.logIn({ username: this.name, password: "secret" }))
      .then(client.connect, () => this.options.clock.after(500, () => this.client === client && this.begin()));
  }

  private openPage(): Client {
    const { clock, random, connect, database, remove } = this.options;
    const connected = (socket: ClientSocket) => connect(this, socket);
    const ports: Ports = {
      clock,
      random,
      randomId: () => `${this.name}-${this.ids++}`,
      fetch: async (url, { method }) => {
        await clock.sleep(random() * 30);
        if (!database.calm && random() < 0.1) throw new Error("no network");
        if (method !== "DELETE") {
          const body = this.rest(new URL(url));
          // Slower than a socket, sometimes by far: what it shows may be over when it arrives.
          await clock.sleep(random() * (random() < 0.3 && !database.calm ? 1_000 : 30));
          return answer(200, body);
        }
        const [stream, , id] = new URL(url).pathname.split("/").slice(-4) as [string, string, string];
        await remove(this, stream === "global" ? GLOBAL_ROOM : stream, id);
        if (!database.calm && random() < 0.1) throw new Error("no network");
        return answer(204, null);
      },
      WebSocket: class extends ClientSocket {
        constructor() {
          super();
          connected(this);
        }
      },
    };
    return createClient({ url: "http://chat.test", ports, storage: this.storage });
  }

  private rest({ pathname, searchParams }: URL): unknown {
    const user = { id: this.name, username: this.name, is_online: true, created_at: "", last_seen: null };
    if (pathname.startsWith("/api/auth/")) return { user, access: "token", refresh: "token" };
    const match = /^\/api\/chat\/(?:conversations\/)?([^/]+)\/messages\/$/.exec(pathname);
    if (!match) throw new Error(`nobody serves ${pathname}`);
    const { database } = this.options;
    const room = match[1] === "global" ? GLOBAL_ROOM : match[1]!;
    const before = searchParams.get("before");
    const upTo =
      before === null ? Infinity : database.everything(room).find((row) => `${idOf(room, row)}` === before)!.seq;
    return database.page(room, Number(searchParams.get("limit")), upTo).map((row) => ({
      id: idOf(room, row),
      stream: streamOf(room),
      seq: row.seq,
      version: row.seq,
      sender: { id: row.sender, username: row.sender },
      content: row.content,
      timestamp: "2026-01-01T00:00:00.000Z",
    }));
  }
}

export function idOf(room: string, row: { seq: number; id: string }): string | number {
  return room === GLOBAL_ROOM ? row.seq : row.id;
}

function answer(status: number, body: unknown) {
  return { status, headers: { get: () => null }, json: async () => body };
}
