/** Pages of the public room's history, from a room of any length. The client is this process. */
import type { Socket } from "bun";
import postgres from "postgres";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Run, Scale } from "./case.ts";
import { addPeople, type People } from "./people.ts";
import { startMeter } from "./processes.ts";
import { emptyDatabase, serve } from "./servers.ts";

const CONNECTIONS = 16;

/** One in ten has markup in it. */
const FILL = `
  WITH people AS (SELECT array_agg(id) AS ids FROM users), filled AS (
    INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at)
    SELECT '${GLOBAL_ROOM}', n, gen_random_uuid(), ids[1 + n % 100],
           CASE WHEN n % 10 = 0 THEN 'a < b, <b>said</b> ' ELSE 'message ' END || n || ': the quick brown fox jumps over the lazy dog',
           date_trunc('milliseconds', now()) - ($1 - n) * interval '1 second'
    FROM people, generate_series(1, $1::int) n)
  UPDATE heads SET seq = $1, last_at = now() WHERE room_id = '${GLOBAL_ROOM}'`;

/** Filled once, and only read. */
const rooms = new Map<number, Promise<{ url: string; people: People }>>();

export async function history(rows: number, { warmUpMs, measureMs }: Scale): Promise<Run> {
  if (!rooms.has(rows)) rooms.set(rows, fill(rows));
  const { url: databaseUrl, people } = await rooms.get(rows)!;
  const { servers, stop } = await serve(databaseUrl, people, 1, {});
  const { url, pid } = servers[0]!;
  const readers = await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => read(url, people.tokens[i]!)));
  const pages = () => readers.reduce((sum, reader) => sum + reader.pages, 0);
  await Bun.sleep(warmUpMs);
  const before = pages();
  const meter = startMeter([pid], process.pid);
  await Bun.sleep(measureMs);
  const { wall, serverCpu, cores } = meter();
  const count = pages() - before;
  for (const reader of readers) reader.stop();
  await stop();
  const pageBytes = readers[0]!.bytes / readers[0]!.pages;
  return { figures: { perSecond: count / wall, perCpuSecond: count / serverCpu, pageBytes }, cores };
}

async function fill(rows: number) {
  const url = await emptyDatabase();
  const people = await addPeople(url, 100);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(FILL, [rows]);
  await sql.unsafe("VACUUM ANALYZE");
  await sql.unsafe("CHECKPOINT");
  await sql.end();
  return { url, people };
}

/** Asks for the latest page over and over, on one connection, and reads no more of the answer than where it ends. */
async function read(url: string, token: string) {
  const { hostname, port, host } = new URL(url);
  const request = `GET /api/chat/global/messages/?limit=50 HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const reader = { pages: 0, bytes: 0, stop: () => {} };
  let head = "";
  /** How much of the body is to come; null while that is not known, infinite for one that comes in chunks. */
  let missing: number | null = null;
  /** Its last bytes so far: the end can be cut in two. */
  let tail = "";
  const data = (socket: Socket, chunk: Buffer) => {
    reader.bytes += chunk.length;
    if (missing !== null) missing -= chunk.length;
    else {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!head.startsWith("HTTP/1.1 200")) throw new Error(head);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      missing = length === undefined ? Infinity : end + 4 + Number(length) - head.length;
      head = "";
    }
    tail = (tail + chunk.subarray(-LAST_CHUNK.length).toString("latin1")).slice(-LAST_CHUNK.length);
    if (missing > 0 && !(missing === Infinity && tail === LAST_CHUNK)) return;
    missing = null;
    tail = "";
    reader.pages++;
    socket.write(request);
  };
  const open = (socket: Socket) => void socket.write(request);
  const socket = await Bun.connect({ hostname, port: Number(port), socket: { data, open } });
  reader.stop = () => socket.terminate();
  return reader;
}

const LAST_CHUNK = "\r\n0\r\n\r\n";
