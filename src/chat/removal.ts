import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Identity } from "../deps.ts";
import { notFound, unauthenticated } from "../errors.ts";
import { findMessage } from "./history.ts";
import { removalEvents, type RemovalStore } from "./removal-store.ts";
import type { RemovalEvent } from "./rooms.ts";
import type { RoomStore } from "./rooms-store.ts";
import type { ChatStore } from "./store.ts";

type Deps = {
  store: ChatStore;
  removals: Pick<RemovalStore, "removeMessages">;
  membersOf: RoomStore["membersOf"];
  /** Tells this process and the others. */
  committed: (events: RemovalEvent[]) => void;
};
type Remove = {
  room: string;
  /** As clients know it: a uuid, in the public room its seq. */
  messageId: string;
  /** Its sender, or the operator, in the name of a user or of nobody. */
  by: Identity | { operator: string | null };
};

export type Removal = ReturnType<typeof createRemoval>;

/** Takes a message back: its content is gone, and everyone learns of it by an event of the room. */
export function createRemoval({ store, removals, membersOf, committed }: Deps) {
  return {
    /** Again is fine. @throws {Refusal} `not_found` also for what is another's, where it is not the operator who removes */
    async removeMessage({ room, messageId, by }: Remove): Promise<void> {
      const [user, session] = "operator" in by ? [by.operator, null] : [by.userId, by.sessionId];
      // First, so that the answer does not wait for it: who takes part in a room never changes.
      const [seq, audience] = await Promise.all([
        findMessage(store, room, messageId),
        room === GLOBAL_ROOM ? [] : membersOf(room),
      ]);
      if (seq === undefined) throw notFound();
      const { outcome, removed } = await removals.removeMessages(room, [seq], user, session);
      if (outcome === "unauthenticated") throw unauthenticated();
      if (outcome === "not_found") throw notFound();
      committed(removalEvents(room, removed, audience));
    },
  };
}
