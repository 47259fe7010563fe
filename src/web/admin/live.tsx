import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Figures, Live as Answer } from "../../protocol/admin.ts";
import { api, saidOf } from "./api.ts";

/** Between two looks (ms), and how many are kept: five minutes. */
const EVERY = 2_000;
const KEPT = 150;

type Point = {
  messages: number;
  frames: number;
  sockets: number;
  online: number;
  p50: number;
  p99: number;
  cpu: number;
  memory: number;
};

const sumOf = (all: readonly Figures[], of: (one: Figures) => number) => all.reduce((sum, one) => sum + of(one), 0);
const socketsOf = ({ sockets }: Figures) => sockets.global + sockets.private + sockets.chat;

/** What happened between two answers. A process that is new in the second one has no past to compare with. */
function pointOf(before: Answer, now: Answer): Point {
  const seconds = Math.max(0.1, (Date.parse(now.now) - Date.parse(before.now)) / 1_000);
  const pairs = now.processes.flatMap((one) => {
    const old = before.processes.find(({ process }) => process === one.process);
    return old ? [[old, one] as const] : [];
  });
  const rate = (of: (one: Figures) => number) =>
    pairs.reduce((sum, [old, one]) => sum + of(one) - of(old), 0) / seconds;
  const commits = (now.processes[0]?.commits ?? []).map(
    ([ms], i) => [ms, pairs.reduce((sum, [old, one]) => sum + one.commits[i]![1] - old.commits[i]![1], 0)] as const,
  );
  return {
    messages: rate((one) => one.messages),
    frames: rate((one) => one.frames),
    cpu: rate((one) => one.cpu_s),
    sockets: sumOf(now.processes, socketsOf),
    memory: sumOf(now.processes, (one) => one.memory_bytes),
    online: now.users_online,
    p50: quantile(commits, 0.5),
    p99: quantile(commits, 0.99),
  };
}

/** The bound below which that part of a cumulative histogram lies; 0 for an empty one. */
function quantile(buckets: readonly (readonly [ms: number | null, count: number])[], q: number): number {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!total) return 0;
  const i = buckets.findIndex(([, count]) => count >= q * total);
  return buckets[i]![0] ?? buckets.at(-2)?.[0] ?? 0;
}

const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3, notation: "compact" });
const CHARTS: [title: string, of: (point: Point) => number, words: (value: number) => string][] = [
  ["Messages a second", (p) => p.messages, (v) => short.format(v)],
  ["Frames sent a second", (p) => p.frames, (v) => short.format(v)],
  ["People online", (p) => p.online, (v) => short.format(v)],
  ["Sockets", (p) => p.sockets, (v) => short.format(v)],
  ["Half of the commits within", (p) => p.p50, (v) => (v ? `${short.format(v)} ms` : "–")],
  ["99 in 100 commits within", (p) => p.p99, (v) => (v ? `${short.format(v)} ms` : "–")],
  ["Processor cores used", (p) => p.cpu, (v) => v.toFixed(2)],
  ["Memory", (p) => p.memory, (v) => `${Math.round(v / 1e6)} MB`],
];

export function Live() {
  const points = useSignal<readonly Point[]>([]);
  const last = useSignal<Answer | null>(null);
  const problem = useSignal("");

  useEffect(() => {
    let timer = 0;
    let over = false;
    async function look(): Promise<void> {
      try {
        const now = await api.live();
        if (last.value) points.value = [...points.value, pointOf(last.value, now)].slice(-KEPT);
        last.value = now;
        problem.value = "";
      } catch (error) {
        problem.value = saidOf(error);
      }
      if (!over) timer = setTimeout(look, EVERY);
    }
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);

  return (
    <>
      <div class="charts">
        {CHARTS.map(([title, of, words]) => (
          <figure key={title} class="chart">
            <figcaption>
              {title}
              <output>{points.value.length ? words(of(points.value.at(-1)!)) : "…"}</output>
            </figcaption>
            <Line values={points.value.map(of)} />
          </figure>
        ))}
      </div>
      {problem.value && <p class="wrong rest">{problem.value}</p>}
      <h2>Processes</h2>
      <ul class="table">
        {last.value?.processes.map((one) => (
          <li key={one.process}>
            <div class="facts">
              <h3>{one.process.slice(0, 8)}</h3>
              <p>
                up {durationOf(one.uptime_s)} · {socketsOf(one).toLocaleString()} sockets (
                {one.sockets.chat.toLocaleString()} on /ws/chat/) · {Math.round(one.memory_bytes / 1e6)} MB
              </p>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Over the last minutes, from 0 to what was the most. */
function Line({ values }: { values: readonly number[] }) {
  const most = Math.max(...values, 0) || 1;
  const wide = Math.max(values.length, 30) - 1;
  const points = values.map(
    (value, i) => `${300 - (values.length - 1 - i) * (300 / wide)},${58 - (value / most) * 54}`,
  );
  return (
    <svg viewBox="0 0 300 60" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && (
        <>
          <polygon points={`${points[0]!.split(",")[0]},60 ${points.join(" ")} 300,60`} />
          <polyline points={points.join(" ")} />
        </>
      )}
    </svg>
  );
}

function durationOf(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
