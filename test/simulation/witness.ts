import { roomOf } from "../../src/chat/rooms.ts";
import type { SimulatedDatabase } from "./database.ts";

/**
 * Stands at the process' end of one connection and hears every frame before any is lost: a client could mend what a process leaves out, so that what
 * clients show in the end would not tell.
 */
export class Witness {
  /** By stream: all up to here was sent, or was held by the client. */
  private readonly told = new Map<string, number>();
  private heads = new Map<string, number>();
  private live = false;

  constructor(
    private readonly name: string,
    private readonly database: SimulatedDatabase,
    private readonly fail: (what: string) => void,
  ) {}

  hear(data: string): void {
    const frame = JSON.parse(data);
    if (frame.type === "error" && frame.code !== "rate_limited" && frame.code !== "unavailable")
      this.fail(`${this.name} was told ${data}`);
    if (frame.type === "snapshot") {
      this.live = false;
      this.heads = new Map(frame.streams.map((s: { stream: string; head_seq: number }) => [s.stream, s.head_seq]));
    }
    if (frame.type === "message") this.message(frame);
    if (frame.type === "resumed") {
      for (const [stream, head] of this.heads) this.told.set(stream, head);
      this.live = true;
    }
    if (frame.type === "resumed" || (frame.type === "pong" && frame.since !== null)) this.cursor(frame.since);
  }

  private message({
    stream,
    seq,
    prev,
    message,
  }: {
    stream: string;
    seq: number;
    prev: number;
    message: { id: unknown };
  }) {
    const room = roomOf(stream);
    if (!this.database.rooms.get(room)!.includes(this.name)) this.fail(`${this.name} was told of ${stream}`);
    if (this.database.rows(room)[seq - 1]?.id !== message.id && room !== roomOf("global"))
      this.fail(`${this.name} was told of ${stream} ${seq} before it was committed`);
    if (seq > this.database.head(room)) this.fail(`${this.name} was told of ${stream} ${seq}, which is not committed`);
    const told = this.told.get(stream) ?? 0;
    if (this.live && prev > told) this.fail(`${this.name} was told of ${stream} ${seq} after ${told}`);
    if (this.live) this.told.set(stream, Math.max(told, seq));
  }

  /** All that it sees was sent. */
  private cursor(since: string): void {
    for (const room of this.database.roomsOf(this.name)) {
      const stream = room === roomOf("global") ? "global" : room;
      const seen = this.database.seenBy(room, since);
      if (seen > (this.told.get(stream) ?? 0))
        this.fail(`${this.name} was given a cursor that sees ${stream} ${seen}, told up to ${this.told.get(stream)}`);
    }
  }
}
