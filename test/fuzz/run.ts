/**
 * `bun test/fuzz/run.ts [cases] [kind] [seed] [path]`: anything that can be said to a real server, frame by frame and request by request.
 * Prints the first case that was not answered as promised, and how to see it again; then exits 1.
 */
import fc from "fast-check";
import { Person } from "../support/client.ts";
import { clusterRig, embeddedRig, type Rig } from "../support/server.ts";
import { cleanUp, haveServices } from "../support/services.ts";
import { frameFor, Talker, type Things } from "./frames.ts";
import { Asker, request } from "./requests.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";

/** So many cases go out at once, before the answers are judged. */
const BATCH = 24;
/** Side by side, and which share of the cases each has. */
const KINDS = {
  global: { workers: 1, share: 0.12 },
  private: { workers: 1, share: 0.12 },
  chat: { workers: 2, share: 0.26 },
  stranger: { workers: 1, share: 0.05 },
  rest: { workers: 3, share: 0.45 },
};
type Kind = keyof typeof KINDS;

const [cases = 100_000, only, seed = Date.now() % 1_000_000, path] = process.argv
  .slice(2)
  .map((arg, i) => (i === 0 || i === 2 ? Number(arg) : arg)) as [number?, Kind?, number?, string?];

/** Somebody with a conversation of their own, and everything that a case can name. */
async function thingsFor(rig: Rig): Promise<{ person: Person; things: Things }> {
  const [person, friend, stranger, another] = (await Promise.all(Array.from({ length: 4 }, () => Person.signUp(rig.url())))) as [Person, Person, Person, Person]; // prettier-ignore
  const [own, foreign] = [await person.conversationWith(friend), await stranger.conversationWith(another)];
  const say = async (who: Person, where: string) => (await who.post(`/api/chat/${where}/messages/`, { content: "hello" })).body.id; // prettier-ignore
  const other = await person.logIn();
  const things: Things = {
    own,
    OWN: own.toUpperCase(),
    foreign,
    absent: crypto.randomUUID(),
    me: person.id,
    friend: friend.id,
    stranger: stranger.id,
    message: await say(person, `conversations/${own}`),
    foreignMessage: await say(stranger, `conversations/${foreign}`),
    globalMessage: String(await say(person, "global")),
    access: person.access,
    refresh: other.refresh,
    foreignAccess: stranger.access,
    foreignRefresh: stranger.refresh,
    publicRoom: GLOBAL_ROOM,
  };
  // A room's first message may be told a moment after it was taken: then nothing comes that is not due.
  await Bun.sleep(2_000);
  return { person, things };
}

async function work(kind: Kind, rig: Rig, cases: number, seed: number): Promise<number> {
  const { person, things } = await thingsFor(rig);
  let done = 0;
  let first: string | undefined;
  const batch = <T>(arbitrary: fc.Arbitrary<T>, judge: (all: T[]) => Promise<void>) => {
    const property = fc.asyncProperty(
      fc.array(arbitrary, { minLength: 1, maxLength: BATCH, size: "max" }),
      async (all) => {
        done += all.length;
        await judge(all).catch((error: Error) => {
          first ??= error.message.split("\n")[0];
          throw error;
        });
      },
    );
    // Batches are of any length, so the cases are counted.
    const enough = async () => {
      for (let round = 0; done < cases; round++) {
        const report = await fc.check(property, { seed: seed + round, numRuns: path ? 1 : 50, ...(path && { path }) });
        if (report.failed) {
          const error = (report.errorInstance as Error).message.split("\n")[0];
          console.log(
            `${kind}: ${error}${first === error ? "" : ` (at first: ${first})`}\n${JSON.stringify(report.counterexample).slice(0, 2_000)}`,
          );
          console.log(`again: bun test/fuzz/run.ts 1 ${kind} ${report.seed} ${report.counterexamplePath}`);
          return -1;
        }
        if (path) break;
      }
      return done;
    };
    return enough();
  };
  if (kind === "rest") {
    const asker = new Asker(person, things);
    return batch(request, (all) => asker.ask(all));
  }
  const talker = new Talker(kind === "stranger" ? "chat" : kind, person, things);
  return batch(frameFor(talker.endpoint), (all) => (kind === "stranger" ? talker.sayAsStranger(all) : talker.say(all)));
}

const env = { MAX_SOCKETS_PER_USER: "0", PRESENCE_HEARTBEAT: "30", PRESENCE_EXPIRY: "60" };
// A short run is a part of the suite and takes the database that waits for no disk; a long one is of the other.
const rig = await (cases >= 20_000 && haveServices ? clusterRig(env, 1) : embeddedRig(env));
const workers = Object.entries(KINDS)
  .filter(([kind]) => !only || kind === only)
  .flatMap(([kind, { workers, share }], k) =>
    Array.from({ length: only ? 1 : workers }, (_, i) => work(kind as Kind, rig, Math.ceil(only ? cases : (cases * share) / workers), seed + (only ? 0 : 1_000_000 * (k * 10 + i)))),
  ); // prettier-ignore
const done = await Promise.all(workers);
const output = rig.servers[0]!.output();
const defects = output.split("\n").filter((line) => /request failed|a frame failed|panic|error:/i.test(line));
for (const line of defects.slice(0, 5)) console.log(`the server's log: ${line}`);
const failed = done.some((n) => n < 0) || defects.length > 0;
if (!failed) console.log(`${done.reduce((a, b) => a + b)} cases: everything answered as promised`);
await rig.stop();
cleanUp();
process.exit(failed ? 1 : 0);
