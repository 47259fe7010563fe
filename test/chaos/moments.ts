/** A process dies at each moment in the life of a send, again and again, while the sender goes on as if nothing were. */
import { check, readAll } from "./checker.ts";
import { Talker } from "./crowd.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { type Scenario, soon } from "./scenario.ts";

const MOMENTS = ["validated", "storing", "committed", "published", "answered"];
const DEATHS = { short: 2, long: 200 };

export const moments: Scenario = {
  name: "moments",
  async run({ long, log }) {
    const fleet = await startFleet({ processes: 3, env: { MESSAGE_RATE_LIMIT: "0", SIGNUP_RATE_LIMIT: "0" } });
    try {
      const talkers = await gather(fleet);
      const deaths = new Map(MOMENTS.map((moment) => [moment, 0]));
      let over = false;
      const talking = talkers.map(async (talker, i) => {
        while (!over) {
          if (talker.unsent < 3) talker.say(talker.streams[i % talker.streams.length]!);
          await Bun.sleep(20 + Math.random() * 40);
          // Moves on, or it would stay where nobody dies.
          if (talker.kind === "socket" && Math.random() < 0.05) {
            talker.client.close();
            talker.client.connect();
          }
        }
      });
      // One of them always dies; the two others see what it leaves behind.
      const most = long ? DEATHS.long : DEATHS.short;
      await Promise.all(
        fleet.slots.slice(1).map(async (slot, s) => {
          for (let i = s; i < most * MOMENTS.length; i += fleet.slots.length - 1) {
            const moment = MOMENTS[i % MOMENTS.length]!;
            await fleet.replace(slot, "SIGKILL", { KILL_AT: `${moment}:${1 + (i % 4)}` });
            const died = await soon(15_000, () => slot.server === null).then(
              () => true,
              () => false,
            );
            if (died) deaths.set(moment, deaths.get(moment)! + 1);
          }
          await fleet.replace(slot, "SIGKILL");
        }),
      );
      over = true;
      await Promise.all(talking);
      await soon(60_000, () => talkers.every(({ unsent }) => unsent === 0)).catch(() => {});
      await Bun.sleep(5_000);
      log(`died ${[...deaths].map(([moment, n]) => `${n} times when ${moment}`).join(", ")}`);
      const wrong = await check(await readAll((text) => fleet.sql.unsafe(text)), talkers);
      for (const [moment, n] of deaths) if (n < most) wrong.push(`died only ${n} of ${most} times when ${moment}`);
      return [...wrong, ...fleet.ended.map((what) => `a process ended by itself: ${what}`)];
    } finally {
      await fleet.stop();
    }
  },
};

async function gather(fleet: Fleet): Promise<Talker[]> {
  const talkers = Array.from({ length: 12 }, (_, i) => new Talker(`talker${i}`, i % 3 ? "socket" : "rest", fleet.url));
  for (const talker of talkers) await talker.signUp();
  for (let i = 0; i < talkers.length; i += 2) {
    const [one, other] = [talkers[i]!, talkers[i + 1]!];
    const stream = await one.client.openConversation(other.userId);
    one.streams.push(stream);
    other.streams.push(stream);
  }
  for (const { client, kind } of talkers) if (kind === "socket") client.connect();
  return talkers;
}
