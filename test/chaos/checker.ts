/** What must hold in the end: the logs of the people beside the database. */
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import type { Talker } from "./crowd.ts";

export type Row = { id: string; stream: string; seq: number; sender: string; content: string };

/** So many of the latest messages are loaded at least. */
const PAGE = 50;

export async function check(rows: Row[], talkers: Talker[]): Promise<string[]> {
  const wrong: string[] = talkers.flatMap(({ name, failures }) => failures.map((failure) => `${name}: ${failure}`));
  const byContent = Map.groupBy(rows, (row) => row.content);
  for (const say of talkers.flatMap(({ said }) => said)) {
    const stored = byContent.get(say.content) ?? [];
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
    if (ofStream.some((row, i) => row.seq !== i + 1)) wrong.push(`${stream} is not dense`);
    for (const [sender, ofSender] of Map.groupBy(ofStream, (row) => row.sender)) {
      const order = ofSender.map((row) => Number(row.content.split(" ")[1]));
      if (order.some((n, i) => i > 0 && n < order[i - 1]!))
        wrong.push(`${stream} has ${sender}'s messages in another order`);
    }
  }
  for (const talker of talkers) if (talker.kind === "socket") wrong.push(...(await checkView(talker, rows)));
  return wrong;
}

/** What a client shows is what a fresh fetch shows. */
async function checkView({ name, client, streams }: Talker, rows: Row[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const stream of streams) {
    await client.loadLatest(stream);
    const expected = rows.filter((row) => row.stream === stream);
    const room = client.state.streams.get(stream)!;
    if (room.last !== expected.length) wrong.push(`${name} knows ${stream} up to ${room.last}, not ${expected.length}`);
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
export async function readAll(ask: (text: string) => Promise<unknown[]>): Promise<Row[]> {
  const rows = (await ask(`
    SELECT m.id, m.room_id, m.seq::int, u.username AS sender, m.content
    FROM messages m JOIN users u ON u.id = m.sender_id ORDER BY m.room_id, m.seq`)) as (Row & { room_id: string })[];
  return rows.map(({ room_id, id, seq, sender, content }) => {
    const isGlobal = room_id === GLOBAL_ROOM;
    return { id: isGlobal ? String(seq) : id, stream: isGlobal ? "global" : room_id, seq, sender, content };
  });
}
