/** The embedded database, whose process is killed at any moment, the first start included: it opens again, and keeps its word. */
import { readdirSync } from "node:fs";
import { openEmbedded } from "../../src/db/embedded.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { SECRET, startServer, type TestServer } from "../support/server.ts";
import { freePort, silent, tempDir } from "../support/services.ts";
import { Person } from "../support/client.ts";
import { check, readAll } from "./checker.ts";
import { Talker } from "./crowd.ts";
import { type Scenario, soon } from "./scenario.ts";

/** `first`: kills during the first start on a fresh folder; `under load`: kills of one that people talk with. */
const SHORT = { first: 4, underLoad: 6 };
const LONG = { first: 20, underLoad: 50 };
const PEOPLE = { socket: 6, rest: 6 };
const SAID_EVERY_MS = 10;
const OPENS_WITHIN_MS = 10_000;

type Log = (line: string) => void;

export const embedded: Scenario = {
  name: "embedded",
  async run({ long, log }) {
    const { first, underLoad } = long ? LONG : SHORT;
    return [...(await firstStarts(first, log)), ...(await kills(underLoad, log))];
  },
};

/** Killed somewhere between nothing and being ready, on a folder that was empty; then the next start must do. */
async function firstStarts(n: number, log: Log): Promise<string[]> {
  const wrong: string[] = [];
  const undisturbed = new Place(await tempDir(), await freePort());
  await undisturbed.open();
  await undisturbed.kill();
  const [usual] = undisturbed.took as [number];
  for (let i = 0; i < n; i++) {
    const place = new Place(await tempDir(), await freePort());
    // From end to end, so that each part of the start is met; the unpacking, which is short, every other time.
    if (i % 2) await place.openAndKill((usual * (i + Math.random())) / n);
    else await place.unpackAndKill((Math.random() * usual) / 10);
    try {
      await place.open();
      const person = await Person.signUp(place.url);
      const { id } = await (await person.socket("global")).say({ content: "here" });
      if (id !== 1) wrong.push(`the first message is number ${id} after a killed first start`);
      await person.closeAll();
    } catch (error) {
      wrong.push(`after a killed first start: ${error}`);
    }
    wrong.push(...place.slow());
    await place.kill();
  }
  log(`${n} first starts of about ${Math.round(usual)} ms were killed`);
  return wrong;
}

async function kills(n: number, log: Log): Promise<string[]> {
  const place = new Place(await tempDir(), await freePort());
  await place.open();
  const talkers = Array.from(
    { length: PEOPLE.socket + PEOPLE.rest },
    (_, i) => new Talker(`talker${i}`, i < PEOPLE.socket ? "socket" : "rest", place.url),
  );
  for (const talker of talkers) await talker.signUp();
  for (const [i, one] of talkers.entries()) {
    const other = talkers[(i + 1) % talkers.length]!;
    const room = await one.client.openConversation(other.userId);
    for (const member of [one, other]) member.streams.push(room);
  }
  const bySocket = talkers.filter(({ kind }) => kind === "socket");
  for (const { client } of bySocket) client.connect();
  let talking = true;
  const talked = (async () => {
    for (; talking; await Bun.sleep(SAID_EVERY_MS)) {
      const talker = talkers[Math.floor(Math.random() * talkers.length)]!;
      // People stop typing where nothing goes out.
      if (talker.unsent < 20) talker.say(talker.streams[Math.floor(Math.random() * talker.streams.length)]!);
    }
  })();

  const wrong: string[] = [];
  let early = 0;
  for (let i = 0; i < n; i++) {
    await Bun.sleep(100 + Math.random() * 1_400);
    await place.kill();
    // Sometimes it is killed again before it is open.
    if (Math.random() < 0.3 && ++early) await place.openAndKill(Math.random() * place.took[0]!);
    await place.open();
  }
  talking = false;
  await talked;
  await soon(60_000, () => talkers.every((talker) => talker.unsent === 0)).catch(() => {});
  await place.kill();
  const db = await openEmbedded(place.dataDir, systemClock, silent);
  const stored = await readAll((text) => db.query(text, []));
  await db.close();
  await place.open();
  const allLive = () => bySocket.every(({ client }) => client.connection.state === "live");
  await soon(45_000, allLive).catch(() => wrong.push("not everybody is back"));
  wrong.push(...(await check(stored, talkers)), ...place.slow());
  for (const { client } of talkers) client.close();
  log(`${stored.rows.length} messages and ${stored.removals.length} removals over ${n} kills and ${early} more while opening; it opens in ${Math.round(Math.max(...place.took))} ms at most`); // prettier-ignore
  await place.kill();
  return wrong;
}

/** A folder with a database in it, and the process that serves it. */
class Place {
  readonly url: string;
  /** How long each start took (ms). */
  readonly took: number[] = [];
  private server: TestServer | null = null;

  constructor(
    readonly dataDir: string,
    private readonly port: number,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  private start(spawned?: (kill: () => void) => void): Promise<TestServer> {
    return startServer({ DATA_DIR: this.dataDir, SECRET_KEY: SECRET, PORT: String(this.port) }, [], undefined, spawned);
  }

  async open(): Promise<void> {
    const from = performance.now();
    this.server = await this.start();
    this.took.push(performance.now() - from);
  }

  /** Killed after `ms`, ready or not. */
  async openAndKill(ms: number): Promise<void> {
    const server = await this.start((kill) => setTimeout(kill, ms)).catch(() => null);
    await server?.exited;
  }

  /** Killed `ms` after the first of the database's files came. */
  async unpackAndKill(ms: number): Promise<void> {
    const hasBegun = () => readdirSync(this.dataDir).some((name) => name.startsWith("pg"));
    const server = await this.start(async (kill) => {
      for (let i = 0; i < 5_000 && !hasBegun(); i++) await Bun.sleep(1);
      setTimeout(kill, ms);
    }).catch(() => null);
    await server?.exited;
  }

  async kill(): Promise<void> {
    await this.server?.kill("SIGKILL");
  }

  slow(): string[] {
    return this.took.filter((ms) => ms > OPENS_WITHIN_MS).map((ms) => `opening took ${Math.round(ms)} ms`);
  }
}
