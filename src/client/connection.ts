import type { ChatFrame, ErrorFrame } from "../protocol/frames.ts";
import { ChatError } from "./errors.ts";
import type { Ports, Socket } from "./ports.ts";
import type { Session } from "./session.ts";

export type ConnectionState =
  /** Not wanted, or told not to come back: then with the code and the reason of the close. */
  | { state: "offline"; code?: number; reason?: string }
  /** Comes back at `until`, ms since 1970. */
  | { state: "waiting"; until: number }
  | { state: "connecting" }
  /** Fetching what was missed. */
  | { state: "resuming" }
  | { state: "live" };

export type Frame = ChatFrame | ErrorFrame;

/** As `SUBPROTOCOL` of the protocol, whose file would bring its whole validation into the bundle. */
const SUBPROTOCOL = "liquidchat.v2";
/** A step of coming up that makes no progress for so long (ms) has failed, and so has a replay that takes two minutes. */
const STEP_TIMEOUT = 15_000;
const STEP_AT_MOST = 120_000;
/** Without a sound for so long after a ping (ms), or after the heartbeat at which it was due, the socket is dead. */
const SILENCE = 10_000;
/** After this long (ms) a socket counts as one that works. */
const STEADY = 5_000;
/** A page that says "in an hour" (ms) is not always right, and timers know no month. */
const WAIT_AT_MOST = 60_000;
const BACKOFF = { first: 500, most: 30_000 };

/** One socket at a time, brought back until told not to. */
export function createConnection({
  url,
  ports: { clock, random, WebSocket },
  session,
  resume,
  receive,
  changed,
}: {
  /** `ws://` or `wss://`, of the server. */
  url: string;
  ports: Pick<Ports, "clock" | "random" | "WebSocket">;
  session: Pick<Session, "access" | "refresh" | "end">;
  /** The frame that asks for what was missed; `first` on this socket? */
  resume: (first: boolean) => object;
  receive: (frame: Frame) => void;
  changed: (state: ConnectionState) => void;
}) {
  let status: ConnectionState = { state: "offline" };
  let socket: Socket | null = null;
  /** Every attempt has its own; whatever belongs to an older one is ignored. */
  let attempt = 0;
  let failures = 0;
  let liveSince = Infinity;
  let token = "";
  /** The last resume was the first on its socket. */
  let first = true;
  /** The server said that the token is no good. */
  let stale = false;
  let heartbeat = 30_000;
  /** When the last frame came, when things last went forward, and when this step began. */
  let heard = 0;
  /** When the last ping was sent. */
  let pinged = 0;
  let progress = 0;
  let stepAt = 0;
  /** What a `reconnect` frame asked for. */
  let comeBackIn: number | null = null;
  /** Cancel what is armed: the next step, the heartbeat, and a resume that is to be asked for again. */
  let timer = () => {};
  let pulse = () => {};
  let later = () => {};

  function become(next: ConnectionState): void {
    status = next;
    arm();
    changed(next);
  }

  /** What happens next where nothing else does: a coming back, or a socket given up. */
  function arm(): void {
    timer();
    if (status.state !== "offline") timer = clock.after(Math.max(0, deadline() - clock.now()), check);
  }

  function check(): void {
    if (status.state === "waiting") return void open();
    // A device's clock may be set back by an hour; nobody shall wait for that.
    const now = clock.now();
    heard = Math.min(heard, now);
    pinged = Math.min(pinged, now);
    progress = Math.min(progress, now);
    stepAt = Math.min(stepAt, now);
    // Frames move the deadline without touching the timer: there may be thousands a second.
    if (now < deadline()) arm();
    // Nobody was asked yet: the timers of a hidden tab run once a minute. The server waits for four heartbeats.
    else if (status.state === "live" && pinged <= heard && now < heard + 4 * heartbeat) {
      ping();
      arm();
    } else if (status.state !== "offline") again();
  }

  function deadline(): number {
    if (status.state === "waiting") return status.until;
    if (status.state === "live") return (pinged > heard ? pinged : heard + heartbeat) + SILENCE;
    return Math.min(progress + STEP_TIMEOUT, stepAt + STEP_AT_MOST);
  }

  /** Leaves the socket, or the attempt at one, without waiting for its goodbye, which a dead network never brings. */
  function leave(): void {
    attempt++;
    liveSince = Infinity;
    pulse();
    later();
    const left = socket;
    socket = null;
    try {
      left?.close();
    } catch {}
  }

  async function open(): Promise<void> {
    leave();
    const mine = attempt;
    heard = progress = stepAt = clock.now();
    comeBackIn = null;
    become({ state: "connecting" });
    try {
      const next = await (stale ? session.refresh(token) : session.access());
      if (mine !== attempt) return;
      token = next;
      stale = false;
      const opened = new WebSocket(`${url}/ws/chat/`, [SUBPROTOCOL, `bearer.${token}`]);
      socket = opened;
      opened.onmessage = ({ data }) => mine === attempt && hear(data);
      opened.onclose = ({ code, reason }) => mine === attempt && closed(code, reason);
      // Some sockets throw where nobody listens; the close that follows says the same.
      opened.onerror = () => {};
    } catch (error) {
      if (mine !== attempt) return;
      const { code, retryAfterMs } = error instanceof ChatError ? error : { code: "offline", retryAfterMs: null };
      if (code === "signed_out") stop();
      else again(Math.min(retryAfterMs ?? 0, WAIT_AT_MOST));
    }
  }

  function hear(data: unknown): void {
    let frame: Frame;
    try {
      frame = JSON.parse(data as string);
    } catch {
      return;
    }
    heard = clock.now();
    if (frame.type === "hello") {
      heartbeat = frame.heartbeat_s * 1_000;
      receive(frame);
      ask(true);
      pulse = clock.after(heartbeat, beat);
      return;
    }
    if (frame.type === "reconnect") comeBackIn = frame.after_ms;
    if (frame.type === "snapshot" || "prev" in frame) progress = heard;
    // Asked too often; for nothing else would an answer be waited for here.
    if (frame.type === "error" && frame.code === "rate_limited" && !frame.client_id && status.state === "resuming") {
      later();
      later = clock.after(frame.retry_after_ms ?? 1_000, () => status.state === "resuming" && ask(first));
    }
    if (frame.type === "resumed" && !frame.more && status.state === "resuming") {
      if (liveSince === Infinity) liveSince = heard;
      // Not at once as if nothing had been, yet nobody whose network comes and goes shall wait for half a minute.
      failures = Math.min(failures, 3);
      become({ state: "live" });
    }
    receive(frame);
  }

  function ask(isFirst: boolean): void {
    if (!socket) return;
    first = isFirst;
    progress = stepAt = clock.now();
    become({ state: "resuming" });
    send(resume(first));
  }

  /** After a sleep this may be the first timer to fire, on a socket that died meanwhile. */
  function beat(): void {
    pulse = clock.after(heartbeat, beat);
    if (clock.now() < deadline() && pinged <= heard) ping();
    else check();
  }

  function ping(): void {
    pinged = clock.now();
    send({ type: "ping", t: pinged });
  }

  function closed(code: number, reason: string): void {
    if (code >= 4500 && code <= 4999) {
      stop({ code, reason });
      if (code === 4500) void session.end("expired").then((ended) => ended || connect());
      if (code === 4501) void session.end("disabled");
      return;
    }
    stale = code === 4001;
    again();
  }

  /** Full jitter: after an outage the clients must not come all at once. */
  function again(atLeast = 0): void {
    // A socket that comes up and goes down at once is a failure, too.
    if (clock.now() - liveSince > STEADY) failures = 0;
    const wait = random() * Math.min(BACKOFF.most, BACKOFF.first * 2 ** failures++);
    const ms = comeBackIn ?? Math.max(atLeast, wait);
    leave();
    become({ state: "waiting", until: clock.now() + ms });
  }

  function stop(why: { code?: number; reason?: string } = {}): void {
    leave();
    become({ state: "offline", ...why });
  }

  function connect(): void {
    if (status.state !== "offline") return;
    if (!WebSocket) throw new TypeError("There is no WebSocket here (Node before 22): give one in `ports`.");
    failures = 0;
    void open();
  }

  function send(frame: object): void {
    // Closing: its close event is on the way. Browsers complain aloud of a send meanwhile.
    if ((socket?.readyState ?? 1) > 1) return;
    try {
      socket?.send(JSON.stringify(frame));
    } catch {
      // Not open yet, or not any more.
    }
  }

  return {
    status: () => status,
    /** Comes up and stays up until `close`. */
    connect,
    close: () => {
      if (status.state !== "offline") stop();
    },
    /** For the page's `online` and visibility events: does not wait, and does not trust a socket that has been silent. */
    reconnectNow: () => {
      if (status.state === "waiting") void open();
      else if (status.state === "live" && clock.now() - heard > heartbeat) void open();
      else if (status.state === "live") ping();
    },
    /** Asks again for what was missed, on the same socket. */
    resume: () => ask(false),
    send,
  };
}
