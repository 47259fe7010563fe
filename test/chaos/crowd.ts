/** People who talk, with the real client: some over the socket, some over REST only; and what each of them saw. */
import { ChatError, type Client, createClient, memoryStorage } from "../../src/client/index.ts";
import { PASSWORD } from "../support/client.ts";
import { type Account, storageOf } from "./accounts.ts";

/** What somebody tried to say. `acked`: the server's answer, and when. `removed`: it is to be taken back, and the server said that it was. */
export type Say = {
  who: string;
  stream: string;
  content: string;
  at: number;
  acked?: { id: string | number; at: number };
  removed?: boolean;
};

/** An event as a socket was told of it. `removes`: the message's id. */
type Told = { stream: string; seq: number; prev: number; removes?: string };
type Heard = Partial<Told> & { type: string; message_id?: unknown; code?: string; more?: boolean; changes?: Change[] };
type Change = { user_id: string; username: string; status: string };

/** So many of what is said take something back. */
const REMOVES = 0.1;

export class Talker {
  readonly said: Say[] = [];
  readonly failures: string[] = [];
  readonly streams: string[] = ["global"];
  /** When it tried to connect, and who was shown to it as having gone. */
  readonly connects: number[] = [];
  readonly seenLeaving: { who: string; at: number; told: boolean }[] = [];
  /** How long it waited by its own choice: [from, to]. */
  readonly backOffs: [number, number][] = [];
  readonly told = new Map<string, Told>();
  client!: Client;
  userId = "";
  private written = 0;

  constructor(
    readonly name: string,
    readonly kind: "socket" | "rest",
    private readonly url: string,
  ) {}

  async signUp(): Promise<void> {
    const client = (this.client = this.openClient());
    for (;;) {
      try {
        this.userId = (await client.signUp({ username: this.name, password: PASSWORD })).id;
        return;
      } catch (error) {
        if (!(error instanceof ChatError) || error.status === 400) throw error;
        await Bun.sleep(500);
      }
    }
  }

  /** Goes on with a session that there is already. */
  async signIn(account: Account): Promise<void> {
    this.client = this.openClient(storageOf(account));
    this.userId = (await this.client.restore())!.id;
  }

  /** Says one thing, and does not wait; sometimes takes one back that it said before. */
  say(stream: string): void {
    if (Math.random() < REMOVES) void this.takeBack();
    const say: Say = { who: this.name, stream, content: `${this.name} ${this.written++}`, at: Date.now() };
    this.said.push(say);
    if (this.kind === "socket") {
      this.client.send(stream, say.content).sent.then(
        ({ id }) => (say.acked = { id, at: Date.now() }),
        (error) => this.failures.push(`${say.content}: ${error}`),
      );
    } else void this.post(say);
  }

  get unsent(): number {
    return this.said.filter(({ acked, removed }) => !acked || removed === false).length;
  }

  /** The newest, or any; again and again, until it is gone. */
  private async takeBack(): Promise<void> {
    const left = this.said.filter(({ acked, removed }) => acked && removed === undefined);
    const say = Math.random() < 0.5 ? left.at(-1) : left[Math.floor(Math.random() * left.length)];
    if (!say) return;
    say.removed = false;
    if (await this.insist(say, () => this.client.remove(say.stream, say.acked!.id))) say.removed = true;
  }

  /** @returns false where it is refused for good */
  private async insist(say: Say, ask: () => Promise<void>): Promise<boolean> {
    for (let pause = 100; ; pause = Math.min(2_000, pause * 2)) {
      try {
        await ask();
        return true;
      } catch (error) {
        const { code, retryAfterMs } = error as ChatError;
        if (!["offline", "unavailable", "internal", "rate_limited"].includes(code)) {
          this.failures.push(`${say.content}: ${error}`);
          return false;
        }
        const wait = Math.max(retryAfterMs ?? 0, pause * Math.random());
        this.backOffs.push([Date.now(), Date.now() + wait]);
        await Bun.sleep(wait);
      }
    }
  }

  /** One at a time for each room, again and again with the same key, as the client does it over the socket. */
  private posting = new Map<string, Promise<void>>();
  private async post(say: Say): Promise<void> {
    const before = this.posting.get(say.stream) ?? Promise.resolve();
    const room = say.stream === "global" ? "global" : `conversations/${say.stream}`;
    const path = `/api/chat/${room}/messages/`;
    const headers = { "Idempotency-Key": say.content };
    const send = async () => {
      const { id } = await this.client.request<{ id: string }>("POST", path, { content: say.content }, headers);
      say.acked = { id, at: Date.now() };
    };
    const done = before.then(() => this.insist(say, send)).then(() => {});
    this.posting.set(say.stream, done);
    await done;
  }

  private openClient(storage = memoryStorage()): Client {
    const leaks = (data: string, live: Map<string, number>) => this.listen(data, live);
    class Listened extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        const live = new Map<string, number>();
        this.addEventListener("message", ({ data }) => leaks(data as string, live));
      }
    }
    const ports = {
      WebSocket: Listened as never,
      // A new connection each time, so that requests go round all processes.
      fetch: (url: string, init: object) => fetch(url, { ...init, keepalive: false }),
    };
    const client = createClient({ url: this.url, storage, ports });
    client.on("connection", (now) => {
      if (now.state === "connecting") this.connects.push(Date.now());
      if (now.state === "waiting") this.backOffs.push([Date.now(), now.until]);
      if (now.state === "offline" && now.code !== undefined) this.failures.push(`sent away with ${now.code}`);
    });
    return client;
  }

  /** Nothing may come here that is not this person's. */
  private listen(data: string, live: Map<string, number>): void {
    const frame = JSON.parse(data) as Heard;
    if (frame.type === "resumed" || frame.type === "snapshot") live.clear();
    this.watch(frame);
    if ("prev" in frame) this.note(frame, live);
    if (frame.type === "error" && !["rate_limited", "unavailable"].includes(frame.code!))
      this.failures.push(`was told ${data}`);
  }

  /** `live`: the last event of each room that this socket was told of since it came back. */
  private note({ type, stream = "", seq = 0, prev = 0, message_id }: Heard, live: Map<string, number>): void {
    if (!this.streams.includes(stream)) this.failures.push(`heard of ${stream}`);
    const last = live.get(stream) ?? 0;
    if (seq <= last) this.failures.push(`was told of ${stream} ${seq} after ${last}`);
    live.set(stream, seq);
    const told = { stream, seq, prev, ...(type === "message_removed" && { removes: String(message_id) }) };
    this.told.set(`${stream} ${seq} ${prev}`, told);
  }

  /** Whoever is told of as gone has left, and so has, untold, who is missing after a coming back. */
  private shown = new Map<string, string>();
  private watch({ type, changes = [], more }: Heard): void {
    const at = Date.now();
    for (const { username, status } of changes)
      if (status === "offline") this.seenLeaving.push({ who: username, at, told: true });
    const { presence } = this.client.state;
    if (type === "snapshot") this.shown = new Map(presence);
    if (type !== "resumed" || more) return;
    for (const [id, who] of this.shown) if (!presence.has(id)) this.seenLeaving.push({ who, at, told: false });
  }
}
