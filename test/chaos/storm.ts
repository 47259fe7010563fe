/** Everybody talks while processes are killed, Redis is killed and frozen, and PostgreSQL is restarted. */
import { check, readAll } from "./checker.ts";
import { Talker } from "./crowd.ts";
import { type Fleet, footprintOf, startFleet } from "./fleet.ts";
import { type Scenario, soon } from "./scenario.ts";

const SHORT = { seconds: 30, sends: 1_200, sockets: 40, rest: 20, redis: 2, postgres: 1 };
const LONG = { seconds: 200, sends: 10_000, sockets: 100, rest: 100, redis: 5, postgres: 2 };
const CONVERSATIONS = 20;
const KILL_EVERY_MS = 2_000;
/** After the end of a fault everyone must be through again within this, their own waiting not counted. */
const THROUGH_MS = 5_000;

type Fault = { what: string; from: number; to: number };

export const storm: Scenario = {
  name: "storm",
  async run({ long, log, figure }) {
    const size = long ? LONG : SHORT;
    const fleet = await startFleet({
      processes: 3,
      env: { MESSAGE_RATE_LIMIT: "5", MESSAGE_RATE_BURST: "20", SIGNUP_RATE_LIMIT: "0", LOGIN_RATE_LIMIT: "0" },
    });
    try {
      const talkers = await gather(fleet, size.sockets, size.rest);
      log(`${talkers.length} people are there`);
      const before = await calmFootprint(fleet);
      const faults: Fault[] = [];
      const end = Date.now() + size.seconds * 1_000;
      const talking = talk(talkers, size.sends, size.seconds);
      await Promise.all([kills(fleet, end, faults), outages(fleet, end, faults, size)]);
      await talking;
      const calmAt = Date.now();
      const wrong: string[] = [];
      await soon(60_000, () => talkers.every((talker) => talker.unsent === 0)).catch(() => {});
      log(`${faults.length} faults; all said after ${Date.now() - calmAt} ms of calm`);
      await soon(45_000, () => sockets(talkers).every(({ client }) => client.connection.state === "live")).catch(
        () => {},
      );
      // One heartbeat and one look: whatever was lost without a word is noticed by then.
      await Bun.sleep(5_000);
      wrong.push(...(await check(await readAll((text) => fleet.sql.unsafe(text)), talkers)));
      const { worst, slowly } = slowToReturn(talkers, faults);
      figure(`${faults.length} faults: the slowest sender was through again after, ms`, worst);
      wrong.push(...slowly);
      wrong.push(...(await presence(talkers)));
      wrong.push(...fleet.ended.map((what) => `a process ended by itself: ${what}`));
      for (const { client } of talkers) client.close();
      const after = await calmFootprint(fleet);
      log(`footprint before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
      if (Math.max(...after.map(({ files }) => files)) > Math.max(...before.map(({ files }) => files)) + 10)
        wrong.push("files stay open");
      if (Math.max(...after.map(({ mb }) => mb)) > Math.max(...before.map(({ mb }) => mb)) + 60)
        wrong.push("memory stays");
      return wrong;
    } finally {
      await fleet.stop();
    }
  },
};

const sockets = (talkers: Talker[]) => talkers.filter(({ kind }) => kind === "socket");

async function gather(fleet: Fleet, bySocket: number, byRest: number): Promise<Talker[]> {
  const talkers = Array.from(
    { length: bySocket + byRest },
    (_, i) => new Talker(`talker${i}`, i < bySocket ? "socket" : "rest", fleet.url),
  );
  const todo = [...talkers];
  const work = async () => {
    for (let next = todo.pop(); next; next = todo.pop()) await next.signUp();
  };
  await Promise.all(Array.from({ length: 6 }, work));
  for (let i = 0; i < CONVERSATIONS; i++) {
    const [one, other] = [talkers[i % bySocket]!, talkers[(i * 7 + bySocket) % talkers.length]!];
    const stream = await one.client.openConversation(other.userId);
    for (const member of new Set([one, other])) member.streams.push(stream);
  }
  for (const { client } of sockets(talkers)) client.connect();
  await soon(20_000, () => sockets(talkers).every(({ client }) => client.connection.state === "live"));
  return talkers;
}

async function talk(talkers: Talker[], sends: number, seconds: number): Promise<void> {
  const pause = (seconds * 1_000) / sends;
  const startedAt = Date.now();
  for (let i = 0; i < sends; i++) {
    const talker = talkers[Math.floor(Math.random() * talkers.length)]!;
    talker.say(talker.streams[Math.floor(Math.random() * talker.streams.length)]!);
    const ahead = startedAt + (i + 1) * pause - Date.now();
    if (ahead > 0) await Bun.sleep(ahead);
  }
}

async function kills(fleet: Fleet, end: number, faults: Fault[]): Promise<void> {
  const running: Promise<void>[] = [];
  while (Date.now() < end) {
    const slot = fleet.slots[Math.floor(Math.random() * fleet.slots.length)]!;
    const fault = { what: "kill", from: Date.now(), to: Infinity };
    faults.push(fault);
    running.push(fleet.replace(slot, "SIGKILL").then(() => void (fault.to = Date.now())));
    await Bun.sleep(KILL_EVERY_MS);
  }
  await Promise.all(running);
}

async function outages(
  fleet: Fleet,
  end: number,
  faults: Fault[],
  { redis, postgres }: { redis: number; postgres: number },
): Promise<void> {
  const plan: [string, () => Promise<void>][] = [
    ...Array.from({ length: redis }, (_, i): [string, () => Promise<void>] =>
      i % 2 ? ["Redis killed", () => fleet.restartRedis(2_000)] : ["Redis frozen", () => fleet.freezeRedis(3_000)],
    ),
    ...Array.from({ length: postgres }, (_, i): [string, () => Promise<void>] => [
      `PostgreSQL ${i % 2 ? "restarted" : "crashed"}`,
      () => fleet.restartPostgres(i % 2 === 0),
    ]),
  ].sort(() => Math.random() - 0.5) as [string, () => Promise<void>][];
  const pause = (end - Date.now()) / (plan.length + 1);
  for (const [what, hurt] of plan) {
    await Bun.sleep(pause);
    const fault = { what, from: Date.now(), to: Infinity };
    faults.push(fault);
    await hurt();
    fault.to = Date.now();
  }
}

/** For each sender with something unsent at the end of a fault: until the next success, what they waited by choice and what broke anew left out. */
function slowToReturn(talkers: Talker[], faults: Fault[]): { worst: number; slowly: string[] } {
  const slowly: string[] = [];
  let worst = 0;
  for (const fault of faults) {
    for (const { name, said, backOffs } of talkers) {
      const open = said.filter(({ at, acked }) => at <= fault.to && acked && acked.at > fault.to);
      if (!open.length) continue;
      const through = Math.min(...open.map(({ acked }) => acked!.at));
      const others = faults.filter((other) => other !== fault).map(({ from, to }): [number, number] => [from, to]);
      const excused = covered([...backOffs, ...others], fault.to, through);
      const took = through - fault.to - excused;
      worst = Math.max(worst, took);
      if (took > THROUGH_MS) slowly.push(`${name} was through ${took} ms after ${fault.what}`);
    }
  }
  return { worst: Math.round(worst), slowly };
}

/** How much of a span is covered by any of these. */
function covered(spans: [number, number][], from: number, to: number): number {
  let [sum, at] = [0, from];
  for (const [start, end] of [...spans].sort((one, other) => one[0] - other[0])) {
    const [low, high] = [Math.max(at, start), Math.min(to, end)];
    if (high <= low) continue;
    sum += high - low;
    at = high;
  }
  return sum;
}

/** Everyone sees everyone who is connected; half of them leave, and are seen to have left. */
async function presence(talkers: Talker[]): Promise<string[]> {
  const [leaving, staying] = [sockets(talkers).filter((_, i) => i % 2), sockets(talkers).filter((_, i) => i % 2 === 0)];
  const seen = ({ client }: Talker) => [...client.state.presence.keys()].sort().join();
  const ids = (of: Talker[]) => of.map(({ userId }) => userId).sort().join(); // prettier-ignore
  const wrong: string[] = [];
  const agree = (of: Talker[]) => staying.every((talker) => seen(talker) === ids(of));
  await soon(20_000, () => agree(sockets(talkers))).catch(() => wrong.push("presence does not converge"));
  for (const { client } of leaving) client.close();
  await soon(25_000, () => agree(staying)).catch(() => wrong.push("who left is still shown"));
  return wrong;
}

/** Of processes that have been up for a moment. */
async function calmFootprint(fleet: Fleet): Promise<ReturnType<typeof footprintOf>[]> {
  await Bun.sleep(3_000);
  return fleet.footprint().map(({ mb, files }) => ({ mb: Math.round(mb), files }));
}
