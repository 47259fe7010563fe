/** A client as a stranger would write it from docs/protocol.md: fetch and WebSocket, nothing of ours. */
import type { Endpoint } from "../../src/protocol/frames.ts";
import { judgeSent } from "./documents.ts";
import { eventually } from "./services.ts";
import { MAIL, PASSWORD, userOf, witnessAnswer, witnessFrame } from "./witness.ts";

export { PASSWORD };

/** Answers are asserted by the tests, field by field. */
export type Json = any;
export type Answer = { status: number; body: Json; headers: Headers };

export async function call(
  url: string,
  method: string,
  path: string,
  { token, body, headers }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    redirect: "manual",
    headers: {
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(token && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    body:
      body === undefined
        ? undefined
        : typeof body === "string" || body instanceof Uint8Array
          ? (body as string)
          : JSON.stringify(body),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  const { status } = response;
  const told = {
    status,
    body: text && /json/.test(contentType) ? JSON.parse(text) : text,
    text,
    contentType,
    headers: response.headers,
  };
  witnessAnswer(
    method,
    new URL(url + path).pathname,
    token,
    headers?.Cookie?.includes("lc_refresh=") ? headers.Cookie : body,
    told,
  );
  return { status, headers: response.headers, body: told.body };
}

let people = 0;

/** Somebody new, with an account, on one of a rig's servers. */
export class Person {
  sockets: TestSocket[] = [];
  constructor(
    readonly url: string,
    readonly id: string,
    readonly name: string,
    public access: string,
    public refresh: string,
  ) {}

  static async signUp(url: string, name = `user${++people}`): Promise<Person> {
    const { status, body } = await call(url, "POST", "/api/auth/signup/", {
      body: { username: name, password: PASSWORD, password_confirm: PASSWORD, email: `${crypto.randomUUID()}@${MAIL}` },
    });
    if (status !== 201) throw new Error(`sign-up of ${name}: ${status} ${JSON.stringify(body)}`);
    return new Person(url, body.user.id, name, body.access, body.refresh);
  }

  get(path: string): Promise<Answer> {
    return call(this.url, "GET", path, { token: this.access });
  }
  post(path: string, body?: unknown): Promise<Answer> {
    return call(this.url, "POST", path, { token: this.access, body });
  }
  delete(path: string, body?: unknown): Promise<Answer> {
    return call(this.url, "DELETE", path, { token: this.access, body });
  }

  /** The same person at another server, or logged in once more. */
  at(url: string): Person {
    return new Person(url, this.id, this.name, this.access, this.refresh);
  }
  async logIn(url = this.url): Promise<Person> {
    const { body } = await call(url, "POST", "/api/auth/login/", { body: { username: this.name, password: PASSWORD } });
    return new Person(url, this.id, this.name, body.access, body.refresh);
  }

  async socket(endpoint: "global" | "private"): Promise<TestSocket> {
    const socket = new TestSocket(`${this.url}/ws/chat/${endpoint}/?token=${this.access}`);
    await socket.opened;
    this.sockets.push(socket);
    return socket;
  }

  /** The one socket, resumed: what came before `resumed` is in `frames`. */
  async chat(from: { epoch?: string | null; since?: string | null } = {}): Promise<ChatSocket> {
    const socket = new ChatSocket(`${this.url}/ws/chat/`, { protocols: ["liquidchat.v2", `bearer.${this.access}`] });
    await socket.opened;
    this.sockets.push(socket);
    socket.hello = await socket.next("hello");
    await socket.resume(from);
    return socket;
  }

  async conversationWith(other: Person): Promise<string> {
    return (await this.get(`/api/chat/conversations/user/${other.id}/`)).body.conversation.id;
  }
  async closeAll(): Promise<void> {
    await Promise.all(this.sockets.splice(0).map((socket) => socket.close()));
  }
}

/** A WebSocket that keeps what it got. */
export class TestSocket {
  readonly frames: Json[] = [];
  /** Heads that pongs of the heartbeat have told: a later one does not tell them again. */
  protected beats: Json = {};
  /** Bytes of the largest frame. */
  largest = 0;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly ws: WebSocket;
  readonly #endpoint: Endpoint;
  #token: string | undefined;

  constructor(url: string, options?: { headers?: Record<string, string>; protocols?: string[] }) {
    this.#endpoint = (/\/ws\/chat\/(global|private)/.exec(url)?.[1] ?? "chat") as Endpoint;
    this.#token =
      options?.headers?.Authorization?.replace(/^bearer /i, "") ??
      options?.protocols?.find((name) => name.startsWith("bearer."))?.slice("bearer.".length) ??
      /[?&]token=([^&]*)/.exec(url)?.[1];
    this.ws = new WebSocket(url.replace(/^http/, "ws"), options as never);
    this.opened = new Promise((resolve, reject) => {
      this.ws.onopen = () => resolve();
      this.ws.onerror = () => reject(new Error("the socket did not open"));
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => (this.ws.onclose = ({ code, reason }) => resolve({ code, reason })));
    this.ws.onmessage = ({ data }) => {
      this.largest = Math.max(this.largest, Buffer.byteLength(data as string));
      witnessFrame(this.#endpoint, userOf(this.#token), data as string);
      const frame = JSON.parse(data as string);
      if (frame.t === "heart") Object.assign(this.beats, frame.heads);
      else this.frames.push(frame);
    };
  }

  send(frame: unknown): void {
    judgeSent(this.#endpoint, frame);
    if ((frame as { type?: unknown } | null)?.type === "auth") this.#token = (frame as { token: string }).token;
    this.ws.send(typeof frame === "string" || frame instanceof Uint8Array ? (frame as string) : JSON.stringify(frame));
  }

  /** The first frame that fits and was not asked for before; waits for it. */
  async next(fits: string | ((frame: Json) => boolean), ms = 10_000): Promise<Json> {
    const test = typeof fits === "string" ? (frame: Json) => frame.type === fits : fits;
    return eventually(() => {
      const i = this.frames.findIndex(test);
      if (i < 0)
        throw new Error(
          `no such frame (${fits}); there are ${this.frames.length}: ${JSON.stringify(this.frames.slice(0, 3))}`,
        );
      return this.frames.splice(i, 1)[0];
    }, ms);
  }

  /** Sends and waits for this message's own frame. */
  async say(frame: { content: string; conversation_id?: string; client_id?: string }): Promise<Json> {
    const global = frame.conversation_id === undefined;
    this.send({ type: global ? "send_global_message" : "send_private_message", ...frame });
    const type = global ? "global_message" : "private_message_sent";
    return (await this.next((f) => f.type === "error" || (f.type === type && f.message.content === frame.content)))
      .message;
  }

  /** Everything on its way has arrived: the server has answered a frame that was sent last. */
  async settled(): Promise<void> {
    this.send({ type: "are-you-done" });
    await this.next((frame) => frame.code === "unknown_type");
    await Bun.sleep(150);
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed;
  }
}

export class ChatSocket extends TestSocket {
  hello: Json;
  /** As a client should; the answers are not kept. */
  #heart = setInterval(() => this.ws.readyState === WebSocket.OPEN && this.send({ type: "ping", t: "heart" }), 500);
  /** Of the last resume. */
  snapshot: Json;
  missed: Json[] = [];
  resumed: Json;

  async resume({ epoch = null, since = null }: { epoch?: string | null; since?: string | null } = {}): Promise<void> {
    this.send({ type: "resume", epoch, since });
    const isLast = (frame: Json) => frame.type === "resumed" && !frame.more;
    await eventually(() => {
      if (this.ws.readyState === WebSocket.CLOSED) return;
      if (!this.frames.some(isLast)) throw new Error(`not resumed: ${JSON.stringify(this.frames.slice(0, 3))}`);
    });
    if (!this.frames.some(isLast)) throw new Error(`closed before it was resumed: ${(await this.closed).code}`);
    const frames = this.frames.splice(0, this.frames.findIndex(isLast) + 1);
    const parts = frames.filter((frame) => frame.type === "resumed");
    this.resumed = { since: parts.at(-1).since, streams: Object.assign({}, ...parts.map(({ streams }) => streams)) };
    this.snapshot = frames.find((frame) => frame.type === "snapshot");
    this.missed = frames.filter((frame) => "prev" in frame);
    this.frames.unshift(
      ...frames.filter((frame) => !["snapshot", "resumed"].includes(frame.type) && !("prev" in frame)),
    );
  }

  /** Sends, and waits for the answer: an ack or an error. */
  async post(stream: string, content: unknown, client_id: string = crypto.randomUUID()): Promise<Json> {
    this.send({ type: "send_message", stream, content, client_id });
    return this.next((frame) => (frame.type === "ack" || frame.type === "error") && frame.client_id === client_id);
  }

  /** Many messages, as quickly as they are taken. */
  async flood(stream: string, n: number, content = (i: number) => `message ${i}`, atOnce = 100): Promise<void> {
    for (let i = 0; i < n; i += atOnce)
      await Promise.all(Array.from({ length: Math.min(atOnce, n - i) }, (_, j) => this.post(stream, content(i + j))));
  }

  override async close(): Promise<void> {
    clearInterval(this.#heart);
    await super.close();
  }

  /** With the heads that pongs of the heartbeat have told meanwhile. */
  async pong(): Promise<Json> {
    const t = Math.random();
    this.send({ type: "ping", t });
    const pong = await this.next((frame) => frame.type === "pong" && frame.t === t);
    const heads = { ...this.beats, ...pong.heads };
    this.beats = {};
    return { ...pong, heads };
  }
}
