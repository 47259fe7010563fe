import type { Clock } from "../ops/clock.ts";
import type { Counts } from "../ops/counts.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ChatFrame } from "../protocol/frames.ts";
import type { Sockets } from "./sockets.ts";

const WAVE_MS = 100;
/** Within a wave clients come back at random moments of this time. */
const JITTER_MS = 500;

type Options = {
  sockets: Sockets;
  clock: Clock;
  reason: string;
  overMs: number;
  counts: Counts;
  /** Settles what is under way, so that it is acknowledged before its socket closes. */
  settle: () => Promise<void>;
};

/** Closes every socket, some each tenth of a second, so that they do not all come back in the same moment. */
export async function closeInWaves({ sockets, clock, reason, overMs, counts, settle }: Options): Promise<void> {
  const waves = Math.ceil(overMs / WAVE_MS);
  for (let wave = waves; wave > 0; wave--) {
    await settle();
    // Looked up each time: who was a stranger before may be somebody now.
    const left = sockets.all();
    if (!left.length) break;
    // Who is being listened to can wait for a later wave.
    const ready = wave === 1 ? left : left.filter((ws) => ws.data.state !== "open" || !ws.data.busy);
    for (const ws of ready.slice(0, Math.ceil(left.length / wave))) {
      const frame: ChatFrame = { type: "reconnect", after_ms: Math.floor(Math.random() * JITTER_MS) };
      if (ws.data.endpoint === "chat") ws.send(JSON.stringify(frame));
      ws.close(CLOSE.restarting, reason);
      counts.reconnects++;
    }
    await clock.sleep(WAVE_MS);
  }
  for (const ws of [...sockets.anonymous, ...sockets.all()]) ws.close(CLOSE.restarting, reason);
}
