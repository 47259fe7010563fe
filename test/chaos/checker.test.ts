/** The judge of the chaos scenarios, who must not be blind. */
import { expect, test } from "bun:test";
import { check, type Row } from "./checker.ts";
import type { Say, Talker } from "./crowd.ts";

const NAMES = ["ann", "ben"];

/** Two people who said three things each in one room, and what is stored of it. */
function world(kind: Talker["kind"] = "rest") {
  const rows: Row[] = Array.from({ length: 6 }, (_, i) => {
    const sender = NAMES[i % 2]!;
    return { id: `${i + 1}`, stream: "global", seq: i + 1, sender, content: `${sender} ${i >> 1}` };
  });
  const rooms = new Map([["global", { last: 6, unread: 3, messages: rows.map(({ id }) => ({ id })) }]]);
  const talkers = NAMES.map((name) => {
    const own = rows.filter(({ sender }) => sender === name);
    const said = own.map(({ content, id }): Say => ({ who: name, stream: "global", content, at: 0, acked: { id, at: 1 } })); // prettier-ignore
    const client = { loadLatest: async () => {}, pending: () => [], state: { streams: rooms } };
    return { name, kind, said, failures: [], streams: ["global"], client } as unknown as Talker;
  });
  return { rows, talkers, room: rooms.get("global")! };
}

test("what is as it should be is not complained of", async () => {
  for (const kind of ["rest", "socket"] as const) {
    const { rows, talkers } = world(kind);
    expect(await check(rows, talkers)).toEqual([]);
  }
});

const wrongs: [what: string, hurt: (of: ReturnType<typeof world>) => unknown, said: RegExp][] = [
  ["lost", ({ rows }) => rows.splice(2, 1), /is lost/],
  ["the newest one lost", ({ rows }) => rows.pop(), /is lost/],
  ["a hole", ({ rows }) => rows.splice(2, 1), /not dense/],
  ["doubled", ({ rows }) => rows.push({ ...rows[0]!, id: "7", seq: 7 }), /stored 2 times/],
  ["another order", ({ rows }) => ([rows[0]!.content, rows[2]!.content] = ["ann 1", "ann 0"]), /another order/],
  ["another sender", ({ rows }) => (rows[0]!.sender = "ben"), /misplaced/],
  ["another room", ({ rows }) => (rows[5]!.stream = "elsewhere"), /misplaced/],
  ["another id", ({ rows }) => (rows[0]!.id = "70"), /as another message/],
  ["said by nobody", ({ rows }) => rows.push({ ...rows[0]!, seq: 7, content: "ann 9" }), /said by nobody/],
  ["never acknowledged", ({ talkers }) => delete talkers[0]!.said[0]!.acked, /never acknowledged/],
  ["a failure", ({ talkers }) => talkers[0]!.failures.push("broke"), /ann: broke/],
];
const seenWrongly: typeof wrongs = [
  ["not shown", ({ room }) => room.messages.splice(2, 1), /otherwise than it is/],
  ["the newest not shown", ({ room }) => room.messages.pop(), /otherwise than it is/],
  ["shown twice", ({ room }) => room.messages.push(room.messages[5]!), /otherwise than it is/],
  ["shown in part", ({ room }) => room.messages.splice(0, 4), /sees 2 of/],
  ["behind", ({ room }) => (room.last = 5), /knows global up to 5/],
  ["unread miscounted", ({ room }) => (room.unread = 2), /counts 2 unread/],
];

for (const [what, hurt, said] of wrongs)
  test(`${what}: is noticed`, async () => {
    const of = world();
    hurt(of);
    expect((await check(of.rows, of.talkers)).join("\n")).toMatch(said);
  });
for (const [what, hurt, said] of seenWrongly)
  test(`${what}: is noticed`, async () => {
    const of = world("socket");
    hurt(of);
    expect((await check(of.rows, of.talkers)).join("\n")).toMatch(said);
  });
