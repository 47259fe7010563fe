/**
 * A socket whose reader is slow, with a small receive buffer of its own: with `net` and WebSocket the kernel takes megabytes in for a
 * reader that does not read. The numbers are those of Linux.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { handshake } from "../support/raw.ts";

const { int, ptr: pointer, i64, u64 } = FFIType;
const open = () =>
  dlopen("libc.so.6", {
    socket: { args: [int, int, int], returns: int },
    setsockopt: { args: [int, int, int, pointer, int], returns: int },
    connect: { args: [int, pointer, int], returns: int },
    send: { args: [int, pointer, u64, int], returns: i64 },
    recv: { args: [int, pointer, u64, int], returns: i64 },
    close: { args: [int], returns: int },
  }).symbols;
let opened: ReturnType<typeof open> | undefined;

const [AF_INET, SOCK_STREAM, SOL_SOCKET, SO_RCVBUF] = [2, 1, 1, 8];
const DONT_WAIT = 0x40;
const QUIETLY = 0x4000;

export class SlowSocket {
  private readonly c = (opened ??= open());
  private readonly fd = this.c.socket(AF_INET, SOCK_STREAM, 0);
  private bytes: Buffer[] = [];
  /** The other side has closed it. */
  ended = false;

  /** Asks for `/ws/chat/`. */
  static chat(port: number, token: string, bufferBytes: number): SlowSocket {
    return new SlowSocket(
      port,
      handshake("/ws/chat/", { "Sec-WebSocket-Protocol": `liquidchat.v2, bearer.${token}` }),
      bufferBytes,
      true,
    );
  }

  /** Connects and asks for something; `speaks`: WebSocket, once it is answered. */
  constructor(
    port: number,
    request: string,
    bufferBytes: number,
    private readonly speaks = false,
  ) {
    this.c.setsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, ptr(new Int32Array([bufferBytes])), 4);
    const address = new Uint8Array([AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, ...new Uint8Array(8)]);
    if (this.c.connect(this.fd, ptr(address), address.length) !== 0) throw new Error("no connection");
    this.write(Buffer.from(request));
  }

  private write(data: Uint8Array): void {
    this.c.send(this.fd, ptr(data), data.length, DONT_WAIT | QUIETLY);
  }

  /** A text frame of less than 64 KiB; clients mask theirs, here with zeros. */
  send(frame: object): void {
    const body = Buffer.from(JSON.stringify(frame));
    this.write(Buffer.concat([Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255, 0, 0, 0, 0]), body]));
  }

  /** Reads what is there, at most so much. */
  read(most: number): void {
    const chunk = Buffer.alloc(Math.min(most, 64 * 1024));
    while (most > 0 && !this.ended) {
      const got = Number(this.c.recv(this.fd, ptr(chunk), Math.min(most, chunk.length), DONT_WAIT));
      // Nothing there and broken look the same here; a broken one is broken for writing too. (Before the handshake nothing may be written.)
      if (got < 0 && this.speaks && this.bytes.length)
        this.ended = Number(this.c.send(this.fd, ptr(PONG), PONG.length, DONT_WAIT | QUIETLY)) < 0;
      if (got === 0) this.ended = true;
      if (got <= 0) return;
      this.bytes.push(Buffer.from(chunk.subarray(0, got)));
      most -= got;
    }
  }

  /** All that came. */
  text(): string {
    return Buffer.concat(this.bytes).toString("latin1");
  }

  /** The text frames that came whole. */
  frames(): any[] {
    const all = Buffer.concat(this.bytes);
    const frames: any[] = [];
    let at = all.indexOf("\r\n\r\n") + 4;
    while (at >= 4 && at + 2 <= all.length) {
      const short = all[at + 1]! & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (at + head > all.length) break;
      const length = short === 126 ? all.readUInt16BE(at + 2) : short === 127 ? Number(all.readBigUInt64BE(at + 2)) : short; // prettier-ignore
      if (at + head + length > all.length) break;
      if ((all[at]! & 15) === 1) frames.push(JSON.parse(all.toString("utf8", at + head, at + head + length)));
      at += head + length;
    }
    return frames;
  }

  close(): void {
    this.c.close(this.fd);
  }
}

/** An unasked pong, which servers ignore. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
