/** What processes use, read from /proc: CPU time with all threads to the nanosecond, and memory. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** CPU seconds of some processes so far. */
function cpuSeconds(pids: readonly number[]): number {
  const threads = pids
    .filter((pid) => existsSync(`/proc/${pid}/task`))
    .flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`));
  return threads.reduce((sum, thread) => sum + Number(read(`${thread}/schedstat`).split(" ")[0]), 0) / 1e9;
}

/** Resident bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))![1]) * 1024;
}

/** Descendants of this process, by the name of their program. */
function descendants(program: string): number[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => parse(read(`/proc/${name}/stat`)));
  const family = new Set([process.pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid, name }) => family.has(pid) && name === program).map(({ pid }) => pid);
}

function parse(stat: string) {
  const [, pid, name, parent] = /^(\d+) \((.*)\) \S (\d+)/.exec(stat) ?? [];
  return { pid: Number(pid), name, parent: Number(parent) };
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** How much of a core each part used since the meter was started. */
export type Cores = { server: number; client: number; postgres: number; redis: number };

export function startMeter(servers: readonly number[], client: number) {
  const pids = {
    server: servers,
    client: [client],
    postgres: descendants("postgres"),
    redis: descendants("redis-server"),
  };
  const seconds = () => Object.entries(pids).map(([part, of]) => [part, cpuSeconds(of)] as const);
  const before = Object.fromEntries(seconds());
  const startedAt = performance.now();
  return () => {
    const wall = (performance.now() - startedAt) / 1_000;
    const used = Object.fromEntries(seconds().map(([part, of]) => [part, of - before[part]!]));
    const cores = Object.fromEntries(Object.entries(used).map(([part, of]) => [part, of / wall])) as Cores;
    return { wall, serverCpu: used.server!, cores };
  };
}
