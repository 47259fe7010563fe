/** Any frame on any socket: each is answered or obeyed, nothing else happens, and the next good message goes its way. */
import fc from "fast-check";
import { CLIENT_FRAMES, type Endpoint } from "../../src/protocol/frames.ts";
import { type Json, type Person, TestSocket } from "../support/client.ts";
import { eventually } from "../support/services.ts";
import { wrongs } from "../support/witness.ts";
import { type Expected, expectedOf } from "./reference.ts";
import { anyJson, fields, named, nearly, objectOf, text, type Thing } from "./values.ts";

export type Things = Record<Thing, string>;

/** A frame of one of this socket's types, and frames that are nearly one; as text. */
export function frameFor(endpoint: Endpoint): fc.Arbitrary<string> {
  const ofTypes = (types: Record<string, unknown>) =>
    fc.oneof(...Object.entries(types).map(([type, schema]) => ({
      weight: type.startsWith("send_") ? 4 : 1,
      arbitrary: fields(schema as never).map((all) => [["type", JSON.stringify(type)] as [string, string], ...all]),
    }))); // prettier-ignore
  const own = ofTypes(CLIENT_FRAMES[endpoint]);
  const any = fc
    .constantFrom(...(Object.keys(CLIENT_FRAMES) as Endpoint[]))
    .chain((other) => ofTypes(CLIENT_FRAMES[other]));
  return fc
    .oneof(
      { weight: 5, arbitrary: own.map(objectOf) },
      { weight: 8, arbitrary: nearly(own) },
      { weight: 1, arbitrary: any.map(objectOf) },
      { weight: 1, arbitrary: anyJson },
      { weight: 1, arbitrary: text },
    )
    .filter((frame) => Buffer.byteLength(frame) < 48_000);
}

/** What a frame must not be answered with; the rest depends. */
const NEVER = new Set(["internal", "unavailable", "unauthenticated", "too_large"]);

/** What frames have to come to: messages for all, answers for the sender, refusals, and ends of a resume. */
type Due = { messages: Expected[]; acks: Expected[]; refused: number; resumes: number };

/** One person at one socket, who says anything at all. */
export class Talker {
  #socket: TestSocket | undefined;
  /** What was said under which `client_id`. */
  #said = new Map<string, string>();
  /** Of the one socket: which events were told, which could be, and whether some may still come because of a resume. */
  #seen = new Set<string>();
  #ever = new Set<string>();
  #late = false;
  #n = 0;
  constructor(
    readonly endpoint: Endpoint,
    readonly person: Person,
    readonly things: Things,
  ) {}

  /** Leaves nothing of a case that failed to the next one, or a smaller case would be blamed for it. */
  async #startOver(): Promise<void> {
    await this.#socket?.close();
    this.#socket = undefined;
    await Bun.sleep(500);
  }

  async #open(): Promise<TestSocket> {
    if (this.#socket?.ws.readyState === WebSocket.OPEN) return this.#socket;
    return (this.#socket =
      this.endpoint === "chat" ? await this.person.chat() : await this.person.socket(this.endpoint));
  }

  /** Says these frames, then a good one; throws what was not as promised. */
  async say(asGenerated: string[]): Promise<void> {
    try {
      await this.#say(asGenerated);
    } catch (error) {
      await this.#startOver();
      throw error;
    }
  }

  async #say(asGenerated: string[]): Promise<void> {
    const socket = await this.#open();
    socket.frames.length = 0;
    const frames = asGenerated.map((frame) => named(frame, this.things));
    const due = this.#due(frames);
    const end = `the end of ${++this.#n}`;
    const rooms = { global: ["global"], private: [this.things.own], chat: ["global", this.things.own] }[this.endpoint];
    for (const frame of frames) socket.send(frame);
    for (const room of rooms) socket.send(goodMessage(this.endpoint, room, end));
    const isEnd = ({ type, message, client_id }: Json) =>
      // Who comes back in the middle may be told of it by a snapshot; that it is taken is told anyhow.
      due.resumes ? type === "ack" && client_id.endsWith(end) : message?.content === end;
    await eventually(() => {
      if (socket.ws.readyState !== WebSocket.OPEN) throw new Error("the socket was closed");
      if (socket.frames.filter(isEnd).length < rooms.length) throw new Error("the next good message did not arrive");
      const resumed = socket.frames.filter((frame) => (frame.type === "resumed" && !frame.more) || /come back/.test(frame.detail));
      if (resumed.length !== due.resumes) throw new Error(`${due.resumes} resumes, ${resumed.length} answers`);
    }, 8_000); // prettier-ignore
    // What is answered after its commit may come behind what was committed after it.
    socket.send({ type: "end", client_id: end });
    await socket.next((frame) => frame.code === "unknown_type" && frame.client_id === end);
    this.#judge(socket.frames, due, end);
    for (const room of rooms) await this.#judgeHistory(room, due.messages.filter((one) => one.room === room), end); // prettier-ignore
  }

  #due(frames: string[]): Due {
    const due: Due = { messages: [], acks: [], refused: 0, resumes: 0 };
    for (const frame of frames) {
      const expected = expectedOf(this.endpoint, frame, this.things.own);
      if (!expected) {
        const refused = isRefused(this.endpoint, frame);
        due.refused += Number(refused);
        due.resumes += Number(!refused && typeOf(frame) === "resume");
        continue;
      }
      const key = expected.clientId === undefined ? null : `${expected.room} ${expected.clientId}`;
      const before = key === null ? undefined : this.#said.get(key);
      const typed = expected.shown.text ?? expected.shown.content;
      if (key !== null && before === undefined) this.#said.set(key, typed);
      if (before === undefined) due.messages.push(expected);
      if (before === undefined || before === typed) due.acks.push(expected);
      else due.refused++;
    }
    return due;
  }

  #judge(frames: Json[], due: Due, end: string): void {
    const errors = frames.filter(({ type }) => type === "error");
    const never = errors.find(({ code }) => NEVER.has(code));
    if (never) throw new Error(`a frame was answered with ${JSON.stringify(never)}`);
    const came: Expected[] = [];
    for (const { stream, seq, message } of frames) {
      if (message?.sender.id !== this.person.id || message.content.startsWith("the end of")) continue;
      // Told again by a resume: the client's rule.
      if (stream && this.#seen.has(`${stream} ${seq}`)) continue;
      if (stream) this.#seen.add(`${stream} ${seq}`);
      came.push({
        room: stream ?? message.conversation_id ?? "global",
        shown: { content: message.content, ...(message.text !== undefined && { text: message.text }) },
        ...(message.client_id !== undefined && { clientId: message.client_id }),
      });
    }
    if (this.endpoint !== "chat") {
      // The first version's sockets are told `content` alone, and a repeat once more.
      expectSame("messages", came, due.acks.map((one) => ({ ...one, shown: { content: one.shown.content } }))); // prettier-ignore
    } else {
      for (const one of due.messages) this.#ever.add(canonical(one));
      if (!due.resumes && !this.#late) expectSame("messages", came, due.messages);
      for (const one of came) if (!this.#ever.has(canonical(one))) throw new Error(`not due: ${canonical(one)}`);
      this.#late = due.resumes > 0;
      const acks = frames.filter(({ type, client_id }) => type === "ack" && !client_id.endsWith(end));
      expectSame("acks", acks.map(({ stream, client_id }) => `${stream} ${client_id}`), due.acks.map(({ room, clientId }) => `${room} ${clientId}`)); // prettier-ignore
    }
    if (errors.length < due.refused) throw new Error(`${due.refused} frames had to be refused, ${errors.length} were`);
    if (wrongs.length) throw new Error(wrongs.splice(0).join("; "));
  }

  /** The same messages over REST, with what was typed. */
  async #judgeHistory(room: string, due: Expected[], end: string): Promise<void> {
    const path = room === "global" ? "global" : `conversations/${room}`;
    const own: Json[] = [];
    let page: Json[] = [];
    // Others talk in the public room meanwhile.
    do {
      const before = page.length ? `&before=${page[0].id}` : "";
      page = (await this.person.get(`/api/chat/${path}/messages/?limit=200${before}`)).body;
      own.unshift(...page.filter(({ sender }) => sender.id === this.person.id));
    } while (own.findLastIndex(({ content }) => content === end) < due.length && page.length === 200);
    const last = own.findLastIndex(({ content }) => content === end);
    const stored = own.slice(Math.max(0, last - due.length), last);
    const shown = stored.map(({ content, text }) => ({ content, ...(text !== undefined && { text }) }));
    expectSame(`messages over REST in ${room}`, shown, due.map((one) => one.shown)); // prettier-ignore
  }

  /** A stranger at the one socket says anything but who they are; then they do, and all is well. */
  async sayAsStranger(asGenerated: string[]): Promise<void> {
    const socket = new TestSocket(`${this.person.url}/ws/chat/`, { protocols: ["liquidchat.v2"] });
    await socket.opened;
    const frames = asGenerated.map((frame) => named(frame, this.things)).filter((frame) => typeOf(frame) !== "auth");
    for (const frame of frames) socket.send(frame);
    socket.send({ type: "auth", token: this.person.access });
    await socket.next("hello", 8_000);
    const answers = socket.frames.map(({ code }) => code as string);
    if (answers.length !== frames.length) throw new Error(`${frames.length} frames, ${answers.length} answers`);
    const odd = answers.find(
      (code) => !["bad_json", "unknown_type", "invalid_field", "unauthenticated"].includes(code),
    );
    if (odd) throw new Error(`a stranger was told ${odd}`);
    await socket.close();
    if (wrongs.length) throw new Error(wrongs.splice(0).join("; "));
  }
}

const goodMessage = (endpoint: Endpoint, room: string, content: string) =>
  endpoint === "global"
    ? { type: "send_global_message", content }
    : endpoint === "private"
      ? { type: "send_private_message", conversation_id: room, content }
      : { type: "send_message", stream: room, content, client_id: `${crypto.randomUUID().slice(0, 8)} ${content}` };

function typeOf(frame: string): unknown {
  try {
    return JSON.parse(frame)?.type;
  } catch {
    return undefined;
  }
}

/** What can only be refused: no object, of no known type, or a type whose schema it does not fit; or a send that is no message. */
function isRefused(endpoint: Endpoint, frame: string): boolean {
  const type = typeOf(frame);
  const schemas = CLIENT_FRAMES[endpoint] as Record<string, { safeParse(value: unknown): { success: boolean } }>;
  if (typeof type !== "string" || !Object.hasOwn(schemas, type)) return true;
  return /^send_|^auth$/.test(type) || !schemas[type]!.safeParse(JSON.parse(frame)).success;
}

const canonical = (one: unknown) =>
  JSON.stringify(one, typeof one === "object" ? ["room", "shown", "content", "text", "clientId"] : undefined);

/** Equal but for their order: answers may overtake each other. */
function expectSame(what: string, got: unknown[], due: unknown[]): void {
  const [a, b] = [got.map(canonical).sort(), due.map(canonical).sort()];
  if (a.length === b.length && a.every((one, i) => one === b[i])) return;
  const [extra, missing] = [a.filter((one) => !b.includes(one)), b.filter((one) => !a.includes(one))];
  throw new Error(
    `${what}: ${a.length} came, ${b.length} were due; not due ${extra.slice(0, 2)}; missing ${missing.slice(0, 2)}`,
  );
}
