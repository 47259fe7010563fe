/** Bytes as they are, over TCP: what no well-behaved client would send. */
import { connect } from "node:net";

const TEXT = "latin1";

export class RawSocket {
  /** All that came. */
  bytes = Buffer.alloc(0);
  closed = false;
  readonly openedAt = performance.now();
  private readonly socket;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("data", (data: Buffer) => (this.bytes = Buffer.concat([this.bytes, data])));
    this.socket.on("close", () => (this.closed = true));
    // A reset is a close.
    this.socket.on("error", () => {});
  }

  /** False where the other side does not take it any more. */
  write(data: string | Buffer): boolean {
    return !this.closed && this.socket.write(data);
  }

  /** Resolves with how long it was open (ms), or -1 where it still is after so long. */
  async end(ms: number): Promise<number> {
    while (!this.closed && performance.now() - this.openedAt < ms) await Bun.sleep(5);
    return this.closed ? Math.round(performance.now() - this.openedAt) : -1;
  }

  /** Writes a piece, waits, and so on, until it is cut. */
  async drip(piece: string, everyMs: number, ms: number): Promise<number> {
    while (!this.closed && performance.now() - this.openedAt < ms) {
      this.write(piece);
      await Bun.sleep(everyMs);
    }
    return this.end(ms);
  }

  /** The statuses of the answers that came. */
  get statuses(): number[] {
    return [...this.bytes.toString(TEXT).matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
  }

  drop(): void {
    this.socket.destroy();
  }
}

/** Sends, and gives what came until it was closed or nothing more came. */
export async function exchange(url: string, bytes: string | Buffer, quietMs = 150): Promise<RawSocket> {
  const socket = new RawSocket(url);
  socket.write(bytes);
  for (let seen = -1; !socket.closed && (seen < socket.bytes.length || seen === 0);) {
    seen = socket.bytes.length;
    for (let waited = 0; waited < quietMs && !socket.closed && socket.bytes.length === seen; waited += 5)
      await Bun.sleep(5);
  }
  socket.drop();
  return socket;
}

/** The head of a WebSocket handshake. */
export const handshake = (path: string, headers: Record<string, string> = {}): string =>
  [
    `GET ${path} HTTP/1.1`,
    ...Object.entries({
      Host: "chat.example",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n");

type Shape = { fin?: boolean; mask?: boolean; bits?: number; announced?: bigint };

/** A WebSocket frame, masked with zeros; `announced` is the length that it claims to have. */
export function frame(
  opcode: number,
  payload: string | Buffer = "",
  { fin = true, mask = true, bits = 0, announced }: Shape = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const length = announced ?? BigInt(body.length);
  const [short, extra] = length < 126n ? [Number(length), 0] : length < 65_536n ? [126, 2] : [127, 8];
  const head = Buffer.alloc(2 + extra);
  head[0] = (fin ? 0x80 : 0) | bits | opcode;
  head[1] = (mask ? 0x80 : 0) | short;
  if (extra === 2) head.writeUInt16BE(Number(length), 2);
  if (extra === 8) head.writeBigUInt64BE(length, 2);
  return Buffer.concat([head, Buffer.alloc(mask ? 4 : 0), body]);
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** A WebSocket that breaks the rules. */
export class RawWebSocket extends RawSocket {
  /** Resolves when the handshake was answered. */
  static async open(url: string, path: string, headers?: Record<string, string>): Promise<RawWebSocket> {
    const socket = new RawWebSocket(url);
    socket.write(handshake(path, headers));
    while (!socket.closed && socket.bytes.indexOf("\r\n\r\n") < 0) await Bun.sleep(2);
    return socket;
  }

  get head(): string {
    return this.bytes.toString(TEXT, 0, this.bytes.indexOf("\r\n\r\n"));
  }

  get frames(): { opcode: number; payload: Buffer }[] {
    const frames = [];
    const all = this.bytes;
    for (let at = all.indexOf("\r\n\r\n") + 4; at + 2 <= all.length;) {
      const short = all[at + 1]! & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (at + head > all.length) break;
      const length = short === 126 ? all.readUInt16BE(at + 2) : short === 127 ? Number(all.readBigUInt64BE(at + 2)) : short; // prettier-ignore
      frames.push({ opcode: all[at]! & 15, payload: all.subarray(at + head, at + head + length) });
      at += head + length;
    }
    return frames;
  }

  /** With what it was closed, once it is; undefined while it is open. */
  get code(): number | undefined {
    const last = this.frames.find(({ opcode }) => opcode === OPCODE.close);
    return last && last.payload.length >= 2 ? last.payload.readUInt16BE(0) : this.closed ? 1006 : undefined;
  }
}
