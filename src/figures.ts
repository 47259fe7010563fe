/** What /metrics tells of the whole process. */
import { Hono } from "hono";
import type { Guard } from "./auth/guard.ts";
import type { Passwords } from "./auth/passwords.ts";
import type { Bus } from "./bus/bus.ts";
import type { Writer } from "./chat/writer.ts";
import type { Config } from "./config.ts";
import type { Database } from "./db/client.ts";
import type { HttpEnv } from "./deps.ts";
import { toRefusal } from "./errors.ts";
import type { Counts } from "./ops/counts.ts";
import { createMetrics, metricsRoutes } from "./ops/metrics.ts";
import type { Publisher } from "./realtime/publisher.ts";
import type { Sockets } from "./realtime/sockets.ts";

type Parts = {
  counts: Counts;
  db: Database;
  bus: Bus;
  sockets: Sockets;
  presence: { online(): number };
  streams: { silence(): number };
  writer: Writer;
  publisher: Publisher;
  livingSession: { waiting(): number };
  catchUp: { waiting(): number };
  guard: Guard;
  passwords: Passwords;
  config: Config["metrics"];
  version: string;
};

/** `apart`: for a port of its own; `beside`: for the main one. At most one of them is there. */
export function createFigures(parts: Parts) {
  const { counts, db, bus, sockets, presence, streams, writer, publisher } = parts;
  const standing = () => ({
    sockets: {
      global: sockets.count("global"),
      private: sockets.count("private"),
      chat: sockets.count("chat"),
      unauthenticated: sockets.anonymous.size,
    },
    usersOnline: presence.online(),
    queues: {
      ...writer.waiting(),
      publisher: publisher.waiting(),
      handshakes: parts.livingSession.waiting(),
      resumes: parts.catchUp.waiting(),
      requests: parts.guard.waiting(),
      passwords: parts.passwords.waiting(),
    },
    busUp: bus.isUp(),
    databaseSilence: streams.silence() / 1000,
    databaseErrors: db.errors,
  });
  const { port, token } = parts.config;
  const routes = metricsRoutes(createMetrics(counts, standing, parts.version), token);
  const apart = new Hono<HttpEnv>().route("/", routes).onError((error, c) => {
    const { detail, status, headers } = toRefusal(error);
    return c.text(`${detail}\n`, status as 401, headers);
  });
  return {
    apart: port === null ? null : apart,
    beside: port === null && token !== null ? routes : null,
  };
}
