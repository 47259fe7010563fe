import { CLOSE, CODES } from "../protocol/codes.ts";

/** What can happen to an account, in the log (audit.ts) and in figures. */
export const ACCOUNT_EVENTS = [
  "signed_up",
  "logged_in",
  "login_failed",
  "logged_out",
  "password_wrong",
  "password_changed",
  "password_reset",
  "account_deleted",
  "session_ended",
  "token_reused",
] as const;

/** In seconds. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** How long something took, by how many took at most so long. */
export class Histogram {
  readonly bounds = BOUNDS;
  /** One for each bound, and one for what took longer than all. */
  readonly counts = BOUNDS.map(() => 0).concat(0);
  sum = 0;

  observe(seconds: number): void {
    let i = 0;
    while (i < BOUNDS.length && seconds > BOUNDS[i]!) i++;
    this.counts[i]!++;
    this.sum += seconds;
  }

  /** What began at each of these times (`performance.now()`) is over now. */
  since(beginnings: readonly number[]): void {
    const now = performance.now();
    for (const at of beginnings) this.observe((now - at) / 1000);
  }
}

const zeros = <K extends string>(keys: readonly K[]) =>
  Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
const codes = Object.keys(CODES) as (keyof typeof CODES)[];

/** Codes that a client, or the runtime, closes with; any other one counts as `other`. */
const CLOSES = [1000, 1001, 1005, 1006, ...Object.values(CLOSE)].map(String);

export type Counts = ReturnType<typeof createCounts>;

/**
 * What has happened in this process, one place for each event. Plain integers, so that nothing gets slower by being counted: `metrics.ts` reads them
 * when it is asked. No name and no id is ever a key.
 */
export function createCounts() {
  return {
    accounts: zeros(ACCOUNT_EVENTS),
    refusals: { http: zeros(codes), socket: zeros(codes) },
    messages: zeros(["global", "direct"]),
    /** Sends with an id that was there already. */
    repeats: 0,
    /** Frames put onto sockets for what happened in a room or to a person. */
    deliveries: zeros(["global", "private", "chat"]),
    resumes: zeros(["fresh", "back", "mismatch"]),
    /** Sockets that were asked to come back later. */
    reconnects: 0,
    evictions: zeros(["stranger", "backlog", "slow_return", "overflow"]),
    closes: zeros([...CLOSES, "other"]) as Record<string, number>,
    /** Of the sequencer: holes met, fetches, and events that came by a fetch. */
    repairs: zeros(["hole", "fetch", "event"]),
    commit: new Histogram(),
    delivery: new Histogram(),
    /** By `GET /pattern 2xx`. */
    http: new Map<string, Histogram>(),
  };
}

export function countClose({ closes }: Counts, code: number): void {
  const key = String(code);
  closes[key in closes ? key : "other"]!++;
}

/** `pattern`: of the route that answered; anything else is `none`, however it was called. */
export function countRequest({ http }: Counts, method: string, pattern: string, status: number, ms: number): void {
  const route = pattern.includes("*") ? "none" : `${method} ${pattern}`;
  const key = `${route} ${Math.floor(status / 100)}xx`;
  let histogram = http.get(key);
  if (!histogram) http.set(key, (histogram = new Histogram()));
  histogram.observe(ms / 1000);
}
