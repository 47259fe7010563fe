import { createHash, timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { Refusal } from "../errors.ts";
import type { Counts, Histogram } from "./counts.ts";

/** How things stand, read when somebody asks. */
export type Standing = {
  sockets: Record<string, number>;
  usersOnline: number;
  queues: Record<string, number>;
  busUp: boolean;
  /** Since the database last answered (s). */
  databaseSilence: number;
  databaseErrors: Record<string, number>;
};

type Sample = [labels: Record<string, string>, value: number];
const by = (label: string, values: Record<string, number>): Sample[] =>
  Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);

/** The figures of this process as text, for Prometheus. Built at the first question: who does not ask does not pay. */
export function createMetrics(counts: Counts, standing: () => Standing, version: string): () => Promise<string> {
  let registry: Promise<{ metrics(): Promise<string> }> | undefined;
  return async () => (await (registry ??= build(counts, standing, version))).metrics();
}

async function build(counts: Counts, standing: () => Standing, version: string) {
  const { collectDefaultMetrics, Counter, Gauge, Histogram: Shown, Registry } = await import("prom-client");
  const registry = new Registry();

  const labelsOf = (samples: Sample[]) => Object.keys(samples[0]![0]);
  const counter = (name: string, help: string, read: () => Sample[]) =>
    registry.registerMetric(
      new Counter({
        name: `liquidchat_${name}_total`, help, labelNames: labelsOf(read()), registers: [],
        collect() {
          this.reset();
          for (const [labels, value] of read()) this.inc(labels, value);
        },
      }),
    ); // prettier-ignore
  const gauge = (name: string, help: string, read: () => Sample[]) =>
    registry.registerMetric(
      new Gauge({
        name: `liquidchat_${name}`, help, labelNames: labelsOf(read()), registers: [],
        collect() {
          for (const [labels, value] of read()) this.set(labels, value);
        },
      }),
    ); // prettier-ignore
  const histogram = (name: string, help: string, read: () => [Record<string, string>, Histogram][]) => {
    // Its own arithmetic is not used, only its name and place.
    const shown = new Shown({ name: `liquidchat_${name}_seconds`, help, registers: [] });
    const get: () => Promise<object> = async () => ({
      name: `liquidchat_${name}_seconds`,
      help,
      type: "histogram",
      aggregator: "sum",
      values: read().flatMap(([labels, of]) => samplesOf(`liquidchat_${name}_seconds`, labels, of)),
    });
    registry.registerMetric(Object.assign(shown, { get, getForPromString: get }));
  };

  counter("account_events", "What happened to accounts.", () => by("event", counts.accounts));
  counter("refusals", "Requests and frames that were refused, by the code that was told.", () =>
    Object.entries(counts.refusals).flatMap(([over, codes]) =>
      by("code", codes).map(([labels, value]): Sample => [{ over, ...labels }, value]),
    ),
  );
  counter("messages", "Messages stored by this process.", () => by("room", counts.messages));
  counter("repeats", "Sends of messages that were stored already.", () => [[{}, counts.repeats]]);
  counter("deliveries", "Frames put onto this process's sockets.", () => by("endpoint", counts.deliveries));
  counter("resumes", "Clients of the one socket that began, or came back.", () => by("kind", counts.resumes));
  counter("reconnects", "Sockets that were asked to come back later.", () => [[{}, counts.reconnects]]);
  counter("evictions", "Sockets that were closed to protect the others.", () => by("reason", counts.evictions));
  counter("socket_closes", "Sockets that closed, by close code.", () => by("code", counts.closes));
  counter("repairs", "Holes in the order of a room, fetches that filled them, and events that came so.", () =>
    by("what", counts.repairs),
  );
  counter("database_errors", "Questions that the database did not answer, or refused unexpectedly.", () =>
    by("kind", standing().databaseErrors),
  );

  gauge("info", "The version of the program.", () => [[{ version }, 1]]);
  gauge("sockets", "Open sockets of this process.", () => by("endpoint", standing().sockets));
  gauge("users_online", "Users that are online, in all processes.", () => [[{}, standing().usersOnline]]);
  gauge("queue_length", "What waits for its turn.", () => by("queue", standing().queues));
  gauge("bus_up", "1 while this process hears the others.", () => [[{}, Number(standing().busUp)]]);
  gauge("database_silence_seconds", "Since the database last answered; it is asked once a second.", () => [
    [{}, standing().databaseSilence],
  ]);

  histogram("commit", "One group commit.", () => [[{}, counts.commit]]);
  histogram("delivery", "From the moment a message was let in until this process's sockets were told.", () => [
    [{}, counts.delivery],
  ]);
  histogram("http_request", "Requests, by the pattern of their route and the class of their status.", () =>
    [...counts.http].map(([key, of]) => {
      const parts = key.split(" ");
      const [method, route] = parts.length === 3 ? parts : ["any", "none"];
      // Without what a parameter has to look like.
      const pattern = route!.replace(/\{.*?\}$|\{.*?\}(?=\/)/g, "");
      return [{ method: method!, route: pattern, status: parts.at(-1)! }, of];
    }),
  );

  collectDefaultMetrics({ register: registry });
  // What Bun has not to tell, or has otherwise.
  for (const { name } of await registry.getMetricsAsJSON())
    if (/^nodejs_(heap_space|active_|version|eventloop_lag_(min|mean|stddev))/.test(name))
      registry.removeSingleMetric(name);
  return registry;
}

function samplesOf(metricName: string, labels: Record<string, string>, { bounds, counts, sum }: Histogram) {
  let total = 0;
  const buckets = counts.map((n, i) => {
    total += n;
    return { metricName: `${metricName}_bucket`, labels: { ...labels, le: bounds[i] ?? "+Inf" }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${metricName}_sum`, labels, value: sum },
    { metricName: `${metricName}_count`, labels, value: total },
  ];
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** `token`: what one has to bring, null where the port is for operators alone. */
export function metricsRoutes(metrics: () => Promise<string>, token: string | null) {
  const app = new Hono<HttpEnv>();
  app.get("/metrics", async (c) => {
    const brought = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
    // Hashed, both are of one length, and how much of it was right takes no time of its own.
    if (token !== null && !timingSafeEqual(digest(brought), digest(token)))
      throw new Refusal("unauthenticated", "Ask with METRICS_TOKEN.", { headers: { "WWW-Authenticate": "Bearer" } });
    return c.body(await metrics(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  return app;
}
