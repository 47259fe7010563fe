import type { PresenceChange } from "../protocol/frames.ts";

/** This many are told of to everyone; the others to the people they share a conversation with. */
const MAX_PUBLIC = 2_000;
/** Some 20 kB of JSON. */
const PEOPLE_A_PART = 200;

/**
 * Whom the one sockets were told to be online, and its JSON, made once for all who arrive: it stands as of the last batch, so that the
 * next batch goes on from it.
 */
export class Roll {
  #online = new Map<string, string>();
  #parts: string[] | null = null;

  /** Takes changes in; gives those that everyone is told of. */
  update(changes: Iterable<PresenceChange>): PresenceChange[] {
    const told: PresenceChange[] = [];
    for (const change of changes) {
      const { user_id, username, status } = change;
      if (
        status === "online" ? this.#online.size >= MAX_PUBLIC && !this.#online.has(user_id) : !this.#online.has(user_id)
      )
        continue;
      if (status === "online") this.#online.set(user_id, username);
      else this.#online.delete(user_id);
      told.push(change);
    }
    if (told.length) this.#parts = null;
    return told;
  }

  has = (user: string): boolean => this.#online.has(user);

  /** JSON arrays of those who are online. */
  parts(): readonly string[] {
    return (this.#parts ??= jsonParts(this.#online));
  }
}

/** `{user_id, username, status}` each, as JSON arrays of bounded length. */
export function jsonParts(online: Iterable<[user: string, username: string]>): string[] {
  const people = [...online].map(([user_id, username]): PresenceChange => ({ user_id, username, status: "online" }));
  const parts: string[] = [];
  for (let i = 0; i < people.length; i += PEOPLE_A_PART) parts.push(JSON.stringify(people.slice(i, i + PEOPLE_A_PART)));
  return parts;
}
