import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Identity, Outgoing } from "../deps.ts";
import { notFound } from "../errors.ts";
import { encode, type Rooms, streamOf } from "./rooms.ts";
import type { RoomStore } from "./rooms-store.ts";

type Deps = { rooms: Rooms; store: RoomStore; broadcast: (frames: Outgoing[]) => void };

export type Reading = ReturnType<typeof createReading>;

/** Read marks: they only rise, and are told as a hint, since every snapshot repeats them. */
export function createReading({ rooms, store, broadcast }: Deps) {
  return {
    /**
     * `upTo`: a seq, or the newest of these messages. Nobody hears how far one has read the public room.
     * @returns the frame for the reader's own sockets, where they were not told, because it is no news
     */
    async read({ userId, sessionId }: Identity, room: string, upTo: number | string[]): Promise<string | undefined> {
      const mark = await store.markRead(room, userId, upTo, sessionId);
      if (!mark) throw notFound();
      const frame = { type: "read", stream: streamOf(room), user_id: userId, seq: mark.readSeq } as const;
      const own = encode({ ...frame, unread_count: mark.unread, head_seq: mark.headSeq });
      if (!mark.rose) return own;
      const others = room === GLOBAL_ROOM ? [] : (await rooms.membersFor(userId, room)).filter((id) => id !== userId);
      broadcast([
        { endpoint: "chat", user: userId, frame: own },
        ...others.map((user): Outgoing => ({ endpoint: "chat", user, frame: encode(frame) })),
      ]);
      return undefined;
    },
  };
}
