import { isAhead, sqlState } from "../db/client.ts";
import type { CatchUp, Owed } from "../deps.ts";
import { createBatch } from "../ops/batch.ts";
import type { StreamSnapshot } from "../protocol/frames.ts";
import { eventFrame, preview, streamOf } from "./rooms.ts";
import type { CatchUpRow } from "./rooms-store.ts";

/** Coming back: everyone who comes at the same time is served by one question to the database. */
export function createCatchUp(
  ask: (asked: { userId: string; since: string | null }[]) => Promise<CatchUpRow[]>,
): CatchUp & { waiting(): number } {
  const batched = createBatch({ size: 32, inFlight: 2 }, ask, (error) => sqlState(error)?.startsWith("22") ?? false);
  const catchUp: CatchUp = async (userId, since) => owed(await batched({ userId, since }), userId, since);
  return Object.assign(catchUp, { waiting: batched.waiting });
}

/** What the answer of the database comes to, as frames: whole streams only, each with an unbroken chain of `prev`. */
function owed({ now, streams, more, news }: CatchUpRow, userId: string, since: string | null): Owed {
  const events: string[] = [];
  for (const room of news) {
    let prev = 0;
    for (const event of room.events ?? []) {
      events.push(eventFrame(event, prev, userId));
      prev = event.seq;
    }
  }
  return {
    since: now,
    ahead: since !== null && isAhead(since, now),
    streams: streams.map(snapshotOf),
    more,
    events,
    changed: news.map(({ room, head, events }) => [streamOf(room), { complete: events !== null, head_seq: head }]),
  };
}

function snapshotOf({ room, last_message, ...rest }: CatchUpRow["streams"][number]): StreamSnapshot {
  return {
    stream: streamOf(room),
    ...rest,
    last_message: last_message && {
      id: rest.kind === "global" ? last_message.seq : last_message.id,
      seq: last_message.seq,
      content: preview(last_message.content),
      timestamp: last_message.timestamp,
      sender_id: last_message.sender_id,
    },
  };
}
