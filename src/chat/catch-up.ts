import { isAhead } from "../db/client.ts";
import type { CatchUp, Owed } from "../deps.ts";
import { createBatch } from "../ops/batch.ts";
import type { StreamSnapshot } from "../protocol/frames.ts";
import { messageFrame, preview, streamOf } from "./rooms.ts";
import type { CatchUpRow } from "./rooms-store.ts";

/** Beyond this many in all (and 500 in one stream, which `catch_up` sees to) a client is better off with a fresh page of the stream. */
const MAX_EVENTS = 2_000;

/** Coming back: everyone who comes at the same time is served by one question to the database. */
export function createCatchUp(
  ask: (asked: { userId: string; since: string | null }[]) => Promise<CatchUpRow[]>,
): CatchUp {
  const batched = createBatch({ size: 32, inFlight: 2 }, ask);
  return async (userId, since) => {
    const row = await batched({ userId, since });
    return owed(row, userId, since);
  };
}

/** What the answer of the database comes to, as frames: whole streams only, each with an unbroken chain of `prev`. */
function owed(row: CatchUpRow, userId: string, since: string | null): Owed {
  const ahead = since !== null && isAhead(since, row.now);
  const incomplete = new Set(row.news.filter(({ complete }) => !complete).map(({ room }) => room));
  const events: string[] = [];
  if (!ahead) {
    // The rooms stand one after the other; the one in which the limit is passed, and all that did not come any more, are incomplete.
    const byRoom = Map.groupBy(row.events, ({ room }) => room);
    let total = 0;
    for (const { room, complete } of row.news) {
      const ofRoom = byRoom.get(room) ?? [];
      total += ofRoom.length;
      if (!complete || total > MAX_EVENTS) {
        incomplete.add(room);
        continue;
      }
      let prev = 0;
      for (const event of ofRoom) {
        events.push(messageFrame(event, prev, event.body.sender.id === userId));
        prev = event.seq;
      }
    }
  }
  return {
    since: row.now,
    ahead,
    streams: row.streams.map(snapshotOf),
    more: row.more,
    events,
    changed: ahead
      ? []
      : row.news.map(({ room, head }) => [streamOf(room), { complete: !incomplete.has(room), head_seq: head }]),
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
