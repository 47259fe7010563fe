import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../ops/clock.ts";
import type { Counts } from "../ops/counts.ts";
import type { Figures } from "../protocol/admin.ts";
import type { Endpoint } from "../protocol/frames.ts";

/** What processes say to each other when somebody looks; nobody says anything while nobody does. */
export type FiguresMessage = { t: "ask"; id: string } | { t: "tell"; id: string; figures: Figures };

/** Who has not answered by then (ms) is busy or away, and missing from the picture. */
const PATIENCE_MS = 400;
const LOOK_EVERY_MS = 10;

/** One process, as it stands. */
export function figuresOf(id: string, sockets: { count(endpoint: Endpoint): number }, counts: Counts): Figures {
  const { user, system } = process.cpuUsage();
  const sum = (of: Record<string, number>) => Object.values(of).reduce((all, n) => all + n, 0);
  let commits = 0;
  return {
    process: id,
    uptime_s: process.uptime(),
    memory_bytes: process.memoryUsage.rss(),
    cpu_s: (user + system) / 1e6,
    sockets: { global: sockets.count("global"), private: sockets.count("private"), chat: sockets.count("chat") },
    messages: sum(counts.messages),
    frames: sum(counts.deliveries),
    commits: counts.commit.counts.map((n, i) => [toMs(counts.commit.bounds[i]), (commits += n)]),
  };
}

const toMs = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1_000);

/** The figures of all processes, asked for when somebody wants to see them. */
export function createLive({ bus, figures, clock }: { bus: Bus; figures: () => Figures; clock: Clock }) {
  const answers = new Map<string, Figures[]>();
  let asking: Promise<Figures[]> | null = null;

  async function ask(): Promise<Figures[]> {
    const others = (await bus.others()) ?? 0;
    const id = crypto.randomUUID();
    const told: Figures[] = [];
    answers.set(id, told);
    if (others) bus.publish({ kind: "figures", message: { t: "ask", id } });
    for (let waited = 0; told.length < others && waited < PATIENCE_MS; waited += LOOK_EVERY_MS)
      await clock.sleep(LOOK_EVERY_MS);
    answers.delete(id);
    return [figures(), ...told].sort((one, other) => (one.process < other.process ? -1 : 1));
  }

  return {
    /** Several who look at once share one question. */
    all: (): Promise<Figures[]> => (asking ??= ask().finally(() => (asking = null))),
    receive(message: FiguresMessage): void {
      if (message.t === "ask")
        bus.publish({ kind: "figures", message: { t: "tell", id: message.id, figures: figures() } });
      else answers.get(message.id)?.push(message.figures);
    },
  };
}
