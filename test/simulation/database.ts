import type { ChatStore } from "../../src/chat/store.ts";
import type { MessageEvent } from "../../src/chat/rooms.ts";
import type { Draft } from "../../src/chat/writer.ts";
import { DatabaseUnavailable, readSnapshot } from "../../src/db/client.ts";
import type { Look } from "../../src/realtime/store.ts";
import type { SimulatedClock } from "./clock.ts";

type Row = { id: string; seq: number; sender: string; content: string; clientId: string | null; xid: number };
type Outcomes = Awaited<ReturnType<ChatStore["storeMessages"]>>;

/**
 * What store_messages, the look and eventsSince promise, as a model: rooms are locked in order until the commit, a snapshot sees what was
 * committed before it, a transaction has its number from its beginning.
 */
export class SimulatedDatabase {
  calm = false;
  private readonly committed: Map<string, Row[]>;
  private readonly locks = new Map<string, Promise<void>>();
  private readonly running = new Set<number>();
  private nextXid = 1;
  private nextId = 1;

  constructor(
    private readonly clock: SimulatedClock,
    private readonly random: () => number,
    rooms: string[],
  ) {
    this.committed = new Map(rooms.map((room) => [room, []]));
  }

  async storeMessages(drafts: readonly Draft[]): Promise<Outcomes> {
    await this.clock.sleep(this.random() * 5);
    if (this.fails(0.03)) throw new DatabaseUnavailable();
    if (this.fails(0.02)) throw Object.assign(new Error("deadlock detected"), { code: "40P01" });
    const rooms = [...new Set(drafts.map((draft) => draft.room))].sort();
    const unlock = await this.lock(rooms);
    const xid = this.nextXid++;
    this.running.add(xid);
    const fresh = new Map<string, Row[]>(rooms.map((room) => [room, []]));
    const outcomes = drafts.map(({ room, sender, content, clientId }): Outcomes[number] => {
      const rows = [...this.committed.get(room)!, ...fresh.get(room)!];
      const old =
        clientId === null ? undefined : rows.find((row) => row.sender === sender.id && row.clientId === clientId);
      if (old) return { kind: "duplicate", id: old.id, seq: old.seq, sentAt: "" };
      const row = { id: `m${this.nextId++}`, seq: rows.length + 1, sender: sender.id, content, clientId, xid };
      fresh.get(room)!.push(row);
      return { kind: "stored", id: row.id, seq: row.seq, sentAt: "" };
    });
    await this.clock.sleep(this.random() * (this.fails(0.05) ? 1_500 : 10));
    this.running.delete(xid);
    const lost = this.fails(0.02);
    if (!lost) for (const [room, rows] of fresh) this.committed.get(room)!.push(...rows);
    unlock();
    await this.clock.sleep(this.random() * 5);
    // The answer is lost on the way, whether it was stored or not.
    if (lost || this.fails(0.03)) throw new DatabaseUnavailable();
    return outcomes;
  }

  async look(horizon: string | null): Promise<Look> {
    await this.clock.sleep(this.random() * 5);
    const next = `0:${this.nextXid}:${[...this.running]}`;
    const heads =
      horizon === null
        ? []
        : [...this.committed].map(([room, rows]) => ({
            room,
            seq: Math.max(0, ...rows.filter(unseenBy(horizon)).map((row) => row.seq)),
          }));
    await this.clock.sleep(this.random() * 5);
    if (this.fails(0.05)) throw new DatabaseUnavailable();
    return { horizon: next, epoch: "one", heads: heads.filter(({ seq }) => seq > 0), endedSessions: [] };
  }

  async eventsSince(
    room: string,
    seq: number | null,
    horizon: string,
  ): Promise<{ head: number; events: MessageEvent[]; whole: boolean }> {
    await this.clock.sleep(this.random() * 5);
    const rows = this.committed.get(room)!.filter((row) => (seq === null ? unseenBy(horizon)(row) : row.seq > seq));
    const page = rows.slice(0, 20);
    const answer = {
      head: this.head(room),
      whole: rows.length <= 20,
      events: page.map((row) => ({
        room,
        seq: row.seq,
        body: {
          id: row.id,
          sender: { id: row.sender, username: row.sender },
          content: row.content,
          sentAt: "",
          clientId: row.clientId,
          audience: [],
        },
      })),
    };
    await this.clock.sleep(this.random() * 10);
    if (this.fails(0.1)) throw new DatabaseUnavailable();
    return answer;
  }

  head(room: string): number {
    return this.committed.get(room)!.length;
  }
  rows(room: string): readonly Row[] {
    return this.committed.get(room)!;
  }
  has(room: string, id: string): boolean {
    return this.committed.get(room)!.some((row) => row.id === id);
  }

  private fails(chance: number): boolean {
    return !this.calm && this.random() < chance;
  }

  private async lock(rooms: string[]): Promise<() => void> {
    const unlocks: (() => void)[] = [];
    for (const room of rooms) {
      const before = this.locks.get(room) ?? Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.locks.set(
        room,
        before.then(() => promise),
      );
      await before;
      unlocks.push(resolve);
    }
    return () => unlocks.forEach((unlock) => unlock());
  }
}

function unseenBy(horizon: string): (row: Row) => boolean {
  const { next, running } = readSnapshot(horizon);
  const inFlight = new Set(running.split(",").map(Number));
  return ({ xid }) => xid >= Number(next) || inFlight.has(xid);
}
