/** One process after the other is replaced in good order, under people who talk: nobody loses anything, hardly anybody notices. */
import { makeAccounts } from "./accounts.ts";
import { check, readAll } from "./checker.ts";
import { Talker } from "./crowd.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { type Scenario, soon } from "./scenario.ts";

const SHORT = { people: 200, rounds: 1 };
const LONG = { people: 500, rounds: 3 };
const PER_SECOND = 20;
/** No more than this part of all may come back within one such span (ms). */
const CROWD = { part: 0.1, ms: 100 };

export const rolling: Scenario = {
  name: "rolling",
  async run({ long, log, figure }) {
    const { people, rounds } = long ? LONG : SHORT;
    const fleet = await startFleet({ processes: 2 });
    const polls = [new Poll(fleet.url, true), new Poll(fleet.url, false)];
    try {
      const talkers = await gather(fleet, people);
      const [anyone] = await makeAccounts(fleet.sql, ["reader"]);
      for (const poll of polls) void poll.run(anyone!.access);
      let talking = true;
      const talked = talk(talkers, () => talking);
      const calmAt = Date.now();
      const wrong: string[] = [];
      for (let round = 0; round < rounds; round++) {
        for (const slot of fleet.slots) {
          await Bun.sleep(3_000);
          const from = Date.now();
          await fleet.replace(slot, "SIGTERM");
          await allLive(talkers).catch(() => wrong.push("not all came back"));
          const connects = talkers
            .flatMap((talker) => talker.connects.filter((at) => at >= from))
            .sort((a, b) => a - b);
          log(`${connects.length} came back: ${spread(connects, from)}`);
          const most = densest(connects);
          figure(`A process restarted under ${people} people: most that came back in ${CROWD.ms} ms`, most);
          if (most > CROWD.part * people) wrong.push(`${most} of ${people} came back within ${CROWD.ms} ms`);
          const often = talkers.filter(({ connects }) => connects.filter((at) => at >= from).length > 1);
          if (often.length) wrong.push(`${often.length} had to come back more than once from one restart`);
        }
      }
      talking = false;
      await talked;
      await soon(20_000, () => talkers.every((talker) => talker.unsent === 0)).catch(() => {});
      // Graces that run out late would be seen by now.
      await Bun.sleep(7_000);
      for (const poll of polls) wrong.push(...poll.end(log));
      wrong.push(...(await check(await readAll((text) => fleet.sql.unsafe(text)), talkers)));
      const byName = new Map(talkers.map((talker) => [talker.name, talker]));
      for (const { name, client, seenLeaving } of talkers) {
        for (const { who, at, told } of seenLeaving) {
          // Who came back in the same moment may be missing in a list, until the next batch of changes.
          const cameToo = byName.get(who)!.connects.some((then) => Math.abs(then - at) < 1_000);
          if (at > calmAt && told) wrong.push(`${name} was told that ${who} left`);
          if (at > calmAt && !told && !cameToo) wrong.push(`${name} came back and missed ${who}`);
        }
        if (client.state.presence.size !== people)
          wrong.push(`${name} sees ${client.state.presence.size} of ${people}`);
      }
      const waits = talkers.flatMap(({ said }) => said.map(({ at, acked }) => (acked?.at ?? Infinity) - at));
      figure(
        `Processes restarted under ${people} people: the slowest of ${waits.length} sends, ms`,
        Math.max(...waits),
      );
      wrong.push(...fleet.ended.map((what) => `a process ended by itself: ${what}`));
      for (const { client } of talkers) client.close();
      return wrong;
    } finally {
      for (const poll of polls) poll.end(() => {});
      await fleet.stop();
    }
  },
};

async function gather(fleet: Fleet, people: number): Promise<Talker[]> {
  const names = Array.from({ length: people }, (_, i) => `talker${i}`);
  const accounts = await makeAccounts(fleet.sql, names);
  const talkers = names.map((name) => new Talker(name, "socket", fleet.url));
  for (const [i, talker] of talkers.entries()) {
    await talker.signIn(accounts[i]!);
    talker.client.connect();
    if (i % 20 === 19) await Bun.sleep(50);
  }
  await allLive(talkers);
  await soon(20_000, () => talkers.every(({ client }) => client.state.presence.size === people));
  return talkers;
}

const allLive = (talkers: Talker[]) =>
  soon(20_000, () => talkers.every(({ client }) => client.connection.state === "live"));

async function talk(talkers: Talker[], goesOn: () => boolean): Promise<void> {
  const startedAt = Date.now();
  for (let i = 1; goesOn(); i++) {
    talkers[Math.floor(Math.random() * talkers.length)]!.say("global");
    await Bun.sleep(Math.max(0, startedAt + (i * 1_000) / PER_SECOND - Date.now()));
  }
}

/** The most that came within one span. */
function densest(times: number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + CROWD.ms).length));
}

/** How many came in each half second. */
function spread(times: number[], from: number): string {
  const counts: number[] = [];
  for (const at of times) counts[Math.floor((at - from) / 500)] = (counts[Math.floor((at - from) / 500)] ?? 0) + 1;
  return `each half second ${Array.from(counts, (n) => n ?? 0).join(" ")}, at most ${densest(times)} in ${CROWD.ms} ms`;
}

/** Asks over REST all the time, over one connection or over one for each request. */
class Poll {
  private asked = 0;
  private again = 0;
  private wrong: string[] = [];
  private ended = false;

  constructor(
    private readonly url: string,
    private readonly keepAlive: boolean,
  ) {}

  async run(token: string): Promise<void> {
    for (; !this.ended; await Bun.sleep(20)) {
      this.asked++;
      const first = await this.ask(token);
      if (first === null) continue;
      this.again++;
      const second = await this.ask(token);
      if (second !== null) this.wrong.push(`REST needed more than one retry: ${first}, then ${second}`);
    }
  }

  /** @returns what was wrong */
  private async ask(token: string): Promise<string | null> {
    try {
      const response = await fetch(`${this.url}/api/chat/global/messages/?limit=1`, {
        headers: { Authorization: `Bearer ${token}`, ...(!this.keepAlive && { Connection: "close" }) },
        keepalive: this.keepAlive,
      });
      await response.text();
      return response.ok ? null : `status ${response.status}`;
    } catch (error) {
      return String(error);
    }
  }

  end(log: (line: string) => void): string[] {
    this.ended = true;
    log(
      `${this.asked} requests ${this.keepAlive ? "over kept connections" : "each by itself"}, ${this.again} sent again`,
    );
    return this.wrong;
  }
}
