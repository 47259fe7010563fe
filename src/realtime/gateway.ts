import type { Server, WebSocketHandler } from "bun";
import type { Identity } from "../deps.ts";
import { Refusal } from "../errors.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Endpoint } from "../protocol/frames.ts";
import { topicsOf } from "./publisher.ts";
import { type Dispatch, errorFrame } from "./dispatch.ts";
import { gcra } from "./rate-limit.ts";
import type { Connection, Socket, Sockets } from "./sockets.ts";

type Deps = {
  sockets: Sockets;
  dispatch: Dispatch;
  identify: (token: string | undefined) => Promise<Identity | null>;
  /** The user's name, from the database: it has the last word on whether the session lives. */
  livingSession: (sessionId: string) => Promise<{ username: string } | undefined>;
  isEnded: (sessionId: string) => boolean;
  presence: { set(user: string, username: string, sockets: number): void; sockets(user: string): number };
  limits: Record<"connect" | "failedConnect", { take(key: string): Promise<void> }>;
  allowedOrigins: string[];
  maxSocketsPerUser: number;
  maxFrameBytes: number;
  /** Each socket's own flood gate, before anything is parsed. */
  gate: { perSecond: number; burst: number };
  /** A peer that is silent for this long, pings included, is gone. */
  idleMs: number;
  clock: Clock;
  log: Log;
};

/** Frames that wait their turn; who piles up more than this is not talking but flooding. */
const MAX_INBOX = { frames: 256, bytes: 256 * 1024 };

/** Sockets: who may open one, what comes in, when it closes. */
export function createGateway(deps: Deps) {
  const { sockets, dispatch, presence, limits, clock, log } = deps;

  /** Answers a request for a socket. Once accepted it is Bun's, and undefined comes back. */
  async function upgrade(
    request: Request,
    endpoint: Endpoint,
    address: string,
    server: Server<Connection>,
  ): Promise<Response | undefined> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new Refusal("invalid_field", "This address speaks WebSocket only.", { headers: { Upgrade: "websocket" } });
    }
    const origin = request.headers.get("origin");
    if (origin && !isOurs(origin, request))
      throw new Refusal("forbidden", "Pages of this origin may not open sockets here.");
    const connection = await admit(request, endpoint, address);
    if (!server.upgrade(request, { data: connection }))
      throw new Refusal("invalid_field", "This is not a WebSocket handshake.");
    return undefined;
  }

  /** A bad token is let in and closed at once with 4001: a browser could not tell a refused handshake from a broken network. */
  async function admit(request: Request, endpoint: Endpoint, address: string): Promise<Connection> {
    const identity = await deps.identify(new URL(request.url).searchParams.get("token") ?? undefined);
    const session = identity && (await deps.livingSession(identity.sessionId));
    if (!identity || !session) {
      await limits.failedConnect.take(address);
      return { state: "refused", endpoint, code: CLOSE.unauthenticated, reason: "not authenticated" };
    }
    await limits.connect.take(address);
    const caller = { userId: identity.userId, sessionId: identity.sessionId, username: session.username };
    return { state: "open", endpoint, caller, inbox: [], inboxBytes: 0, busy: false, gateAt: 0 };
  }

  function isOurs(origin: string, request: Request): boolean {
    if (deps.allowedOrigins.includes(origin)) return true;
    // Parsed alike, since a proxy may write the default port or capitals.
    const ours = `${origin.split(":")[0]}://${request.headers.get("host")}`;
    return (
      /^https?:/.test(origin) &&
      URL.canParse(origin) &&
      URL.canParse(ours) &&
      new URL(origin).host === new URL(ours).host
    );
  }

  function open(ws: Socket): void {
    const { data } = ws;
    if (data.state === "refused") return ws.close(data.code, data.reason);
    const { caller, endpoint } = data;
    // It may have ended while the handshake was under way.
    if (deps.isEnded(caller.sessionId)) return ws.close(CLOSE.unauthenticated, "session over");
    if (presence.sockets(caller.userId) >= deps.maxSocketsPerUser) return ws.close(CLOSE.abuse, "too many sockets");
    sockets.add(ws, caller);
    for (const topic of topicsOf(endpoint, caller.userId)) ws.subscribe(topic);
    presence.set(caller.userId, caller.username, sockets.ofUser(caller.userId).length);
  }

  function close(ws: Socket): void {
    if (ws.data.state !== "open") return;
    const { caller } = ws.data;
    ws.data.inbox.length = 0;
    if (sockets.remove(ws, caller)) presence.set(caller.userId, caller.username, sockets.ofUser(caller.userId).length);
  }

  function message(ws: Socket, frame: string | Buffer): void {
    const { data } = ws;
    if (data.state !== "open" || ws.readyState !== WebSocket.OPEN) return;
    if (typeof frame !== "string") return ws.close(CLOSE.unsupportedData, "text frames only");
    const bytes = Buffer.byteLength(frame);
    if (bytes > deps.maxFrameBytes) return ws.close(CLOSE.tooBig, "frame too big");
    const { tat, waitMs } = gcra(data.gateAt, clock.now(), 1000 / deps.gate.perSecond, deps.gate.burst);
    data.gateAt = tat;
    if (waitMs > 0) {
      const refusal = new Refusal("rate_limited", "Too many frames. Wait a moment.", { retryAfterMs: waitMs });
      return void ws.send(errorFrame(refusal, undefined, log));
    }
    if (
      data.inbox.length >= MAX_INBOX.frames ||
      data.inboxBytes + bytes > Math.max(MAX_INBOX.bytes, deps.maxFrameBytes)
    ) {
      return ws.close(CLOSE.abuse, "too many frames at once");
    }
    data.inbox.push(frame);
    data.inboxBytes += bytes;
    if (!data.busy) void work(ws, data);
  }

  /** One frame of a socket after the other: Bun runs handlers of one socket side by side, and sends would change places. */
  async function work(ws: Socket, data: Extract<Connection, { state: "open" }>): Promise<void> {
    data.busy = true;
    for (let frame = data.inbox.shift(); frame !== undefined; frame = data.inbox.shift()) {
      data.inboxBytes -= Buffer.byteLength(frame);
      await dispatch(data.caller, data.endpoint, frame, (answer) => void ws.send(answer));
    }
    data.inboxBytes = 0;
    data.busy = false;
  }

  const websocket: WebSocketHandler<Connection> = {
    open,
    close,
    message,
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
    upgrade,
    /** Closes the sockets of a session that is over. */
    endSession(sessionId: string): void {
      for (const ws of sockets.ofSession(sessionId)) ws.close(CLOSE.unauthenticated, "session over");
    },
    closeAll(code: number, reason: string): void {
      for (const ws of sockets.all()) ws.close(code, reason);
    },
  };
}
