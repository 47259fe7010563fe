import type { UserRow } from "../db/schema.ts";
import type { Clock } from "../ops/clock.ts";

const FRESH_MS = 1_000;
const MAX_KNOWN = 10_000;

/** Users by id, known for a second. */
export function createPeople(ask: (ids: string[]) => Promise<UserRow[]>, clock: Pick<Clock, "ticks">) {
  const known = new Map<string, { user: UserRow; at: number }>();
  return {
    async find(ids: Iterable<string>): Promise<Map<string, UserRow>> {
      const now = clock.ticks();
      const found = new Map<string, UserRow>();
      const missing: string[] = [];
      for (const id of ids) {
        const entry = known.get(id);
        if (entry && now - entry.at < FRESH_MS) found.set(id, entry.user);
        else missing.push(id);
      }
      if (!missing.length) return found;
      for (const user of await ask(missing)) {
        found.set(user.id, user);
        known.set(user.id, { user, at: now });
      }
      if (known.size > MAX_KNOWN) known.clear();
      return found;
    },
  };
}
