/** Somebody is away while very much happens and every process is replaced; what they then hold is what a newcomer is shown. */
import { type Client, createClient, type Room } from "../../src/client/index.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { type ChatSocket, Person } from "../support/client.ts";
import { type Account, makeAccounts, openDirect, type Said, storageOf, storeAll } from "./accounts.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { OldClient } from "./old-client.ts";
import { type Options, type Scenario, soon } from "./scenario.ts";

const SHORT = { events: 3_000, conversations: 1_000 };
const LONG = { events: 20_000, conversations: 5_000 };
/** What was missed in conversations that there were before, and in new ones; beyond 500 nothing is replayed. */
const MISSED = { known: [0, 1, 40, 499, 500, 501, 700], new: [1, 60, 520] };
/** Each this many bytes in UTF-8, to be hard on what counts characters. */
const LONG_TEXT = "\u{1F40C}".repeat(120);

export const offline: Scenario = {
  name: "offline",
  async run({ long, log, figure }) {
    const size = long ? LONG : SHORT;
    const fleet = await startFleet({ processes: 2 });
    try {
      const wrong = await away(fleet, size.events, log, figure);
      wrong.push(...(await manyConversations(fleet, size.conversations, figure)));
      return [...wrong, ...fleet.ended.map((what) => `a process ended by itself: ${what}`)];
    } finally {
      await fleet.stop();
    }
  },
};

async function away(fleet: Fleet, events: number, log: Options["log"], figure: Options["figure"]): Promise<string[]> {
  const partners = MISSED.known.map((_, i) => `partner${i}`);
  const strangers = MISSED.new.map((_, i) => `stranger${i}`);
  const accounts = await makeAccounts(fleet.sql, ["traveller", "elder", ...partners, ...strangers]);
  const [traveller, elder, ...others] = accounts as [Account, Account, ...Account[]];
  const known: string[] = [];
  for (const partner of others.slice(0, partners.length)) {
    const room = await openDirect(fleet.sql, traveller, partner);
    known.push(room);
    await storeAll(fleet.sql, [...talk(room, partner, 5), ...talk(room, traveller, 5)]);
  }
  const [first] = known as [string];
  await storeAll(fleet.sql, talk(GLOBAL_ROOM, others, 30));
  // Speaks the first part of the protocol, in the public room and in conversations with everybody else.
  const old = new OldClient(fleet.url, elder);
  const olds = await Promise.all(others.slice(0, 3).map((other) => openDirect(fleet.sql, elder, other)));
  old.start();

  const [client, ...clients] = (await Promise.all([traveller, ...others].map((each) => enter(fleet, each)))) as [Client, ...Client[]]; // prettier-ignore
  await soon(20_000, () => client.state.presence.size === accounts.length);
  for (const room of client.state.streams.keys()) await client.loadLatest(room);
  client.markRead(first);
  await soon(5_000, () => clients[0]!.state.streams.get(first)!.othersReadSeq === 10);
  client.close();

  const rooms = [...known];
  for (const stranger of others.slice(partners.length)) rooms.push(await openDirect(fleet.sql, traveller, stranger));
  const amounts = [...MISSED.known, ...MISSED.new];
  const direct = amounts.flatMap((amount, i) => talk(rooms[i]!, others[i]!, amount));
  const inOlds = olds.flatMap((room, i) => talk(room, others[i]!, 120));
  const inGlobal = talk(GLOBAL_ROOM, others, Math.max(600, events - direct.length - inOlds.length));
  const all = interleave([direct, inOlds, inGlobal]);
  log(`${all.length} events are missed`);
  const half = all.length >> 1;
  await storeAll(fleet.sql, all.slice(0, half));
  await fleet.replace(fleet.slots[0]!, "SIGKILL");
  await storeAll(fleet.sql, all.slice(half, half + (half >> 1)));
  await fleet.replace(fleet.slots[1]!, "SIGTERM");
  // On another device some is read, and the others read some.
  const elsewhere = new Person(fleet.url, traveller.id, traveller.name, traveller.access, traveller.refresh);
  for (const [i, room] of known.entries())
    if (i % 2) await elsewhere.post(`/api/chat/conversations/${room}/read/`, { up_to: new Date().toISOString() });
  await soon(20_000, () => clients.every(({ connection }) => connection.state === "live"));
  for (const [i, each] of clients.entries()) each.markRead(rooms[i]!);
  await storeAll(fleet.sql, all.slice(half + (half >> 1)));
  for (const each of clients.slice(0, 2)) each.close();
  await Bun.sleep(5_000);

  const from = performance.now();
  client.connect();
  await soon(20_000, () => client.connection.state === "live");
  figure(`Back after ${all.length} events, on another process: ms`, Math.round(performance.now() - from));
  const fresh = await enter(fleet, traveller);
  const wrong: string[] = [];
  for (const room of ["global", ...rooms]) {
    const held = client.state.streams.get(room)?.messages.length;
    await Promise.all([client.loadLatest(room), fresh.loadLatest(room)]);
    wrong.push(...differences(client, fresh, room, held));
  }
  const present = (of: Client) => JSON.stringify([...of.state.presence].sort());
  await soon(5_000, () => present(client) === present(fresh)).catch(() => wrong.push("presence differs"));
  if (client.state.presence.size !== accounts.length - 2)
    wrong.push(`${client.state.presence.size} are shown as online`);
  if (client.state.streams.size !== fresh.state.streams.size) wrong.push("not the same rooms are known");
  wrong.push(...(await old.end(fleet.sql, ["global", ...olds])));
  for (const each of [client, fresh, ...clients]) each.close();
  return wrong;
}

const open = (fleet: Fleet, account: Account) => createClient({ url: fleet.url, storage: storageOf(account) });

async function enter(fleet: Fleet, account: Account): Promise<Client> {
  const client = open(fleet, account);
  await client.restore();
  client.connect();
  await soon(20_000, () => client.connection.state === "live");
  return client;
}

function talk(room: string, who: { id: string } | { id: string }[], n: number): Said[] {
  const of = [who].flat();
  return Array.from({ length: n }, (_, i) => ({ room, sender: of[i % of.length]!.id, content: `event ${i}` }));
}

/** All of them, mixed, each in its order. */
function interleave<T>(lists: T[][]): T[] {
  const placed = lists.flatMap((list) => list.map((value, i) => ({ value, at: (i + 0.5) / list.length })));
  return placed.sort((one, other) => one.at - other.at).map(({ value }) => value);
}

function differences(client: Client, fresh: Client, room: string, held: number | undefined): string[] {
  const [mine, theirs] = [client.state.streams.get(room), fresh.state.streams.get(room)];
  if (!mine || !theirs) return [`${room} is unknown to ${mine ? "the newcomer" : "who came back"}`];
  const { messages, typing: _, olderLeft: __, ...rest } = mine;
  const wrong = Object.entries(rest)
    .filter(([key]) => key in SHOWN && !Bun.deepEquals(mine[key as "last"], theirs[key as "last"]))
    .map(
      ([key, value]) =>
        `${room} (held ${held}): ${key} is ${JSON.stringify(value)}, not ${JSON.stringify(theirs[key as "last"])}`,
    );
  const end = messages.slice(-theirs.messages.length);
  if (!Bun.deepEquals(end, theirs.messages)) wrong.push(`${room} (held ${held}): other messages are shown`);
  if (messages.some(({ seq }, i) => i > 0 && seq !== messages[i - 1]!.seq + 1)) wrong.push(`${room} has a hole`);
  return wrong;
}
const SHOWN = { stream: 1, kind: 1, participants: 1, last: 1, loaded: 1, readSeq: 1, othersReadSeq: 1, unread: 1, lastMessage: 1, updatedAt: 1 }; // prettier-ignore

/** Somebody with very many conversations, in all of which something happened: small frames, and each room whole or told as not. */
async function manyConversations(fleet: Fleet, n: number, figure: Options["figure"]): Promise<string[]> {
  const long = "Ж".repeat(24);
  const names = ["popular", ...Array.from({ length: n }, (_, i) => `${long}${i}`)];
  const [popular, ...friends] = (await makeAccounts(fleet.sql, names)) as [Account, ...Account[]];
  const rooms = new Map<string, string>();
  for (let i = 0; i < n; i += 100)
    for (const friend of friends.slice(i, i + 100)) rooms.set(await openDirect(fleet.sql, popular, friend), friend.id);
  const say = (times: (i: number) => number) =>
    storeAll(fleet.sql, [...rooms].flatMap(([room, sender], i) => Array.from({ length: times(i) }, () => ({ room, sender, content: LONG_TEXT })))); // prettier-ignore
  await say(() => 1);
  const person = new Person(fleet.url, popular.id, popular.name, popular.access, popular.refresh);
  const before = await person.chat();
  const { since } = before.resumed;
  await before.close();
  const client = await enter(fleet, popular);
  client.close();
  await say((i) => 1 + (i % 5));

  const from = performance.now();
  // It happens while it is told of: then there may be more than is kept for who comes back, and it comes again, as late as a client does.
  const attempt = (waitMs: number): Promise<ChatSocket> =>
    person.chat({ epoch: before.hello.epoch, since }).catch(async (error) => {
      if (waitMs > 4_000) throw error;
      await Bun.sleep(waitMs);
      return attempt(2 * waitMs);
    });
  const socket = await attempt(500);
  const ms = Math.round(performance.now() - from);
  const { streams } = socket.resumed;
  const wrong: string[] = [];
  const missed = Map.groupBy(socket.missed, ({ stream }) => stream);
  let [i, whole] = [0, 0];
  for (const room of rooms.keys()) {
    const head = 2 + (i++ % 5);
    const told = streams[room];
    const seqs = (missed.get(room) ?? []).map(({ seq, prev }) => `${prev}-${seq}`).join();
    const due = Array.from({ length: head - 1 }, (_, j) => `${j ? j + 1 : 0}-${j + 2}`).join();
    if (told?.head_seq !== head) wrong.push(`of ${room} the head is told as ${told?.head_seq}, not ${head}`);
    else if (seqs !== (told.complete ? due : ""))
      wrong.push(`${room} is ${told.complete ? "" : "not "}complete with ${seqs}`);
    if (told?.complete) whole++;
  }
  if (!whole) wrong.push("nothing at all was told");
  if (socket.largest > 64 * 1024) wrong.push(`a frame has ${socket.largest} bytes`);
  figure(`${n} conversations changed, ${whole} of them told whole: ms`, ms);
  figure("... bytes of the largest frame", socket.largest);
  await socket.close();

  client.connect();
  await soon(20_000, () => client.connection.state === "live");
  const fresh = await enter(fleet, popular);
  for (const each of [client, fresh]) while (each.state.more) await each.loadConversations();
  const listed = ({ participants, unread, lastMessage, updatedAt }: Room) => {
    const { content, timestamp, sender_id } = lastMessage ?? {};
    return { participants, unread, updatedAt, last: { content, timestamp, sender_id } };
  };
  for (const room of rooms.keys()) {
    const [mine, theirs] = [client, fresh].map(({ state }) => listed(state.streams.get(room)!));
    if (!Bun.deepEquals(mine, theirs))
      wrong.push(`${room} is listed as ${JSON.stringify(mine)}, not ${JSON.stringify(theirs)}`);
  }
  for (const each of [client, fresh]) each.close();
  return wrong;
}
