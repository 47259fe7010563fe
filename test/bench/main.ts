/**
 * `bun run bench`: what LiquidChat costs beside the least that its runtime and its database can do, each pair in one run, three
 * times in turn; the table has the medians, bench.json everything. Server processes run on core 0, this client and PostgreSQL on core 1.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { migrate } from "../../src/db/migrate.ts";
import { openPostgres } from "../../src/db/postgres.ts";
import { GLOBAL_ROOM } from "../../src/db/schema.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { Person } from "../support/client.ts";
import { SECRET } from "../support/server.ts";
import { cleanUp, freshDatabase, haveServices, startRedis, tempDir } from "../support/services.ts";

const RUNS = 3;
const SECONDS = 4;
const SOCKETS = 200;

type Figures = Record<string, number>;
type Case = { name: string; unit: string; run: () => Promise<Figures> };

const pin = (core: number) => (Bun.which("taskset") && cpus().length > 1 ? ["taskset", "-c", String(core)] : []);
if (pin(1).length) Bun.spawnSync(["taskset", "-cp", "1", String(process.pid)]);

const cases: Case[] = [
  {
    name: "fan-out to 200 sockets, bare Bun publish",
    unit: "us of server CPU a delivery",
    run: () => fanOut(["bun", join(import.meta.dir, "bare.ts")], {}, false),
  },
  {
    name: "fan-out to 200 sockets, LiquidChat, embedded",
    unit: "us of server CPU a delivery",
    run: async () => fanOut(serve, { DATA_DIR: await tempDir() }, true),
  },
];
const serve = ["bun", join(import.meta.dir, "../../src/main.ts")];
if (haveServices) {
  const redis = await startRedis();
  cases.push({
    name: "fan-out to 200 sockets, LiquidChat, PostgreSQL and Redis",
    unit: "us of server CPU a delivery",
    run: async () => fanOut(serve, { DATABASE_URL: await freshDatabase(), REDIS_URL: redis.url }, true),
  });
  for (const batch of [1, 64]) {
    cases.push({
      name: `storing, ${batch} at once, bare INSERT`,
      unit: "rows a second",
      run: () => storing(batch, false),
    });
    cases.push({
      name: `storing, ${batch} at once, LiquidChat`,
      unit: "rows a second",
      run: () => storing(batch, true),
    });
  }
}

const results = new Map<string, Figures[]>(cases.map(({ name }) => [name, []]));
for (let run = 0; run < RUNS; run++)
  for (const { name, run: measure } of cases) results.get(name)!.push(await measure());

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
console.log(`\n${cpus()[0]?.model}, ${cpus().length} cores, Bun ${Bun.version}, medians of ${RUNS} runs\n`);
console.log("| Case | Figure | Unit | Client CPU |\n| --- | ---: | --- | ---: |");
for (const { name, unit } of cases) {
  const runs = results.get(name)!;
  const client = median(runs.map((r) => r.clientCpu!));
  // A client at its own limit measures itself.
  console.log(
    `| ${name} | ${client > 0.95 && /fan-out/.test(name) ? "void" : median(runs.map((r) => r.figure!)).toFixed(name.startsWith("fan") ? 2 : 0)} | ${unit} | ${client.toFixed(2)} |`,
  );
}
await Bun.write(
  "bench.json",
  JSON.stringify(
    { when: new Date().toISOString(), cpu: cpus()[0]?.model, bun: Bun.version, results: Object.fromEntries(results) },
    null,
    1,
  ),
);
cleanUp();
process.exit(0);

/** Twenty senders, a message each 20 ms and never two of one in flight; everyone hears everything: at most 200,000 deliveries a second. */
async function fanOut(command: string[], env: Record<string, string>, accounts: boolean): Promise<Figures> {
  const limits = {
    MESSAGE_RATE_LIMIT: "0",
    SIGNUP_RATE_LIMIT: "0",
    CONNECT_RATE_LIMIT: "0",
    MAX_SOCKETS_PER_USER: "0",
  };
  const child = Bun.spawn([...pin(0), ...command], {
    env: { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: "0", SECRET_KEY: SECRET, ...limits, ...env } as Record<
      string,
      string
    >,
    stdout: "pipe",
  });
  let url = "";
  for await (const chunk of child.stdout)
    if ((url = /http:\/\/localhost:\d+/.exec(new TextDecoder().decode(chunk))?.[0] ?? "")) break;
  const token = accounts ? (await Person.signUp(url, `bench${Math.random().toString(36).slice(2)}`)).access : "";
  let deliveries = 0;
  const sockets = await Promise.all(
    Array.from(
      { length: SOCKETS },
      () =>
        new Promise<WebSocket>((resolve) => {
          const ws = new WebSocket(`${url.replace("http", "ws")}/ws/chat/global/?token=${token}`);
          ws.onopen = () => resolve(ws);
          ws.onmessage = () => deliveries++;
        }),
    ),
  );
  let sending = true;
  const loops = sockets.slice(0, 20).map(async (ws, i) => {
    const mark = `sender ${i};`;
    let echoed = () => {};
    ws.onmessage = ({ data }) => {
      deliveries++;
      if ((data as string).includes(mark)) echoed();
    };
    while (sending) {
      ws.send(
        JSON.stringify({ type: "send_global_message", content: `${mark} the quick brown fox jumps over the lazy dog` }),
      );
      await Promise.all([new Promise<void>((resolve) => (echoed = resolve)), Bun.sleep(20)]);
    }
  });
  await Bun.sleep(1_000);
  const before = { deliveries, cpu: cpuSeconds(child.pid), own: process.cpuUsage(), at: performance.now() };
  await Bun.sleep(SECONDS * 1_000);
  const own = process.cpuUsage(before.own);
  const seconds = (performance.now() - before.at) / 1_000;
  const figures = {
    figure: ((cpuSeconds(child.pid) - before.cpu) * 1e6) / (deliveries - before.deliveries),
    deliveriesPerSecond: (deliveries - before.deliveries) / seconds,
    clientCpu: (own.user + own.system) / 1e6 / seconds,
  };
  sending = false;
  await Promise.all(loops);
  for (const ws of sockets) ws.close();
  child.kill();
  await child.exited;
  return figures;
}

/** One connection after the other commits `batch` messages of one room; the reference inserts them and does nothing else. */
async function storing(batch: number, ours: boolean): Promise<Figures> {
  const url = await freshDatabase();
  const db = openPostgres(url, systemClock);
  await migrate(db);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const user = crypto.randomUUID();
  let seq = 0;
  const call = async () => {
    const each = Array.from({ length: batch });
    const columns = [
      each.map(() => user),
      each.map(() => crypto.randomUUID()),
      each.map(() => "the quick brown fox jumps over the lazy dog"),
    ].map((values) => `{"${values.join('","')}"}`);
    if (ours)
      await sql.unsafe(
        "SELECT * FROM store_messages($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])",
        [`{${each.map(() => GLOBAL_ROOM)}}`, columns[0]!, columns[1]!, `{${each.map(() => "NULL")}}`, columns[2]!],
        { prepare: true },
      );
    else {
      await sql.unsafe(
        "INSERT INTO messages (room_id, seq, id, sender_id, content, sent_at) SELECT $1, i + $2, m, u, c, now() FROM unnest($3::uuid[], $4::uuid[], $5::text[]) WITH ORDINALITY x (u, m, c, i)",
        [GLOBAL_ROOM, seq, ...columns] as never[],
        { prepare: true },
      );
    }
    seq += batch;
  };
  for (let i = 0; i < 100; i++) await call();
  const before = { seq, own: process.cpuUsage(), at: performance.now() };
  while (performance.now() - before.at < SECONDS * 500) await call();
  const seconds = (performance.now() - before.at) / 1_000;
  const own = process.cpuUsage(before.own);
  await Promise.all([sql.end(), db.close()]);
  return { figure: (seq - before.seq) / seconds, clientCpu: (own.user + own.system) / 1e6 / seconds };
}

/** User and system time of a process with its threads; taskset replaces itself, so that the pid is the server's. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
