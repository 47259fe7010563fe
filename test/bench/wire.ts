/** WebSocket over TCP, by hand: no string and no JSON for what arrives, or the client would be slower than the server that it measures. */

export function upgradeRequest(host: string, path: string, token: string, protocol?: string): string {
  const lines = [
    `GET ${path}?token=${token} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const TEXT = 1;
const PING = 9;
const PONG = 10;

/** A client's frame. Its mask is zero, so that the payload stays as it is. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = length < 126 ? [0x80 | opcode, 0x80 | length] : [0x80 | opcode, 0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

export const textFrame = (text: string): Buffer => clientFrame(TEXT, Buffer.from(text));

type Listener = {
  /** The text stands in `bytes` from `start` to `end`. */
  text(bytes: Buffer, start: number, end: number): void;
  /** To be sent at once. */
  reply(frame: Buffer): void;
};

/** Walks through the server's frames. Gives back what was left of the last one. */
export function readFrames(bytes: Buffer, from: number, listener: Listener): Buffer | null {
  const { length } = bytes;
  let at = from;
  while (at + 2 <= length) {
    let size = bytes[at + 1]! & 127;
    let body = at + 2;
    if (size === 126) {
      if (at + 4 > length) break;
      size = bytes.readUInt16BE(at + 2);
      body = at + 4;
    } else if (size === 127) {
      if (at + 10 > length) break;
      size = Number(bytes.readBigUInt64BE(at + 2));
      body = at + 10;
    }
    if (body + size > length) break;
    const opcode = bytes[at]! & 15;
    if (opcode === TEXT) listener.text(bytes, body, body + size);
    else if (opcode === PING) listener.reply(clientFrame(PONG, bytes.subarray(body, body + size)));
    at = body + size;
  }
  return at < length ? Buffer.from(bytes.subarray(at)) : null;
}
