import type { Config } from "../config.ts";
import type { Caller } from "../deps.ts";
import type { Clock } from "../ops/clock.ts";
import { type ChatFrame, SUBPROTOCOL } from "../protocol/frames.ts";

type Limits = Pick<Config, "messageMaxLength" | "messageRate" | "maxFrameBytes" | "presence">;

/** The first frame of the one socket: what a client must know of this server. */
export function helloFrame(
  { userId, username, sessionId }: Caller,
  epoch: string,
  limits: Limits,
  clock: Clock,
): string {
  return JSON.stringify({
    type: "hello",
    protocol: SUBPROTOCOL,
    epoch,
    session_id: sessionId,
    server_time: new Date(clock.now()).toISOString(),
    heartbeat_s: limits.presence.heartbeatMs / 1000,
    limits: {
      message_max_length: limits.messageMaxLength,
      rate_per_s: limits.messageRate.perSecond,
      burst: limits.messageRate.burst,
      frame_max_bytes: limits.maxFrameBytes,
    },
    user: { id: userId, username },
  } satisfies ChatFrame);
}
