/** The cases of the benchmark, and what is good enough in each. */
import { handshakes, idle, storm } from "./arrive.ts";
import type { Case, Row, Scale } from "./case.ts";
import { history } from "./history.ts";
import { isolated } from "./isolated.ts";
import { bare, cluster, liquidchat } from "./servers.ts";
import { storing } from "./storing.ts";
import { talk } from "./talk.ts";

type Load = Parameters<typeof talk>[1];
type Goal = Pick<Row, "goal" | "met">;

const least = (value: number): Goal => ({ goal: `at least ${value.toLocaleString("en")}`, met: (is) => is >= value });
const most = (value: number): Goal => ({ goal: `at most ${value}`, met: (is) => is <= value });
const part = (of: number): Goal => ({ goal: `at least ${of} of it`, met: (is, reference) => is >= of * reference });
const times = (n: number): Goal => ({ goal: `at most ${n} times it`, met: (is, reference) => is <= n * reference });
const above = (by: number): Goal => ({ goal: `at most ${by} more`, met: (is, reference) => is <= reference + by });
const both = (a: Goal, b: Goal): Goal => ({
  goal: `${a.goal}, ${b.goal}`,
  met: (is, reference) => a.met!(is, reference) && b.met!(is, reference),
});

export function allCases(scale: Scale): Case[] {
  /** Bare, the older socket, which the reference speaks, and the one socket. */
  const threeSides = (load: Load) => ({
    bare: () => talk(bare, load, scale),
    global: () => talk(liquidchat, load, scale),
    chat: () => talk(liquidchat, { ...load, endpoint: "chat" }, scale),
  });
  const onBothSockets = (what: string, figure: string, goal: Goal): Row[] =>
    [["global", what] as const, ["chat", `${what}, the one socket`] as const].map(([side, name]) => ({
      what: name,
      side,
      figure,
      beside: "bare",
      ...goal,
    }));
  const twoSides = (measure: (deploy: typeof bare) => Promise<Awaited<ReturnType<typeof talk>>>) => ({
    bare: () => measure(bare),
    ours: () => measure(liquidchat),
  });
  const row = (what: string, figure: string, goal: Goal = {}, beside?: string): Row => ({
    what,
    side: "ours",
    figure,
    beside,
    ...goal,
  });

  return [
    {
      name: "crowd",
      sides: threeSides({ sockets: 1_000, rate: 20 }),
      rows: onBothSockets(
        "Deliveries a CPU second: 1,000 sockets, 20 messages a second",
        "deliveriesPerCpuSecond",
        part(0.75),
      ),
    },
    {
      name: "room",
      sides: threeSides({ sockets: 100, rate: 100 }),
      rows: [
        ...onBothSockets(
          "Deliveries a CPU second: 100 sockets, 100 messages a second",
          "deliveriesPerCpuSecond",
          part(0.55),
        ),
        ...onBothSockets("There, half of the deliveries within ms", "p50", above(1.5)),
        ...onBothSockets("There, 99 in 100 within ms", "p99", above(5)),
      ],
    },
    {
      name: "saturation",
      sides: threeSides({ sockets: 1_000, senders: 64, inFlight: 2 }),
      rows: [
        ...onBothSockets(
          "Deliveries a CPU second: 1,000 sockets, as much as it can",
          "deliveriesPerCpuSecond",
          part(0.8),
        ),
        ...onBothSockets("There, half of the deliveries within ms", "p50", times(1.3)),
      ],
    },
    {
      name: "durable",
      sides: twoSides((deploy) => talk(deploy, { sockets: 100, inFlight: 2 }, scale)),
      rows: [
        row("Durable messages a second to 100 sockets", "messagesPerSecond", both(least(12_000), part(0.5)), "bare"),
      ],
    },
    {
      name: "private",
      sides: { ours: () => talk(liquidchat, { sockets: 400, endpoint: "private" }, scale) },
      rows: [row("Private messages a CPU second, 200 pairs", "messagesPerCpuSecond", least(6_000))],
    },
    {
      name: "memory",
      sides: { bare: () => idle(bare, "global", 15_000), ours: () => idle(liquidchat, "chat", 15_000) },
      rows: [row("Bytes of memory an idle socket, of 15,000", "bytesPerSocket", above(4_000), "bare")],
    },
    {
      name: "handshakes",
      sides: { bare: () => handshakes(bare, "global", 10_000), ours: () => handshakes(liquidchat, "chat", 10_000) },
      rows: [
        row("Handshakes a second, the session looked up", "perSecond", least(6_000), "bare"),
        row("Handshakes a CPU second", "perCpuSecond", {}, "bare"),
      ],
    },
    {
      name: "arrival",
      sides: { ours: () => storm(liquidchat, 1_000) },
      rows: [
        row("1,000 people come at once: CPU seconds", "serverCpu", most(0.4)),
        row("There, quiet after seconds", "quietAfter", most(1.5)),
        row("There, who is not told of whom", "lost", most(0)),
      ],
    },
    {
      name: "processes",
      sides: {
        one: () => talk(liquidchat, { sockets: 1_000, rate: 20 }, scale),
        ours: () => talk(cluster, { sockets: 1_000, rate: 20 }, scale),
      },
      rows: [
        row("Two processes and Redis, beside one: CPU us a delivery", "cpuUsPerDelivery", times(1.3), "one"),
        row("There, half of the deliveries within ms", "p50", above(2.5), "one"),
      ],
    },
    {
      name: "isolated",
      sides: twoSides((deploy) => isolated(deploy, scale)),
      rows: [
        row("A message that comes alone: CPU us", "us", most(700), "bare"),
        row("And for each socket that hears it: CPU us", "usPerSocket", most(7), "bare"),
      ],
    },
    {
      name: "history",
      sides: { short: () => history(50, scale), ours: () => history(scale.messages, scale) },
      rows: [
        row(
          "Pages of history a second, of a million messages, beside fifty",
          "perSecond",
          both(least(2_500), part(0.9)),
          "short",
        ),
        row("Pages of history a CPU second", "perCpuSecond", {}, "short"),
      ],
    },
    ...[1, 64].map((batch) => ({
      name: `storing-${batch}`,
      sides: { bare: () => storing(batch, false, scale), ours: () => storing(batch, true, scale) },
      rows: [row(`Rows stored a second by one connection, ${batch} at once`, "rowsPerSecond", {}, "bare")],
    })),
  ];
}
