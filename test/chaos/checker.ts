/** What must hold in the end: the logs of the people beside the database. */
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Talker } from "./crowd.ts";

export type Row = { id: string; stream: string; seq: number; sender: string; content: string };
/** `seq` is the removal's own, `id` and `messageSeq` are the message's. */
export type Removal = { stream: string; seq: number; id: string; messageSeq: number };
export type Stored = { rows: Row[]; removals: Removal[] };

/** So many of the latest messages are loaded at least. */
const PAGE = 50;

export async function check({ rows, removals }: Stored, talkers: Talker[]): Promise<string[]> {
  const wrong: string[] = talkers.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`));
  const byContent = Map.groupBy(rows, (row) => row.content);
  for (const say of talkers.flatMap(({ said }) => said)) {
    const stored = byContent.get(say.content) ?? [];
    const gone = removals.filter(({ stream, id }) => stream === say.stream && id === String(say.acked?.id)).length;
    if (say.removed === undefined && gone) wrong.push(`${say.content} was removed by nobody`);
    if (say.removed === false) wrong.push(`${say.content} was never told to be removed`);
    if (say.removed) {
      if (gone !== 1) wrong.push(`${say.content} has ${gone} removals`);
      if (stored.length) wrong.push(`${say.content} was removed and is still there`);
      continue;
    }
    if (!say.acked) wrong.push(`${say.content} was never acknowledged`);
    else if (!stored.length) wrong.push(`${say.content} was acknowledged and is lost`);
    else if (String(stored[0]!.id) !== String(say.acked.id))
      wrong.push(`${say.content} was acknowledged as another message`);
    if (stored.length > 1) wrong.push(`${say.content} is stored ${stored.length} times`);
    if (stored.some((row) => row.stream !== say.stream || row.sender !== say.who))
      wrong.push(`${say.content} is misplaced`);
  }
  const said = new Set(talkers.flatMap((talker) => talker.said.map(({ content }) => content)));
  for (const row of rows) if (!said.has(row.content)) wrong.push(`${row.content} was said by nobody`);
  for (const [stream, ofStream] of Map.groupBy(rows, (row) => row.stream)) {
    const gone = removals.filter((removal) => removal.stream === stream);
    const seqs = [...ofStream.map(({ seq }) => seq), ...gone.flatMap(({ seq, messageSeq }) => [seq, messageSeq])];
    if (seqs.sort((a, b) => a - b).some((seq, i) => seq !== i + 1)) wrong.push(`${stream} is not dense`);
    for (const [sender, ofSender] of Map.groupBy(ofStream, (row) => row.sender)) {
      const order = ofSender.map((row) => Number(row.content.split(" ")[1]));
      if (order.some((n, i) => i > 0 && n < order[i - 1]!))
        wrong.push(`${stream} has ${sender}'s messages in another order`);
    }
  }
  const events = eventsOf({ rows, removals });
  for (const talker of talkers) {
    if (talker.kind === "socket") wrong.push(...(await checkView(talker, rows, events)));
    wrong.push(...checkTold(talker, events));
  }
  for (const stream of events.keys()) {
    const reader = talkers.find(({ streams }) => streams.includes(stream));
    if (reader) wrong.push(...(await checkHistory(reader, stream, rows)));
  }
  return wrong;
}

type Events = Map<string, { seq: number; id: string; removes: boolean }[]>;

/** By room, in order: all that there is to be told. */
function eventsOf({ rows, removals }: Stored): Events {
  const all = [
    ...rows.map(({ stream, seq, id }) => ({ stream, seq, id, removes: false })),
    ...removals.map(({ stream, seq, id }) => ({ stream, seq, id, removes: true })),
  ];
  return Map.groupBy(all.sort((a, b) => a.seq - b.seq), ({ stream }) => stream); // prettier-ignore
}

/** Whatever came over sockets: each frame follows the one that it says it follows, and each removal is one that there was. */
function checkTold({ name, told }: Talker, events: Events): string[] {
  const wrong: string[] = [];
  for (const { stream, seq, prev, removes } of told.values()) {
    const ofStream = events.get(stream) ?? [];
    if (prev && ofStream.some((event) => event.seq > prev && event.seq < seq))
      wrong.push(`${name} was told of ${stream} ${seq} as if it followed ${prev}`);
    if (removes !== undefined && !ofStream.some((event) => event.removes && event.seq === seq && event.id === removes))
      wrong.push(`${name} was told of a removal that was none: ${stream} ${seq}`);
  }
  return wrong;
}

/** Page by page, from the end to the beginning. */
async function checkHistory({ name, client }: Talker, stream: string, rows: Row[]): Promise<string[]> {
  const room = stream === "global" ? "global" : `conversations/${stream}`;
  const read: string[] = [];
  for (let before = ""; ;) {
    const page = await client.request<{ id: unknown }[]>("GET", `/api/chat/${room}/messages/?limit=200${before}`);
    read.unshift(...page.map(({ id }) => String(id)));
    if (page.length < 200) break;
    before = `&before=${read[0]}`;
  }
  const expected = rows.filter((row) => row.stream === stream).map(({ id }) => id);
  return read.join() === expected.join() ? [] : [`${name} reads another history of ${stream} than there is`];
}

/** What a client shows is what a fresh fetch shows. */
async function checkView({ name, client, streams }: Talker, rows: Row[], events: Events): Promise<string[]> {
  const wrong: string[] = [];
  for (const stream of streams) {
    await client.loadLatest(stream);
    const expected = rows.filter((row) => row.stream === stream);
    const room = client.state.streams.get(stream)!;
    const head = events.get(stream)?.at(-1)?.seq ?? 0;
    if (room.last !== head) wrong.push(`${name} knows ${stream} up to ${room.last}, not ${head}`);
    const [last, shownLast] = [expected.at(-1)?.id, room.lastMessage?.id];
    if (String(shownLast) !== String(last))
      wrong.push(`${name} is shown ${shownLast} as the last of ${stream}, not ${last}`);
    const shown = room.messages.map(({ id }) => String(id));
    if (shown.length < Math.min(PAGE, expected.length))
      wrong.push(`${name} sees ${shown.length} of ${expected.length} in ${stream}`);
    const end = shown.length ? expected.slice(-shown.length).map(({ id }) => String(id)) : [];
    if (shown.join() !== end.join()) wrong.push(`${name} sees ${stream} otherwise than it is`);
    const unread = expected.filter((row) => row.sender !== name).length;
    if (room.unread !== Math.min(1_000, unread))
      wrong.push(`${name} counts ${room.unread} unread in ${stream}, not ${unread}`);
    if (client.pending(stream).length) wrong.push(`${name} still has unsent messages in ${stream}`);
  }
  return wrong;
}

/** All that is stored. `ask`: the operator's SQL. */
export async function readAll(ask: (text: string) => Promise<unknown[]>): Promise<Stored> {
  const rows = (await ask(`
    SELECT m.id, m.room_id, m.seq::int, u.username AS sender, m.content
    FROM messages m JOIN users u ON u.id = m.sender_id ORDER BY m.room_id, m.seq`)) as (Row & { room_id: string })[];
  const gone = (await ask(`
    SELECT message_id AS id, room_id, seq::int, message_seq::int AS "messageSeq" FROM removals ORDER BY room_id, seq`)) as (Removal & {
    room_id: string;
  })[];
  const place = (room: string, id: string, seq: number) =>
    room === GLOBAL_ROOM ? { id: String(seq), stream: "global" } : { id, stream: room };
  return {
    rows: rows.map(({ room_id, id, seq, sender, content }) => ({ ...place(room_id, id, seq), seq, sender, content })),
    removals: gone.map(({ room_id, id, seq, messageSeq }) => ({ ...place(room_id, id, messageSeq), seq, messageSeq })),
  };
}
