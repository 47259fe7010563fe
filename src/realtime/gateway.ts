import type { WebSocketHandler } from "bun";
import type { Commands } from "../deps.ts";
import { Refusal, unauthenticated } from "../errors.ts";
import type { Clock } from "../ops/clock.ts";
import { countClose, createCounts, type Counts } from "../ops/counts.ts";
import type { Log } from "../ops/log.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { ChatFrame, Endpoint } from "../protocol/frames.ts";
import { type Dispatch, errorFrame, type Handler } from "./dispatch.ts";
import type { Admit } from "./handshake.ts";
import type { Heads } from "./heads.ts";
import type { Publisher } from "./publisher.ts";
import { gcra } from "./rate-limit.ts";
import type { Connection, Open, Socket, Sockets } from "./sockets.ts";

type Deps = {
  sockets: Sockets;
  publisher: Publisher;
  heads: Heads;
  dispatch: Dispatch;
  commands: Commands;
  admit: Admit;
  resume: (ws: Socket, data: Open, asked: { epoch?: string | null; since?: string | null }) => Promise<void>;
  hello: (data: Open) => string;
  /** A horizon that was taken after this time and has been told of whole. */
  deliveredSince: (time: number) => string | null;
  isEnded: (sessionId: string) => boolean;
  presence: { set(user: string, username: string, sockets: number): void; sockets(user: string): number };
  maxSocketsPerUser: number;
  /** Of this process, that have not said who they are. */
  maxUnauthenticated: number;
  maxFrameBytes: number;
  maxBacklogBytes?: number;
  /** Each socket's own flood gate, before anything is parsed. */
  gate: { perSecond: number; burst: number };
  /** A peer that is silent for this long, pings included, is gone. */
  idleMs: number;
  /** A client of the one socket that says nothing for this long is frozen, whatever its network answers to pings. */
  silenceMs: number;
  counts?: Counts;
  clock: Clock;
  log: Log;
};

/** Frames that wait their turn; who piles up more than this is not talking but flooding. */
const MAX_INBOX = { frames: 256, bytes: 256 * 1024 };
/** Frames beyond its gate that a socket is told about, pings of the protocol included; they come back as slowly as its gate lets pass. */
const MAX_REFUSED = 1_000;
/** What readers that lag behind may hold of a process's memory, all together. */
const MAX_BACKLOG_BYTES = 256 * 1024 * 1024;
/** For the first frame of the one socket, and for its `resume`. */
const PATIENCE_MS = 10_000;

/** What becomes of a socket: who comes in, what they say, when it closes. */
export function createGateway(deps: Deps) {
  const { sockets, publisher, dispatch, commands, presence, counts = createCounts(), clock, log } = deps;
  const { maxBacklogBytes = MAX_BACKLOG_BYTES } = deps;
  function open(ws: Socket): void {
    sockets.enter(ws);
    if (ws.data.state !== "anonymous") return admitted(ws);
    sockets.anonymous.add(ws);
    // Were the newest refused, or the oldest of all, a few addresses could keep everyone out.
    if (sockets.anonymous.size <= deps.maxUnauthenticated) return;
    counts.evictions.stranger++;
    oldestOfMost().close(CLOSE.abuse, "too many strangers");
  }

  /** The stranger that waits longest, of the address that has most of them. */
  function oldestOfMost(): Socket {
    const byNetwork = Map.groupBy(sockets.anonymous, ({ data }) => data.network);
    return [...byNetwork.values()].reduce((most, group) => (group.length > most.length ? group : most))[0]!;
  }

  /** Somebody, or nobody after all. */
  function admitted(ws: Socket): void {
    const { data } = ws;
    if (data.state !== "open") return data.state === "refused" ? ws.close(data.code, data.reason) : undefined;
    const { caller, endpoint } = data;
    // It may have ended while the handshake was under way.
    if (deps.isEnded(caller.sessionId)) return ws.close(overCode(endpoint, false), "session over");
    if (presence.sockets(caller.userId) >= deps.maxSocketsPerUser) return ws.close(CLOSE.abuse, "too many sockets");
    sockets.add(ws, caller);
    if (data.phase.name === "told") publisher.tell(ws, endpoint, caller.userId);
    else ws.send(deps.hello(data));
    presence.set(caller.userId, caller.username, sockets.ofUser(caller.userId).length);
  }

  function close(ws: Socket, code: number): void {
    countClose(counts, code);
    sockets.leave(ws);
    sockets.anonymous.delete(ws);
    if (ws.data.state !== "open") return;
    const { caller, inbox, drained } = ws.data;
    inbox.length = 0;
    drained?.();
    publisher.forget(ws);
    if (sockets.remove(ws, caller)) presence.set(caller.userId, caller.username, sockets.ofUser(caller.userId).length);
  }

  function message(ws: Socket, frame: string | Buffer): void {
    const { data } = ws;
    if (data.state === "refused" || ws.readyState !== WebSocket.OPEN) return;
    if (typeof frame !== "string") return ws.close(CLOSE.unsupportedData, "text frames only");
    const bytes = Buffer.byteLength(frame);
    if (bytes > deps.maxFrameBytes) return ws.close(CLOSE.tooBig, "frame too big");
    const now = clock.ticks();
    const { tat, waitMs } = gcra(data.gateAt, now, 1000 / deps.gate.perSecond, deps.gate.burst);
    data.gateAt = tat;
    if (waitMs > 0) {
      if (isFlood(data, now)) return ws.close(CLOSE.abuse, "too many frames");
      const refusal = new Refusal("rate_limited", "Too many frames. Wait a moment.", { retryAfterMs: waitMs });
      return void ws.send(errorFrame(refusal, undefined, log, counts));
    }
    if (
      data.inbox.length >= MAX_INBOX.frames ||
      data.inboxBytes + bytes > Math.max(MAX_INBOX.bytes, deps.maxFrameBytes)
    ) {
      return ws.close(CLOSE.abuse, "too many frames at once");
    }
    if (data.state === "open") data.heardAt = now;
    data.inbox.push(frame);
    data.inboxBytes += bytes;
    if (!data.busy) void work(ws, data);
  }

  /** Whether this was one refusal too many: answering them all is work too. */
  function isFlood(data: { floodAt: number }, now: number): boolean {
    const { tat, waitMs } = gcra(data.floodAt, now, 1000 / deps.gate.perSecond, MAX_REFUSED);
    data.floodAt = tat;
    return waitMs > 0;
  }

  /** A ping of the protocol, which the runtime answers, or a pong. */
  function control(ws: Socket): void {
    if (ws.data.state !== "refused" && isFlood(ws.data, clock.ticks())) ws.close(CLOSE.abuse, "too many pings");
  }

  /** One frame of a socket after the other: Bun runs handlers of one socket side by side, and sends would change places. */
  async function work(ws: Socket, data: Exclude<Connection, { state: "refused" }>): Promise<void> {
    data.busy = true;
    for (let frame = data.inbox.shift(); frame !== undefined; frame = data.inbox.shift()) {
      // Its session may be over since it said this.
      if (ws.readyState !== WebSocket.OPEN) break;
      data.inboxBytes -= Buffer.byteLength(frame);
      await dispatch(
        data.endpoint,
        frame,
        (type) => handlerOf(ws, type),
        // What was published leaves in the same write as the answer: they would be two.
        (answer) => void ws.cork(() => ws.send(answer)),
      );
    }
    data.inboxBytes = 0;
    data.busy = false;
  }

  function handlerOf(ws: Socket, type: string): Handler {
    const { data } = ws;
    if (data.state === "anonymous" && data.endpoint === "chat" && type === "auth") {
      return async ({ token }: { token: string }) => {
        const { endpoint, network } = data;
        const connection = await deps.admit(token, { endpoint, network }, true);
        if (ws.readyState !== WebSocket.OPEN) return undefined;
        sockets.anonymous.delete(ws);
        // The same object: the frames that wait are worked on from it.
        const { inbox, inboxBytes, busy, gateAt, floodAt } = data;
        Object.assign(data, connection, { inbox, inboxBytes, busy, gateAt, floodAt });
        admitted(ws);
        return undefined;
      };
    }
    if (data.state !== "open") throw unauthenticated();
    if (data.endpoint === "chat") {
      if (type === "auth") throw new Refusal("forbidden", "This socket is authenticated already.");
      if (type === "ping") return async ({ t }: { t?: number | string }) => pong(ws, data, t);
      // Not waited for: a ping is answered meanwhile.
      if (type === "resume")
        return async (asked: object) => ({ done: deps.resume(ws, data, asked).then(() => undefined) });
    }
    const command = commands[data.endpoint][type]!;
    return (frame) => command(data.caller, frame);
  }

  /** What was delivered up to now leaves first, and the cursor is of now: it must not overtake what it stands for. */
  async function pong(ws: Socket, data: Open, t: number | string | undefined): Promise<undefined> {
    const asked = data.phase;
    const delivered = asked.name === "live" ? deps.deliveredSince(asked.at) : null;
    publisher.after(() => {
      const { phase } = data;
      const frame: ChatFrame = { type: "pong", t, since: null, heads: {} };
      if (phase.name === "live") {
        frame.since = (phase === asked ? delivered : null) ?? phase.since;
        frame.heads = deps.heads.since(data.caller.userId, phase.toldTo);
        phase.toldTo = deps.heads.place;
      }
      ws.send(JSON.stringify(frame));
    });
  }

  /** Once a second: who was waited for long enough, and whether all that lag behind hold too much together. */
  function sweep(): void {
    const now = clock.ticks();
    let backlog = 0;
    for (const ws of sockets.each()) backlog += ws.getBufferedAmount();
    if (backlog > maxBacklogBytes) letGo(backlog);
    for (const ws of sockets.anonymous)
      if (ws.data.state === "anonymous" && now - ws.data.at > PATIENCE_MS)
        ws.close(CLOSE.unauthenticated, "no token came");
    for (const ws of sockets.each()) {
      const { data } = ws;
      if (data.state !== "open" || data.endpoint !== "chat") continue;
      if (data.phase.name === "greeted" && now - data.phase.at > PATIENCE_MS) ws.close(CLOSE.silent, "no resume came");
      else if (now - data.heardAt > deps.silenceMs) ws.close(CLOSE.silent, "no heartbeat came");
    }
  }

  /** Each may lag by a megabyte; where many do, those that lag most go first. They come back and miss nothing. */
  function letGo(backlog: number): void {
    const lagging = sockets.all().map((ws) => ({ ws, bytes: ws.getBufferedAmount() }));
    for (const { ws, bytes } of lagging.sort((one, other) => other.bytes - one.bytes)) {
      if (backlog <= maxBacklogBytes / 2) return;
      backlog -= bytes;
      counts.evictions.backlog++;
      ws.terminate();
    }
  }

  const websocket: WebSocketHandler<Connection> = {
    open,
    close,
    message,
    ping: control,
    pong: control,
    drain: (ws) => {
      if (ws.data.state === "open") ws.data.drained?.();
    },
    // Frames a little over the limit are closed with 1009 above; far larger ones are cut by the runtime unread.
    maxPayloadLength: 2 * deps.maxFrameBytes,
    idleTimeout: Math.min(960, Math.max(10, Math.ceil(deps.idleMs / 1000))),
    sendPings: true,
    // A reader that lags this far behind is cut, or it would lose frames without knowing.
    backpressureLimit: 1024 * 1024,
    closeOnBackpressureLimit: true,
    perMessageDeflate: false,
  };

  return {
    websocket,
    sweep,
    /** Closes the sockets of a session that is over. */
    endSession(sessionId: string, disabled: boolean): void {
      for (const ws of sockets.ofSession(sessionId))
        ws.close(overCode(ws.data.endpoint, disabled), disabled ? "account disabled" : "session over");
    },
  };
}

/** The first version's clients know one code for all of it. */
function overCode(endpoint: Endpoint, disabled: boolean): number {
  if (endpoint !== "chat") return CLOSE.unauthenticated;
  return disabled ? CLOSE.accountDisabled : CLOSE.sessionOver;
}
