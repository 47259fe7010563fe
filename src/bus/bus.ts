import type { FiguresMessage } from "../admin/live.ts";
import type { Outgoing, RoomEvent } from "../deps.ts";
import type { PresenceMessage } from "../presence/presence.ts";

/** What processes tell each other. All of it is a hint: the database is the truth. */
export type BusMessage =
  | { kind: "events"; events: RoomEvent[] }
  | { kind: "frames"; frames: Outgoing[] }
  /** `disabled`: with its account. */
  | { kind: "session_ended"; sessionId: string; disabled?: boolean }
  | { kind: "presence"; message: PresenceMessage }
  | { kind: "figures"; message: FiguresMessage };

/**
 * Between the processes of one deployment.
 *
 * Promises: never blocks, never throws. A message reaches every other subscribed process at most once and usually in the order of
 * its publisher; any may be lost. A publisher never gets its own back, but `onEcho` tells that the bus carried it: without echoes
 * this process is deaf, and must not take silence for absence.
 */
export interface Bus {
  publish(message: BusMessage): void;
  subscribe(handler: (message: BusMessage) => void, onEcho: () => void): Promise<void>;
  /** How many other processes are subscribed; null where that is not known just now. */
  others(): Promise<number | null>;
  /** False while the bus is down. */
  isUp(): boolean;
  close(): Promise<void>;
}
