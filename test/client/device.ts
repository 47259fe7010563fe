import { fromWire, merge } from "../../src/client/messages.ts";
import {
  type ChatState,
  disconnected,
  type Effect,
  markRead,
  newState,
  receive,
  startResume,
} from "../../src/client/state.ts";
import type { ChatMessage } from "../../src/protocol/frames.ts";
import type { FakeServer, Line } from "./fake-server.ts";

/** A client that is a state and a socket, and does at once what the state asks for. */
export class Device {
  state: ChatState = newState();
  line: Line | null = null;
  resumes = 0;
  told: string[] = [];
  reloads: string[] = [];
  constructor(
    readonly server: FakeServer,
    readonly user: string,
  ) {}

  connect(): void {
    this.hangUp();
    const waiting: Parameters<Line["hear"]>[0][] = [];
    let line: Line | null = null;
    const hear = (frame: (typeof waiting)[number]) => {
      if (!line) return waiting.push(frame);
      if (this.line === line) this.hear(frame);
    };
    line = this.server.connect(this.user, hear);
    this.line = line;
    waiting.forEach((frame) => this.hear(frame));
    this.ask(true);
  }
  hangUp(): void {
    if (this.line) this.server.lines.delete(this.line);
    this.line = null;
    disconnected(this.state);
  }
  ask(first: boolean): void {
    this.resumes++;
    const frame = startResume(this.state, first);
    this.server.take(this.line!, frame);
  }
  hear(frame: Parameters<Line["hear"]>[0]): void {
    for (const effect of receive(this.state, frame)) this.carryOut(effect);
  }
  carryOut(effect: Effect): void {
    if (effect.do === "resume") this.ask(false);
    if (effect.do === "reload") this.reloads.push(effect.stream);
    if (effect.do === "message") this.told.push(effect.message.content);
    if (effect.do === "read" && this.line) this.server.read(this.user, effect.stream, effect.seq);
  }
  ping(): void {
    if (this.line) this.server.take(this.line, { type: "ping" });
  }
  read(stream: string, seq?: number): void {
    const mark = markRead(this.state, stream, seq);
    if (mark !== null && this.line) this.server.take(this.line, { type: "read", stream, seq: mark });
  }
  room(stream = "global") {
    return this.state.streams.get(stream)!;
  }
  load(stream: string, limit = 50): void {
    const page = this.server.messages(this.user, stream, limit) as ChatMessage[];
    merge(this.room(stream), page.map(fromWire), page.length === limit, this.user);
    this.room(stream).loaded = true;
  }
  contents(stream = "global"): string[] {
    return this.room(stream).messages.map(({ content }) => content);
  }
}
