/** The judge of the chaos scenarios, who must not be blind. */
import { expect, test } from "bun:test";
import { check, type Removal, type Row } from "./checker.ts";
import type { Say, Talker } from "./crowd.ts";

const NAMES = ["ann", "ben"];

/** Two people who said three things each in one room, and then one more that was taken back; and what is stored of it. */
function world(kind: Talker["kind"] = "rest") {
  const rows: Row[] = Array.from({ length: 6 }, (_, i) => {
    const sender = NAMES[i % 2]!;
    return { id: `${i + 1}`, stream: "global", seq: i + 1, sender, content: `${sender} ${i >> 1}` };
  });
  const removals: Removal[] = [{ stream: "global", seq: 8, id: "7", messageSeq: 7 }];
  const room = { last: 8, unread: 3, messages: rows.map(({ id }) => ({ id })), lastMessage: { id: "6" } };
  const history = rows.map(({ id }) => ({ id }));
  const told = [1, 2, 3, 4, 5, 6, 7].map((seq) => ({ stream: "global", seq, prev: seq - 1 }));
  const talkers = NAMES.map((name) => {
    const own = rows.filter(({ sender }) => sender === name).map(({ content, id }) => ({ content, id }));
    const said = own.map(({ content, id }): Say => ({ who: name, stream: "global", content, at: 0, acked: { id, at: 1 } })); // prettier-ignore
    const state = { streams: new Map([["global", room]]) };
    const client = { loadLatest: async () => {}, pending: () => [], state, request: async () => history };
    const heard = new Map([...told, { stream: "global", seq: 8, prev: 7, removes: "7" }].map((one) => [one.seq, one]));
    return { name, kind, said, failures: [], streams: ["global"], client, told: heard } as unknown as Talker;
  });
  const takenBack: Say = { ...talkers[0]!.said[0]!, content: "ann 3", acked: { id: "7", at: 1 }, removed: true };
  talkers[0]!.said.push(takenBack);
  return { rows, removals, talkers, room, history, takenBack, told: talkers[0]!.told as Map<unknown, { prev: number; removes?: string }> }; // prettier-ignore
}

test("what is as it should be is not complained of", async () => {
  for (const kind of ["rest", "socket"] as const) {
    const of = world(kind);
    expect(await check(of, of.talkers)).toEqual([]);
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
  ["a removal lost", ({ removals }) => removals.pop(), /has 0 removals/],
  ["a removal doubled", ({ removals }) => removals.push({ ...removals[0]!, seq: 9 }), /has 2 removals/],
  ["a removal never acknowledged", ({ takenBack }) => (takenBack.removed = false), /never told to be removed/],
  ["removed by nobody", ({ takenBack }) => delete takenBack.removed, /removed by nobody/],
  ["a removed message that is there", ({ rows, takenBack }) => rows.push({ ...rows[0]!, seq: 9, content: takenBack.content }), /still there/], // prettier-ignore
  ["a removal where there was a message", ({ removals }) => (removals[0]!.seq = 7), /not dense/],
  ["a removed message in the history", ({ history }) => history.push({ id: "7" }), /another history/],
  ["a prev that leaves one out", ({ told }) => (told.get(8)!.prev = 5), /8 as if it followed 5/],
  ["a removal of another one", ({ told }) => (told.get(8)!.removes = "6"), /a removal that was none/],
  ["a failure", ({ talkers }) => talkers[0]!.failures.push("broke"), /ann: broke/],
];
const seenWrongly: typeof wrongs = [
  ["not shown", ({ room }) => room.messages.splice(2, 1), /otherwise than it is/],
  ["the newest not shown", ({ room }) => room.messages.pop(), /otherwise than it is/],
  ["shown twice", ({ room }) => room.messages.push(room.messages[5]!), /otherwise than it is/],
  ["shown in part", ({ room }) => room.messages.splice(0, 4), /sees 2 of/],
  ["behind", ({ room }) => (room.last = 5), /knows global up to 5/],
  ["another one as the last", ({ room }) => (room.lastMessage.id = "7"), /7 as the last/],
  ["unread miscounted", ({ room }) => (room.unread = 2), /counts 2 unread/],
];

for (const [what, hurt, said] of wrongs)
  test(`${what}: is noticed`, async () => {
    const of = world();
    hurt(of);
    expect((await check(of, of.talkers)).join("\n")).toMatch(said);
  });
for (const [what, hurt, said] of seenWrongly)
  test(`${what}: is noticed`, async () => {
    const of = world("socket");
    hurt(of);
    expect((await check(of, of.talkers)).join("\n")).toMatch(said);
  });
