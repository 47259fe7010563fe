import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { WorkerClient } from "./embedded-client.ts";

const EVERY_MS = 60_000;

/** Tables that changed by as much as autovacuum waits for, by its defaults. One that was never looked at has -1 rows. */
const DUE = `
  SELECT format('VACUUM (ANALYZE) %I', c.relname) AS sql FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0) OR s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0)`;

/**
 * Autovacuum, which the embedded database has not: PGlite is one process. Without statistics the planner takes every table for a small
 * one and keeps plans that read through all of it: a message cost more with each that was there before. 300,000 messages take some 150 ms, during
 * which the others wait; the more there are, the more rarely.
 */
export function keepUp(client: WorkerClient, hasRoom: () => boolean, clock: Clock, log: Log): () => void {
  const seeTo = async () => {
    if (!hasRoom()) return;
    const due = (await client.query({ sql: DUE, params: [], arrays: false })) as { sql: string }[];
    for (const { sql } of due) await client.rest((ask) => ask({ exec: sql }));
  };
  return clock.every(EVERY_MS, () => {
    seeTo().catch((error) => log.warn({ err: error }, "the embedded database was not tidied up"));
  });
}
