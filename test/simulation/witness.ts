import { roomOf } from "../../src/chat/rooms.ts";
import { isThere, type SimulatedDatabase } from "./database.ts";
import { idOf } from "./person.ts";

type Told = { stream: string; seq: number; prev: number; message?: { id: unknown }; message_id?: unknown };

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
    if (frame.type === "message" || frame.type === "message_removed") this.event(frame);
    if (frame.type === "resumed") {
      for (const [stream, head] of this.heads) this.told.set(stream, head);
      this.live = true;
    }
    if (frame.type === "resumed" || (frame.type === "pong" && frame.since !== null)) this.cursor(frame.since);
  }

  private event({ stream, seq, prev, message, message_id = message?.id }: Told) {
    const room = roomOf(stream);
    const log = this.database.log(room);
    if (!this.database.rooms.get(room)!.includes(this.name)) this.fail(`${this.name} was told of ${stream}`);
    const entry = log[seq - 1];
    const row = entry && ("removes" in entry ? entry.removes : entry);
    if (!row || idOf(room, row) !== message_id || "removes" in entry !== (message === undefined))
      this.fail(`${this.name} was told of ${stream} ${seq} before it was committed`);
    const told = this.told.get(stream) ?? 0;
    if (this.live && prev > told) this.fail(`${this.name} was told of ${stream} ${seq} after ${told}`);
    if (prev && log.slice(prev, seq - 1).some(isThere))
      this.fail(`${this.name} was told of ${stream} ${seq} as if it followed ${prev}`);
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
