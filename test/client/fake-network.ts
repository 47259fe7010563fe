/** The ports of a client over a fake server: a network that can be pulled, and a clock that is turned by hand. */
import { createClient } from "../../src/client/index.ts";
import type { Fetch, Ports, Socket } from "../../src/client/ports.ts";
import { type ChatStorage, memoryStorage } from "../../src/client/storage.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { FakeServer, type Line } from "./fake-server.ts";

export class FakeNetwork {
  server = new FakeServer();
  clock = new SimulatedClock();
  up = true;
  /** What REST answers waits for, once. */
  hold: Promise<void> | null = null;
  calls: string[] = [];
  private sockets = new Set<{ line: Line; end: (code: number) => void }>();
  private ids = 0;

  client(storage: ChatStorage = memoryStorage()) {
    return createClient({ url: "http://server/", ports: this.ports(), storage });
  }

  /** A client of that user, connected and live. */
  async live(user: string, storage?: ChatStorage) {
    const client = this.client(storage);
    await client.logIn({ username: user, password: "secret" });
    client.connect();
    await this.clock.advance(0);
    return client;
  }

  ports(): Ports {
    const { server, sockets } = this;
    const up = () => this.up;
    return {
      clock: this.clock,
      random: () => 0.5,
      randomId: () => `id${this.ids++}`,
      fetch: this.fetch,
      WebSocket: class implements Socket {
        onmessage: Socket["onmessage"] = null;
        onclose: Socket["onclose"] = null;
        onerror: Socket["onerror"] = null;
        line: Line | undefined;
        entry: { line: Line; end: (code: number) => void } | undefined;
        constructor(_: string, protocols: string[]) {
          queueMicrotask(() => this.open(protocols[1]!.slice("bearer.access-".length)));
        }
        open(user: string): void {
          if (!up()) return this.onclose?.({ code: 1006, reason: "" });
          this.line = server.connect(user, (frame) => {
            const data = JSON.stringify(frame);
            queueMicrotask(() => this.onmessage?.({ data }));
          });
          const end = (code: number) => {
            this.close();
            this.onclose?.({ code, reason: "" });
          };
          sockets.add((this.entry = { line: this.line, end }));
        }
        send(data: string): void {
          if (this.line && server.lines.has(this.line)) server.take(this.line, JSON.parse(data));
        }
        close(): void {
          server.lines.delete(this.line!);
          sockets.delete(this.entry!);
        }
      },
    };
  }

  /** Ends all sockets. */
  cut(code = 1006): void {
    for (const { end } of this.sockets) end(code);
  }

  private fetch: Fetch = async (url, { method, headers, body }) => {
    if (!this.up) throw new TypeError("fetch failed");
    const { pathname, searchParams } = new URL(url);
    const user = headers.Authorization?.slice("Bearer access-".length) ?? "";
    const answer = this.route(`${method} ${pathname}`, user, searchParams, body ? JSON.parse(body) : {});
    this.calls.push(`${method} ${pathname}`);
    const held = this.hold;
    this.hold = null;
    await held;
    return { status: 200, headers: { get: () => null }, json: async () => structuredClone(answer) };
  };

  private route(path: string, user: string, query: URLSearchParams, body: any): unknown {
    const conversation = (name: string) => {
      const { participants, last_message, unread_count, updated_at, head_seq, read_seq } = this.server.snapshotOf(
        user,
        this.server.rooms.get(name)!,
      );
      return {
        id: name,
        participants,
        last_message,
        unread_count,
        updated_at,
        created_at: updated_at,
        head_seq,
        read_seq,
      };
    };
    const messages = /chat\/(?:conversations\/)?([^/]+)\/messages\/$/.exec(path);
    if (messages)
      return this.server.messages(user, messages[1]!, Number(query.get("limit")), query.get("before") ?? undefined);
    if (path.endsWith("/login/") || path.endsWith("/signup/"))
      return { user: { id: body.username, username: body.username }, access: `access-${body.username}`, refresh: "r" };
    if (path.endsWith("/create/")) return { conversation: conversation(this.server.room(user, body.user_id).name) };
    if (path.endsWith("/conversations/")) {
      const names = this.server.roomsOf(user).map(({ name }) => name);
      return {
        count: 0,
        next: null,
        previous: null,
        results: names.filter((name) => name !== "global").map(conversation),
      };
    }
    return {};
  }
}
