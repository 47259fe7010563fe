/** What mallory does, all at once, as a process of her own; prints what became of it. */
import { PASSWORD } from "../support/client.ts";
import { frame, handshake, OPCODE, RawSocket, RawWebSocket } from "../support/raw.ts";
import { SlowSocket } from "./slow-socket.ts";

export type Attack = {
  url: string;
  token: string;
  /** A conversation full of long messages. */
  room: string;
  seconds: number;
  logins: number;
  frames: number;
  sockets: number;
  slow: number;
  announcements: number;
};

const attack: Attack = JSON.parse(process.argv[2]!);
const { url, token, room, seconds } = attack;
const port = Number(new URL(url).port);
const endsAt = Date.now() + seconds * 1_000;
const outcomes: Record<string, Record<string, number>> = {};
const count = (what: string, outcome: string | number) => {
  const of = (outcomes[what] ??= {});
  of[outcome] = (of[outcome] ?? 0) + 1;
};
/** She has many addresses, so that it is not one limit alone that stops her. */
const from = (i: number) => ({ "X-Forwarded-For": `198.18.${(i >> 8) & 255}.${i & 255}` });
/** Spread over the time that there is. */
const each = (n: number, act: (i: number) => unknown): Promise<unknown> =>
  Promise.all(
    Array.from({ length: n }, async (_, i) => {
      await Bun.sleep((i * seconds * 800) / n);
      await act(i);
    }),
  );

/** Fifty addresses, and another name each time: neither an address nor an account and an address is soon at its limit. */
const logins = each(attack.logins, async (i) => {
  const body = JSON.stringify({ username: i % 10 ? `nobody${i % 97}` : "victim", password: `${PASSWORD}-${i}` });
  const headers = { "Content-Type": "application/json", ...from(i % 50) };
  const answer = await fetch(`${url}/api/auth/login/`, { method: "POST", body, headers }).catch(() => null);
  count("log-ins", answer?.status ?? "cut");
  await answer?.text();
});

async function flood(): Promise<void> {
  const kinds = [
    { type: "send_private_message", conversation_id: room, content: "flood" },
    { type: "typing_start", conversation_id: room },
    { type: "nonsense" },
  ].map((one) => frame(OPCODE.text, JSON.stringify(one)));
  kinds.push(frame(OPCODE.ping), frame(OPCODE.text, "{".repeat(1_000)));
  for (let sent = 0; Date.now() < endsAt;) {
    const socket = await RawWebSocket.open(url, `/ws/chat/private/?token=${token}`, from(60));
    for (; !socket.closed && sent < attack.frames * 1.2; sent++) {
      socket.write(kinds[sent % kinds.length]!);
      if (sent % 500 === 0) await Bun.sleep(1);
    }
    await Bun.sleep(1_000);
    count("floods", socket.code ?? socket.statuses[0] ?? "open");
    socket.drop();
    sent = 0;
  }
}

const opened: RawWebSocket[] = [];
const sockets = each(attack.sockets, async (i) => {
  opened.push(await RawWebSocket.open(url, `/ws/chat/global/?token=${token}`, from(i)));
});

const announcements = each(attack.announcements, async (i) => {
  const socket = await RawWebSocket.open(url, "/ws/chat/", { ...from(i), "Sec-WebSocket-Protocol": "liquidchat.v2" });
  socket.write(frame(OPCODE.text, "", { announced: 1n << 30n }));
  await socket.end(5_000);
  count("gibibytes", socket.code ?? "open");
  socket.drop();
});

async function crawl(i: number): Promise<void> {
  await Bun.sleep((i * 5_000) / attack.slow);
  const page = `/api/chat/conversations/${room}/messages/?limit=200`;
  const authorized = `Host: x\r\nAuthorization: Bearer ${token}\r\n`;
  while (Date.now() < endsAt) {
    if (i % 3 === 2) {
      const reader = new SlowSocket(port, `GET ${page} HTTP/1.1\r\n${authorized}\r\n`, 4_096);
      while (!reader.ended && Date.now() < endsAt) {
        await Bun.sleep(1_000);
        reader.read(2_000);
      }
      count("slow readers", reader.ended ? "cut" : "open");
      reader.close();
      continue;
    }
    const socket = new RawSocket(url);
    socket.write(
      i % 3
        ? `POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 250000\r\n\r\n`
        : handshake("/ws/chat/global/").slice(0, -2),
    );
    await socket.drip(i % 3 ? "x".repeat(1_000) : "X-A: b\r\n", 1_000, endsAt - Date.now());
    count(i % 3 ? "slow bodies" : "slow heads", socket.closed ? (socket.statuses[0] ?? "cut") : "open");
    socket.drop();
  }
}

await Promise.all([
  logins,
  flood(),
  sockets,
  announcements,
  ...Array.from({ length: attack.slow }, (_, i) => crawl(i)),
]);
for (const socket of opened) count("sockets of one user", socket.code ?? socket.statuses[0] ?? "open");
console.log(JSON.stringify(outcomes));
process.exit(0);
