/** A client that knows the first part of the protocol only, as docs/protocol.md tells it to come back. */
import type postgres from "postgres";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { TestSocket, Person } from "../support/client.ts";
import type { Account } from "./accounts.ts";
import { soon } from "./scenario.ts";

export class OldClient {
  private readonly me: Person;
  /** Ids by room. */
  private held = new Map<string, Set<string | number>>();
  /** Up to where each room is whole. */
  private last = new Map<string, string | number>();
  private wrong: string[] = [];
  private sockets: TestSocket[] = [];
  private ended = false;

  constructor(
    private readonly url: string,
    { id, name, access, refresh }: Account,
  ) {
    this.me = new Person(url, id, name, access, refresh);
  }

  start(): void {
    void this.stay("global");
    void this.stay("private");
  }

  private room(name: string): Set<string | number> {
    const room = this.held.get(name) ?? new Set();
    this.held.set(name, room);
    return room;
  }

  private async stay(endpoint: "global" | "private"): Promise<void> {
    while (!this.ended) {
      const socket = new TestSocket(`${this.url}/ws/chat/${endpoint}/?token=${this.me.access}`);
      const heard = new Set<string | number>();
      let whole = false;
      socket.ws.addEventListener("message", ({ data }) => {
        const { type, message } = JSON.parse(data as string);
        if (!["global_message", "private_message", "private_message_sent"].includes(type)) return;
        const { id, conversation_id: room = "global" } = message;
        if (heard.has(id)) this.wrong.push(`the old client was told ${id} twice on one socket`);
        heard.add(id);
        this.room(room).add(id);
        if (whole) this.last.set(room, id);
      });
      this.sockets.push(socket);
      try {
        await socket.opened;
        await this.fetchMissed(endpoint);
        whole = true;
        await socket.closed;
      } catch {}
      this.sockets.splice(this.sockets.indexOf(socket), 1);
      await Bun.sleep(Math.random() * 500);
    }
  }

  private async fetchMissed(endpoint: "global" | "private"): Promise<void> {
    const paths: [room: string, path: string][] = [["global", "/api/chat/global/messages/"]];
    if (endpoint === "private") {
      const { results } = (await this.ask("/api/chat/conversations/?page_size=100")).body;
      paths.splice(0, 1, ...results.map(({ id }: { id: string }) => [id, `/api/chat/conversations/${id}/messages/`]));
    }
    for (const [room, start] of paths) {
      let path = `${start}?limit=200&after=${this.last.get(room) ?? "2000-01-01T00:00:00.000Z"}`;
      while (path) {
        const { body, headers } = await this.ask(path);
        for (const { id } of body) {
          this.room(room).add(id);
          this.last.set(room, id);
        }
        path = /<https?:\/\/[^/]+([^>]+)>; rel="next"/.exec(headers.get("Link") ?? "")?.[1] ?? "";
      }
    }
  }

  private async ask(path: string): ReturnType<Person["get"]> {
    for (let tries = 0; ; tries++) {
      const answer = await this.me.get(path).catch(() => null);
      if (answer?.status === 200) return answer;
      if (tries > 20 || this.ended) throw new Error(`${path}: ${answer?.status}`);
      await Bun.sleep(200);
    }
  }

  /** @returns what it does not hold, or holds and should not, of its rooms */
  async end(sql: postgres.Sql, rooms: string[]): Promise<string[]> {
    for (const room of rooms) {
      const isGlobal = room === "global";
      const rows = await sql<{ id: string; seq: number }[]>`
        SELECT id, seq::int FROM messages WHERE room_id = ${isGlobal ? GLOBAL_ROOM : room} ORDER BY seq`;
      const due = rows.map(({ id, seq }) => String(isGlobal ? seq : id));
      const all = () => this.room(room).size === due.length;
      await soon(10_000, all).catch(() => {});
      const held = [...this.room(room)].map(String);
      if (held.sort().join() !== due.sort().join())
        this.wrong.push(`the old client holds ${held.length} of ${due.length} in ${room}`);
    }
    this.ended = true;
    for (const socket of this.sockets) void socket.close();
    return this.wrong;
  }
}
