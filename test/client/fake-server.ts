/** The server's side of the protocol over an array of rows, without time: what the client must agree with. */
import type { ChatFrame, ChatMessage, ErrorFrame, StreamSnapshot } from "../../src/protocol/frames.ts";

type Frame = ChatFrame | ErrorFrame;
type Row = { stream: string; message: ChatMessage; removed: boolean; version: number; txn: number };
type Room = { name: string; members: string[]; head: number; read: Map<string, number> };

const time = (n: number) => new Date(1_700_000_000_000 + n).toISOString();
const name = (user: string) => user.toUpperCase();

/** One socket of a user: what the server knows of it. */
export type Line = { user: string; heads: Map<string, number>; resumed: boolean; hear: (frame: Frame) => void };

export class FakeServer {
  epoch = "e1";
  txn = 0;
  rows: Row[] = [];
  rooms = new Map<string, Room>([["global", { name: "global", members: [], head: 0, read: new Map() }]]);
  lines = new Set<Line>();
  /** A hint that gets lost on the way. */
  lose: () => boolean = () => false;
  /** How many streams a snapshot has, and how many events a stream's replay. */
  page = 100;
  replay = 500;
  heartbeat = 30;
  limits = { message_max_length: 2_000, rate_per_s: 0, burst: 5, frame_max_bytes: 65_536 };
  /** What each send is answered with; null: not at all, undefined: as a server does. */
  answer: (frame: { content: string; client_id: string }) => Omit<ErrorFrame, "type" | "client_id"> | null | undefined =
    () => undefined;
  sends: { stream: string; content: string; client_id: string; user: string }[] = [];

  room(a: string, b: string): Room {
    const id = [a, b].sort().join("-");
    if (!this.rooms.has(id)) this.rooms.set(id, { name: id, members: [a, b], head: 0, read: new Map() });
    return this.rooms.get(id)!;
  }

  /** A member of the room says something; the same client id again says it no second time. */
  post(user: string, stream: string, content: string, client_id?: string): { row: Row; duplicate: boolean } {
    const twin = this.rows.find(
      ({ message }) => client_id && message.client_id === client_id && message.sender.id === user,
    );
    if (twin) return { row: twin, duplicate: true };
    const seq = ++this.rooms.get(stream)!.head;
    const id = stream === "global" ? seq : `${stream}#${seq}`;
    const message = {
      id,
      seq,
      version: seq,
      sender: { id: user, username: name(user) },
      content,
      timestamp: time(seq),
    };
    const row = {
      stream,
      message: { ...message, client_id: client_id! },
      removed: false,
      version: seq,
      txn: ++this.txn,
    };
    this.rows.push(row);
    this.publish(row);
    return { row, duplicate: false };
  }

  change(row: Row, change: { content: string } | "remove"): void {
    if (row.removed) return;
    row.version = ++this.rooms.get(row.stream)!.head;
    row.txn = ++this.txn;
    if (change === "remove") row.removed = true;
    else row.message = { ...row.message, ...change, version: row.version };
    this.publish(row);
  }

  read(user: string, stream: string, seq: number): void {
    const room = this.rooms.get(stream)!;
    room.read.set(user, Math.max(room.read.get(user) ?? 0, Math.min(seq, room.head)));
    for (const line of this.lines) {
      if (!line.resumed || (stream !== "global" && !room.members.includes(line.user)) || this.lose()) continue;
      const own = line.user === user && { unread_count: this.unread(user, room), head_seq: room.head };
      line.hear({ type: "read", stream, user_id: user, seq: room.read.get(user)!, ...own });
    }
  }

  connect(user: string, hear: (frame: Frame) => void): Line {
    const line = { user, hear, heads: new Map(), resumed: false };
    this.lines.add(line);
    const { epoch, heartbeat, limits } = this;
    const about = { protocol: "liquidchat.v2", session_id: "s", server_time: time(0) };
    hear({ type: "hello", epoch, heartbeat_s: heartbeat, limits, user: { id: user, username: name(user) }, ...about });
    return line;
  }

  /** What a client sends. */
  take(line: Line, frame: any): void {
    const { user, hear } = line;
    if (frame.type === "resume") this.resume(line, frame);
    if (frame.type === "read") this.read(user, frame.stream, frame.seq);
    if (frame.type === "ping") {
      hear({
        type: "pong",
        t: frame.t,
        since: line.resumed ? `${this.txn}` : null,
        heads: Object.fromEntries(line.heads),
      });
      line.heads.clear();
    }
    if (frame.type === "send_message") {
      const { stream, content, client_id } = frame;
      this.sends.push({ stream, content, client_id, user });
      const refusal = this.answer(frame);
      if (refusal === null) return;
      if (refusal) return hear({ type: "error", client_id, ...refusal });
      const { row, duplicate } = this.post(user, stream, content, client_id);
      const { id: message_id, seq, timestamp } = row.message;
      hear({ type: "ack", client_id, stream, seq, message_id, timestamp, duplicate });
    }
  }

  /** What REST shows of a room: the newest page before a message, oldest first. */
  messages(user: string, stream: string, limit: number, before?: string): object[] {
    const rows = this.rows.filter((row) => row.stream === stream && !row.removed);
    const end = before === undefined ? rows.length : rows.findIndex(({ message }) => `${message.id}` === before);
    return rows
      .slice(0, end)
      .slice(-limit)
      .map((row) => this.shown(user, row));
  }

  snapshotOf(user: string, { name: stream, members, head, read }: Room): StreamSnapshot {
    const last = this.rows.findLast((row) => row.stream === stream && !row.removed)?.message;
    const other = members.find((member) => member !== user);
    return {
      stream,
      kind: stream === "global" ? "global" : "direct",
      participants: members.map((id) => ({ id, username: name(id), last_seen: null })),
      head_seq: head,
      read_seq: read.get(user) ?? 0,
      others_read_seq: other === undefined ? null : (read.get(other) ?? 0),
      unread_count: this.unread(user, this.rooms.get(stream)!),
      last_message: last
        ? { id: last.id, seq: last.seq, content: last.content, timestamp: last.timestamp, sender_id: last.sender.id }
        : null,
      updated_at: last?.timestamp ?? time(0),
    };
  }

  roomsOf(user: string): Room[] {
    return [...this.rooms.values()].filter(({ name, members }) => name === "global" || members.includes(user));
  }

  private unread(user: string, { name, read }: Room): number {
    const mark = read.get(user) ?? 0;
    return this.rows.filter(
      ({ stream, removed, message }) => stream === name && !removed && message.seq > mark && message.sender.id !== user,
    ).length;
  }

  private shown(user: string, { message: { client_id, ...message } }: Row): ChatMessage {
    return message.sender.id === user && client_id ? { ...message, client_id } : message;
  }

  private frame(user: string, row: Row, prev: number): Frame {
    const place = { stream: row.stream, seq: row.version, prev };
    if (row.removed) return { type: "message_removed", ...place, message_id: row.message.id };
    return { type: "message", ...place, message: this.shown(user, row) };
  }

  private publish(row: Row): void {
    const { members } = this.rooms.get(row.stream)!;
    for (const line of this.lines) {
      if (!line.resumed || (row.stream !== "global" && !members.includes(line.user))) continue;
      line.heads.set(row.stream, row.version);
      if (!this.lose()) line.hear(this.frame(line.user, row, row.version - 1));
    }
  }

  private resume(line: Line, { epoch, since }: { epoch: string | null; since: string | null }): void {
    const { user, hear } = line;
    if (since !== null && (epoch !== this.epoch || Number(since) > this.txn))
      return hear({ type: "error", code: "epoch_mismatch", detail: "Another history." });
    const rooms = this.roomsOf(user);
    const latest = rooms
      .map((room) => this.snapshotOf(user, room))
      .sort(
        (a, b) => Number(b.kind === "global") - Number(a.kind === "global") || (a.updated_at < b.updated_at ? 1 : -1),
      );
    hear({ type: "snapshot", streams: latest.slice(0, this.page), more: latest.length > this.page, presence: [] });
    const streams: Record<string, { complete: boolean; head_seq: number }> = {};
    for (const { name, head } of since === null ? [] : rooms) {
      const changed = this.rows.filter((row) => row.stream === name && row.txn > Number(since));
      if (!changed.length) continue;
      const complete = changed.length <= this.replay;
      streams[name] = { complete, head_seq: head };
      let prev = 0;
      for (const row of complete ? changed.sort((a, b) => a.version - b.version) : []) {
        hear(this.frame(user, row, prev));
        prev = row.version;
      }
    }
    line.resumed = true;
    hear({ type: "resumed", since: `${this.txn}`, streams });
  }
}
