import type { ChatEvent } from "../../src/chat/rooms.ts";
import type { CatchUpRow, ReadMark } from "../../src/chat/rooms-store.ts";
import type { ChatStore } from "../../src/chat/store.ts";
import type { Draft } from "../../src/chat/writer.ts";
import { DatabaseUnavailable, readSnapshot } from "../../src/db/client.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Answer } from "../../src/realtime/sequencer.ts";
import type { Look } from "../../src/realtime/store.ts";
import type { SimulatedClock } from "./clock.ts";

/** `removed`: it is left for repeats to be found by. */
export type Row = {
  id: string;
  seq: number;
  sender: string;
  content: string;
  clientId: string | null;
  xid: number;
  removed?: true;
};
/** Every event that ever was: `log[seq - 1]`. */
type Entry = Row | { seq: number; xid: number; removes: Row };
type Outcomes = Awaited<ReturnType<ChatStore["storeMessages"]>>;

/** So many events of a room a resume brings at most; few, so that the limit is met. */
const MAX_NEWS_OF_A_ROOM = 40;
/** Of a removed message only the removal is left. */
export const isThere = (entry: Entry): boolean => !("removed" in entry);
const TIME = "2026-01-01T00:00:00.000Z";

/**
 * What the SQL promises, as a model: rooms are locked in order until the commit, a snapshot sees what was committed before it, a
 * transaction has its number from its beginning. It answers late, and fails before or after the commit.
 */
export class SimulatedDatabase {
  calm = false;
  private readonly committed: Map<string, Entry[]>;
  private readonly marks = new Map<string, number>();
  private readonly locks = new Map<string, Promise<void>>();
  private readonly running = new Set<number>();
  private nextXid = 1;
  private nextId = 1;

  constructor(
    private readonly clock: SimulatedClock,
    private readonly random: () => number,
    /** Who takes part in which room. */
    readonly rooms: ReadonlyMap<string, readonly string[]>,
  ) {
    this.committed = new Map([...rooms.keys()].map((room) => [room, []]));
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
      const [rows, mine] = [this.everything(room), fresh.get(room)!];
      const isRepeat = (row: Row) => row.sender === sender.id && row.clientId === clientId;
      const old = clientId === null ? undefined : (rows.find(isRepeat) ?? mine.find(isRepeat));
      if (old) return { kind: "duplicate", id: old.id, seq: old.seq, sentAt: TIME };
      const seq = this.head(room) + mine.length + 1;
      const row = { id: `m${this.nextId++}`, seq, sender: sender.id, content, clientId, xid };
      mine.push(row);
      return { kind: "stored", id: row.id, seq, sentAt: TIME };
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

  async removeMessages(room: string, seqs: number[], by: string | null) {
    await this.clock.sleep(this.random() * 5);
    if (this.fails(0.05)) throw new DatabaseUnavailable();
    const unlock = await this.lock([room]);
    const xid = this.nextXid++;
    this.running.add(xid);
    const own = this.everything(room).filter((row) => seqs.includes(row.seq) && row.sender === by);
    await this.clock.sleep(this.random() * 10);
    this.running.delete(xid);
    const lost = this.fails(0.02);
    const removed = (lost ? [] : own.filter((row) => !row.removed)).map((row) => {
      row.removed = true;
      const seq = this.committed.get(room)!.push({ seq: this.head(room) + 1, xid, removes: row });
      return { seq, id: row.id, messageSeq: row.seq };
    });
    unlock();
    await this.clock.sleep(this.random() * 5);
    if (lost || this.fails(0.05)) throw new DatabaseUnavailable();
    return { outcome: own.length ? ("removed" as const) : ("not_found" as const), removed };
  }

  async look(horizon: string | null): Promise<Look> {
    await this.clock.sleep(this.random() * 5);
    const next = this.snapshot();
    const heads = [];
    for (const room of horizon === null ? [] : this.rooms.keys()) {
      const news = this.news(room, horizon!);
      if (news.length) heads.push({ room, seq: news.at(-1)!.seq });
    }
    await this.clock.sleep(this.random() * 5);
    if (this.fails(0.05)) throw new DatabaseUnavailable();
    return { horizon: next, epoch: "one", heads, endedSessions: [] };
  }

  async eventsSince(room: string, seq: number | null, horizon: string): Promise<Answer<ChatEvent>> {
    await this.clock.sleep(this.random() * 5);
    const rows = seq === null ? this.news(room, horizon) : this.committed.get(room)!.slice(seq).filter(isThere);
    const seen = this.committed.get(room)!.slice(0, this.seenBy(room, horizon)).filter(isThere);
    const answer = {
      after: seq ?? seen.at(-1)?.seq ?? 0,
      head: this.head(room),
      whole: rows.length <= 20,
      events: rows.slice(0, 20).map((row) => this.event(room, row)),
    };
    await this.clock.sleep(this.random() * 10);
    if (this.fails(0.1)) throw new DatabaseUnavailable();
    return answer;
  }

  async catchUp(asked: readonly { userId: string; since: string | null }[]): Promise<CatchUpRow[]> {
    await this.clock.sleep(this.random() * 10);
    const now = this.snapshot();
    const answer = asked.map(({ userId, since }): CatchUpRow => {
      const rooms = this.roomsOf(userId);
      const changed = since === null ? [] : rooms.filter((room) => this.news(room, since).length);
      return {
        now,
        streams: rooms.map((room) => this.stream(room, userId)),
        more: false,
        news: changed.map((room) => {
          const rows = this.news(room, since!);
          const events = rows.length <= MAX_NEWS_OF_A_ROOM ? rows.map((row) => this.event(room, row)) : null;
          return { room, head: this.head(room), events };
        }),
      };
    });
    await this.clock.sleep(this.random() * 20);
    if (this.fails(0.1)) throw new DatabaseUnavailable();
    return answer;
  }

  async markRead(room: string, userId: string, upTo: number): Promise<ReadMark | null> {
    await this.clock.sleep(this.random() * 10);
    if (!this.rooms.get(room)?.includes(userId)) return null;
    if (this.fails(0.1)) throw new DatabaseUnavailable();
    const before = this.mark(room, userId);
    const readSeq = Math.max(before, Math.min(upTo, this.head(room)));
    this.marks.set(`${room} ${userId}`, readSeq);
    const answer = { readSeq, headSeq: this.head(room), unread: this.unread(room, userId), rose: readSeq > before };
    await this.clock.sleep(this.random() * 10);
    return answer;
  }

  async membersOf(room: string): Promise<string[]> {
    await this.clock.sleep(this.random() * 5);
    return [...(this.rooms.get(room) ?? [])];
  }

  /** A page of history, as REST gives it. */
  page(room: string, limit: number, before: number): Row[] {
    return this.rows(room)
      .filter((row) => row.seq < before)
      .slice(-limit);
  }

  /** The last of a room that a snapshot sees. */
  seenBy(room: string, snapshot: string): number {
    return this.head(room) - this.unseen(room, snapshot).length;
  }

  roomsOf(userId: string): string[] {
    return [...this.rooms.keys()].filter((room) => this.rooms.get(room)!.includes(userId));
  }
  mark(room: string, userId: string): number {
    return this.marks.get(`${room} ${userId}`) ?? 0;
  }
  unread(room: string, userId: string): number {
    const mark = this.mark(room, userId);
    let count = 0;
    for (const row of this.rows(room)) if (row.seq > mark && row.sender !== userId) count++;
    return count;
  }
  head(room: string): number {
    return this.committed.get(room)!.length;
  }
  /** What can be read. */
  rows(room: string): readonly Row[] {
    return this.everything(room).filter(isThere);
  }
  /** Removed ones too. */
  everything(room: string): readonly Row[] {
    return this.committed.get(room)!.filter((entry): entry is Row => "id" in entry);
  }
  log(room: string): readonly Entry[] {
    return this.committed.get(room)!;
  }

  private snapshot(): string {
    return `0:${this.nextXid}:${[...this.running]}`;
  }

  private news(room: string, snapshot: string): Entry[] {
    return this.unseen(room, snapshot).filter(isThere);
  }

  /** What a snapshot does not see. Commits of a room come in the order of their seq: its last rows. */
  private unseen(room: string, snapshot: string): Entry[] {
    const { next, running } = readSnapshot(snapshot);
    const inFlight = running ? running.split(",").map(Number) : [];
    const rows = this.committed.get(room)!;
    let from = rows.length;
    while (from && (rows[from - 1]!.xid >= Number(next) || inFlight.includes(rows[from - 1]!.xid))) from--;
    return rows.slice(from);
  }

  private event(room: string, entry: Entry): ChatEvent {
    const audience = room === GLOBAL_ROOM ? [] : [...this.rooms.get(room)!];
    if ("removes" in entry) {
      const { id, seq } = entry.removes;
      return { room, seq: entry.seq, body: { removed: { id, seq }, audience } };
    }
    const { id, seq, sender, content, clientId } = entry;
    return {
      room,
      seq,
      body: { id, sender: { id: sender, username: sender }, content, sentAt: TIME, clientId, audience },
    };
  }

  private stream(room: string, userId: string): CatchUpRow["streams"][number] {
    const last = this.rows(room).at(-1);
    const members = room === GLOBAL_ROOM ? [] : this.rooms.get(room)!;
    const other = members.find((id) => id !== userId);
    return {
      room,
      kind: room === GLOBAL_ROOM ? "global" : "direct",
      participants: members.map((id) => ({ id, username: id, last_seen: null })),
      head_seq: this.head(room),
      read_seq: this.mark(room, userId),
      others_read_seq: other === undefined ? null : this.mark(room, other),
      unread_count: this.unread(room, userId),
      last_message: last
        ? { id: last.id, seq: last.seq, content: last.content, timestamp: TIME, sender_id: last.sender }
        : null,
      updated_at: TIME,
    };
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
