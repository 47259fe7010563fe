import type { Server } from "bun";
import type { Identity, Person } from "../deps.ts";
import { Refusal } from "../errors.ts";
import { networkOf } from "../ops/address.ts";
import { CLOSE } from "../protocol/codes.ts";
import { type Endpoint, SUBPROTOCOL } from "../protocol/frames.ts";
import { type Connection, newInbox, openConnection, type Peer, type Sockets } from "./sockets.ts";

type Deps = {
  identify: (token: string | undefined) => Promise<Identity | null>;
  /** The session's user, from the database: it has the last word on whether the session lives. */
  livingSession: (sessionId: string) => Promise<Person | undefined>;
  limits: Record<"connect" | "failedConnect", { take(key: string): Promise<void> }>;
  allowedOrigins: string[];
  sockets: Pick<Sockets, "size" | "from">;
  maxSockets: { all: number; perAddress: number };
  now: () => number;
};

/** There is nothing to wait for but that others leave. */
const CROWDED_RETRY_MS = 10_000;

export type Admit = ReturnType<typeof createHandshake>["admit"];

/** Who may open a socket. */
export function createHandshake({ identify, livingSession, limits, allowedOrigins, sockets, maxSockets, now }: Deps) {
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
    const peer: Peer = { endpoint, network: networkOf(address) };
    refuseCrowd(peer.network);
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
    const speaks = offered.includes(SUBPROTOCOL);
    const token = tokenOf(request, offered);
    const isAnonymous = endpoint === "chat" && speaks && token === undefined;
    if (isAnonymous) await limits.connect.take(peer.network);
    const data: Connection =
      endpoint === "chat" && !speaks
        ? { state: "refused", ...peer, code: CLOSE.protocolNotSpoken, reason: `speak ${SUBPROTOCOL}` }
        : isAnonymous
          ? { state: "anonymous", ...peer, at: now(), ...newInbox() }
          : await admit(token, peer);
    // Once more: many may have been on their way at once, and each is counted within its upgrade.
    refuseCrowd(peer.network);
    // Of what was offered only the protocol is repeated: the other one is a token.
    const headers = speaks ? { "Sec-WebSocket-Protocol": SUBPROTOCOL } : undefined;
    if (!server.upgrade(request, { data, headers }))
      throw new Refusal("invalid_field", "This is not a WebSocket handshake.");
    return undefined;
  }

  /** `counted`: against the limit, at its handshake. A bad token is let in and closed at once: a browser could not tell a refused handshake from a broken network. */
  async function admit(token: string | undefined, peer: Peer, counted = false): Promise<Connection> {
    const identity = await identify(token);
    const user = identity && (await livingSession(identity.sessionId));
    if (!identity || !user) {
      await limits.failedConnect.take(peer.network);
      const over = peer.endpoint === "chat" && identity !== null;
      return {
        state: "refused",
        ...peer,
        code: over ? CLOSE.sessionOver : CLOSE.unauthenticated,
        reason: over ? "session over" : "not authenticated",
      };
    }
    if (!counted) await limits.connect.take(peer.network);
    const caller = { userId: identity.userId, sessionId: identity.sessionId, username: user.username };
    return openConnection(peer, caller, now());
  }

  /** Before anything is looked up: whom this meets comes back every three seconds, for ever. */
  function refuseCrowd(network: string): void {
    const wait = { retryAfterMs: CROWDED_RETRY_MS };
    if (sockets.size >= maxSockets.all) throw new Refusal("unavailable", "This server is full. Try again later.", wait);
    if (sockets.from(network) >= maxSockets.perAddress)
      throw new Refusal("rate_limited", "Too many sockets are open from your address.", wait);
  }

  function isOurs(origin: string, request: Request): boolean {
    if (allowedOrigins.includes(origin)) return true;
    // Parsed alike, since a proxy may write the default port or capitals.
    const ours = `${origin.split(":")[0]}://${request.headers.get("host")}`;
    return (
      /^https?:\/\/[^/?#@]+$/.test(origin) &&
      URL.canParse(origin) &&
      URL.canParse(ours) &&
      new URL(origin).host === new URL(ours).host
    );
  }

  return { upgrade, admit };
}

/** A program can set a header, a browser only the subprotocols; the first version's clients write it into the URL. */
function tokenOf(request: Request, offered: string[]): string | undefined {
  return (
    /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ??
    offered.find((name) => name.startsWith("bearer."))?.slice("bearer.".length) ??
    new URL(request.url).searchParams.get("token") ??
    undefined
  );
}
