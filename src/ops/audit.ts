import type { Refusal } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { type ACCOUNT_EVENTS, createCounts } from "./counts.ts";
import type { Log } from "./log.ts";
import type { Trace } from "./trace.ts";

/** Who asks: the client's address, the id of the request, and its trace, if any. */
export type Asker = { address: string; id: string; trace?: Trace | undefined };

type Event = (typeof ACCOUNT_EVENTS)[number];

export type Audit = ReturnType<typeof createAudit>;

/** Lines a minute about refusals: a flood from many addresses must not fill a disk. */
const MAX_REFUSALS = 1_000;

/** What happened to accounts and at the doors, in the log, for the operator. By ids alone: a name that was typed can be a mistyped password. */
export function createAudit(log: Log, clock: Clock, counts = createCounts()) {
  const refused = new Set<string>();
  let minute = 0;

  return {
    /** `ended`: how many sessions ended by it. */
    tell(
      event: Event,
      { address, id, trace }: Asker,
      about: { user?: string; session?: string; ended?: number },
    ): void {
      counts.accounts[event]++;
      log.info({ event, ...about, address, id, ...trace }, "security");
    },

    /** A limit that was hit, a foreign origin, and what is not the user's; each at most once a minute for an address. Of the path what nobody types. */
    refused({ code }: Refusal, path: string, { address, id, trace }: Asker, user?: string): void {
      if (code !== "rate_limited" && code !== "forbidden" && !(code === "not_found" && user)) return;
      const now = Math.floor(clock.now() / 60_000);
      if (now !== minute) refused.clear();
      minute = now;
      const door = path.split("/", 4).join("/");
      const key = `${code} ${door} ${address}`;
      if (refused.has(key) || refused.size >= MAX_REFUSALS) return;
      refused.add(key);
      log.info({ event: "refused", code, door, user, address, id, ...trace }, "security");
    },
  };
}
