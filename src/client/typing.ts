import type { Clock } from "./ports.ts";

/** One's own typing is told this often (ms) at most; without a key for IDLE it is over; another's is forgotten after EXPIRY. */
const REPEAT = 3_000;
const IDLE = 5_000;
const EXPIRY = 6_000;

/** The timers of typing, one's own and others'. */
export function createTyping({
  clock,
  send,
  expired,
}: {
  clock: Clock;
  send: (frame: { type: "typing_start" | "typing_stop"; stream: string }) => void;
  expired: (stream: string, userId: string) => void;
}) {
  const mine = new Map<string, { toldAt: number; cancel: () => void }>();
  const others = new Map<string, () => void>();

  function stop(stream: string): void {
    const typing = mine.get(stream);
    if (!typing) return;
    typing.cancel();
    mine.delete(stream);
    send({ type: "typing_stop", stream });
  }

  return {
    /** A key was pressed. */
    start(stream: string): void {
      const typing = mine.get(stream);
      typing?.cancel();
      const quiet = typing !== undefined && clock.now() - typing.toldAt < REPEAT;
      if (!quiet) send({ type: "typing_start", stream });
      mine.set(stream, {
        toldAt: quiet ? typing.toldAt : clock.now(),
        cancel: clock.after(IDLE, () => stop(stream)),
      });
    },
    stop,
    /** Somebody else types, or stops. */
    heard(stream: string, userId: string, typing: boolean): void {
      const key = `${stream} ${userId}`;
      others.get(key)?.();
      others.delete(key);
      if (!typing) return;
      const forget = () => {
        others.delete(key);
        expired(stream, userId);
      };
      others.set(key, clock.after(EXPIRY, forget));
    },
    /** Forgets everyone, without a word. */
    clear(): void {
      for (const { cancel } of mine.values()) cancel();
      for (const cancel of others.values()) cancel();
      mine.clear();
      others.clear();
    },
  };
}
