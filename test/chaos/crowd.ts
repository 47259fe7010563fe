/** People who talk, with the real client: some over the socket, some over REST only; and what each of them saw. */
import { ChatError, type Client, createClient, memoryStorage } from "../../src/client/index.ts";
import { PASSWORD } from "../support/client.ts";
import { type Account, storageOf } from "./accounts.ts";

/** What somebody tried to say. `acked`: the server's answer, and when. */
export type Say = {
  who: string;
  stream: string;
  content: string;
  at: number;
  acked?: { id: string | number; at: number };
};

type Heard = { type: string; stream?: string; code?: string; more?: boolean; changes?: Change[] };
type Change = { user_id: string; username: string; status: string };

export class Talker {
  readonly said: Say[] = [];
  readonly failures: string[] = [];
  readonly streams: string[] = ["global"];
  /** When it tried to connect, and who was shown to it as having gone. */
  readonly connects: number[] = [];
  readonly seenLeaving: { who: string; at: number; told: boolean }[] = [];
  /** How long it waited by its own choice: [from, to]. */
  readonly backOffs: [number, number][] = [];
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

  /** Says one thing, and does not wait. */
  say(stream: string): void {
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
    return this.said.filter(({ acked }) => !acked).length;
  }

  /** One at a time for each room, again and again with the same key, as the client does it over the socket. */
  private posting = new Map<string, Promise<void>>();
  private async post(say: Say): Promise<void> {
    const before = this.posting.get(say.stream) ?? Promise.resolve();
    const done = before.then(async () => {
      const room = say.stream === "global" ? "global" : `conversations/${say.stream}`;
      for (let pause = 100; ; pause = Math.min(2_000, pause * 2)) {
        try {
          const path = `/api/chat/${room}/messages/`;
          const headers = { "Idempotency-Key": say.content };
          const stored = await this.client.request<{ id: string }>("POST", path, { content: say.content }, headers);
          say.acked = { id: stored.id, at: Date.now() };
          return;
        } catch (error) {
          const { code, retryAfterMs } = error as ChatError;
          if (!["offline", "unavailable", "internal", "rate_limited"].includes(code)) {
            this.failures.push(`${say.content}: ${error}`);
            return;
          }
          const wait = Math.max(retryAfterMs ?? 0, pause * Math.random());
          this.backOffs.push([Date.now(), Date.now() + wait]);
          await Bun.sleep(wait);
        }
      }
    });
    this.posting.set(say.stream, done);
    await done;
  }

  private openClient(storage = memoryStorage()): Client {
    const leaks = (data: string) => this.listen(data);
    class Listened extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        this.addEventListener("message", ({ data }) => leaks(data as string));
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
  private listen(data: string): void {
    const frame = JSON.parse(data) as Heard;
    this.watch(frame);
    if (frame.type === "message" && !this.streams.includes(frame.stream!)) this.failures.push(`heard ${data}`);
    if (frame.type === "error" && !["rate_limited", "unavailable"].includes(frame.code!))
      this.failures.push(`was told ${data}`);
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
