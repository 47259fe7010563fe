/** Mallory does all that she can at once, while others talk: they lose nothing and hardly notice. */
import { join } from "node:path";
import { Person, TestSocket } from "../support/client.ts";
import { atExit } from "../support/services.ts";
import { makeAccounts, openDirect, storeAll } from "./accounts.ts";
import { check, readAll } from "./checker.ts";
import { Talker } from "./crowd.ts";
import { type Fleet, footprintOf, startFleet } from "./fleet.ts";
import type { Attack } from "./mallory.ts";
import { type Scenario, soon } from "./scenario.ts";

type Size = Omit<Attack, "url" | "token" | "room">;
const SHORT: Size = { seconds: 12, logins: 1_500, frames: 10_000, sockets: 1_000, slow: 200, announcements: 100 };
const LONG: Size = { seconds: 60, logins: 5_000, frames: 10_000, sockets: 1_000, slow: 200, announcements: 500 };
const SMALL: Size = { seconds: 3, logins: 50, frames: 500, sockets: 50, slow: 9, announcements: 5 };
const TALKERS = { socket: 30, rest: 6 };
const SENDS_PER_SECOND = 30;
/** What it may grow by, for two seconds and more; and for a moment, until what is garbage already is collected. */
const GROWTH_MB = 100;
const PEAK_MB = 150;
const SAMPLE_MS = 100;
/** Of what it grew, so much may still be there a moment later. */
const STAYS_MB = 60;

export const attack: Scenario = {
  name: "attack",
  async run({ long, log, figure }) {
    if (process.platform !== "linux") return (log("skipped: its sockets are made of Linux' numbers"), []);
    const size = long ? LONG : SHORT;
    // The limits of a server as it comes; mallory's addresses come by a proxy.
    const fleet = await startFleet({
      processes: 1,
      env: {
        TRUSTED_PROXIES: "127.0.0.1",
        MESSAGE_RATE_LIMIT: "5",
        MESSAGE_RATE_BURST: "20",
        LOGIN_RATE_LIMIT: "300",
        CONNECT_RATE_LIMIT: "3000",
        PRESENCE_HEARTBEAT: "5",
        PRESENCE_EXPIRY: "20",
      },
    });
    try {
      const { pid } = fleet.slots[0]!.server!;
      const { talkers, witness, room, token } = await gather(fleet);
      const attack = { url: fleet.slots[0]!.server!.url, token, room };
      // Once in small, or what grows would be what grows at the first use of anything.
      await spawn({ ...SMALL, ...attack }).exited;
      const took = await listen(witness, talkers);
      await talk(talkers, Math.min(15, size.seconds));
      await settled(talkers);
      const quiet = took.splice(0);

      const before = footprintOf(pid).mb;
      const samples = [before];
      const measure = setInterval(() => samples.push(footprintOf(pid).mb), SAMPLE_MS);
      const mallory = spawn({ ...size, ...attack });
      await talk(talkers, size.seconds);
      await settled(talkers);
      const hard = took.splice(0);
      log(`mallory got ${(await new Response(mallory.stdout).text()).trim()}`);
      clearInterval(measure);
      // What is waited for, half-way connections and the garbage collector included.
      const isBack = () => footprintOf(pid).mb - before < STAYS_MB;
      const back = await soon(40_000, isBack).then(() => true, () => false); // prettier-ignore

      const { rows, removals } = await readAll((text) => fleet.sql.unsafe(text));
      const theirs = ({ stream }: { stream: string }) => stream !== room;
      const wrong = await check({ rows: rows.filter(theirs), removals: removals.filter(theirs) }, talkers);
      const [grown, peak] = [lasting(samples) - before, Math.max(...samples) - before].map(Math.round);
      figure("5,000 wrong log-ins, floods, slow clients at once: 99 in 100 messages to the others within, ms", within(hard, 0.99), within(quiet, 0.99)); // prettier-ignore
      figure("... half of them within, ms", within(hard, 0.5), within(quiet, 0.5));
      figure("... memory, for two seconds and more, MB", Math.round(before + grown!), Math.round(before));
      log(`memory grew by ${grown} MB, and by ${peak} MB for a moment`);
      if (hard.length < talkers.length) wrong.push(`the witness heard ${hard.length} messages only`);
      if (grown! > GROWTH_MB || peak! > PEAK_MB) wrong.push(`memory grew by ${grown} MB, for a moment by ${peak} MB`);
      if (!back) wrong.push(`${Math.round(footprintOf(pid).mb - before)} MB of memory stay`);
      if (fleet.slots[0]!.server?.pid !== pid) wrong.push("the process is another one");
      if (mallory.exitCode) wrong.push("mallory stumbled");
      for (const { client } of talkers) client.close();
      return [...wrong, ...fleet.ended.map((what) => `the process ended by itself: ${what}`)];
    } finally {
      await fleet.stop();
    }
  },
};

/** Who talks, who listens, and mallory, who has filled a conversation with as many bytes as fit. */
async function gather(fleet: Fleet) {
  const names = Array.from({ length: TALKERS.socket + TALKERS.rest }, (_, i) => `talker${i}`);
  const accounts = await makeAccounts(fleet.sql, [...names, "witness", "mallory", "accomplice"]);
  const [witness, mallory, accomplice] = accounts.splice(names.length);
  // Of all accounts this one has a password.
  await Person.signUp(fleet.url, "victim");
  const room = await openDirect(fleet.sql, mallory!, accomplice!);
  const content = `<b>${"\u0001".repeat(1_990)}`;
  await storeAll(fleet.sql, Array.from({ length: 200 }, () => ({ room, sender: mallory!.id, content })));
  const talkers = names.map((name, i) => new Talker(name, i < TALKERS.socket ? "socket" : "rest", fleet.url));
  for (const [i, talker] of talkers.entries()) await talker.signIn(accounts[i]!);
  for (let i = 0; i + 1 < TALKERS.socket; i += 2) {
    const pair = [talkers[i]!, talkers[i + 1]!];
    const stream = await openDirect(fleet.sql, accounts[i]!, accounts[i + 1]!);
    for (const talker of pair) talker.streams.push(stream);
  }
  const bySocket = talkers.filter(({ kind }) => kind === "socket");
  for (const { client } of bySocket) client.connect();
  await soon(20_000, () => bySocket.every(({ client }) => client.connection.state === "live"));
  return { talkers, witness: new Person(fleet.url, witness!.id, "witness", witness!.access, ""), room, token: mallory!.access };
} // prettier-ignore

/** @returns how long each message to the public room took until somebody else had it (ms), as they come */
async function listen(witness: Person, talkers: Talker[]): Promise<number[]> {
  const took: number[] = [];
  const socket: TestSocket = await witness.socket("global");
  socket.ws.addEventListener("message", ({ data }) => {
    const { message } = JSON.parse(data as string);
    if (!message) return;
    const said = talkers.find(({ name }) => name === message.sender.username)!.said;
    took.push(Date.now() - said.find(({ content }) => content === message.content)!.at);
  });
  return took;
}

async function talk(talkers: Talker[], seconds: number): Promise<void> {
  const startedAt = Date.now();
  for (let i = 0; i < seconds * SENDS_PER_SECOND; i++) {
    const talker = talkers[i % talkers.length]!;
    talker.say(talker.streams[i % talker.streams.length]!);
    await Bun.sleep(Math.max(0, startedAt + ((i + 1) * 1_000) / SENDS_PER_SECOND - Date.now()));
  }
}

async function settled(talkers: Talker[]): Promise<void> {
  await soon(30_000, () => talkers.every(({ unsent }) => unsent === 0)).catch(() => {});
  await Bun.sleep(500);
}

/** With what the others leave of the cores, as somebody far away would. */
function spawn(what: Attack) {
  const nicely = Bun.which("nice") ? ["nice", "-n", "19"] : [];
  const child = Bun.spawn([...nicely, process.execPath, join(import.meta.dir, "mallory.ts"), JSON.stringify(what)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  atExit(() => child.kill("SIGKILL"));
  return child;
}

/** The most that there was for two seconds on end. */
function lasting(samples: number[]): number {
  const many = 2_000 / SAMPLE_MS;
  return Math.max(...samples.slice(0, -many).map((_, i) => Math.min(...samples.slice(i, i + many))));
}

const within = (times: number[], part: number) => times.sort((a, b) => a - b)[Math.ceil(times.length * part) - 1] ?? -1;
