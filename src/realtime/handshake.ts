import type { Server } from "bun";
import type { Identity, Person } from "../deps.ts";
import { Refusal } from "../errors.ts";
import { CLOSE } from "../protocol/codes.ts";
import { type Endpoint, SUBPROTOCOL } from "../protocol/frames.ts";
import { type Connection, newInbox, openConnection } from "./sockets.ts";

type Deps = {
  identify: (token: string | undefined) => Promise<Identity | null>;
  /** The session's user, from the database: it has the last word on whether the session lives. */
  livingSession: (sessionId: string) => Promise<Person | undefined>;
  limits: Record<"connect" | "failedConnect", { take(key: string): Promise<void> }>;
  allowedOrigins: string[];
  now: () => number;
};

export type Admit = ReturnType<typeof createHandshake>["admit"];

/** Who may open a socket. */
export function createHandshake({ identify, livingSession, limits, allowedOrigins, now }: Deps) {
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
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
    const speaks = offered.includes(SUBPROTOCOL);
    const token = tokenOf(request, offered);
    const isAnonymous = endpoint === "chat" && speaks && token === undefined;
    if (isAnonymous) await limits.connect.take(address);
    const data: Connection =
      endpoint === "chat" && !speaks
        ? { state: "refused", endpoint, code: CLOSE.protocolNotSpoken, reason: `speak ${SUBPROTOCOL}` }
        : isAnonymous
          ? { state: "anonymous", endpoint, address, at: now(), ...newInbox() }
          : await admit(token, endpoint, address);
    // Of what was offered only the protocol is repeated: the other one is a token.
    const headers = speaks ? { "Sec-WebSocket-Protocol": SUBPROTOCOL } : undefined;
    if (!server.upgrade(request, { data, headers }))
      throw new Refusal("invalid_field", "This is not a WebSocket handshake.");
    return undefined;
  }

  /** `counted`: against the limit, at its handshake. A bad token is let in and closed at once: a browser could not tell a refused handshake from a broken network. */
  async function admit(
    token: string | undefined,
    endpoint: Endpoint,
    address: string,
    counted = false,
  ): Promise<Connection> {
    const identity = await identify(token);
    const user = identity && (await livingSession(identity.sessionId));
    if (!identity || !user) {
      await limits.failedConnect.take(address);
      const over = endpoint === "chat" && identity !== null;
      return {
        state: "refused",
        endpoint,
        code: over ? CLOSE.sessionOver : CLOSE.unauthenticated,
        reason: over ? "session over" : "not authenticated",
      };
    }
    if (!counted) await limits.connect.take(address);
    const caller = { userId: identity.userId, sessionId: identity.sessionId, username: user.username };
    return openConnection(endpoint, caller, now());
  }

  function isOurs(origin: string, request: Request): boolean {
    if (allowedOrigins.includes(origin)) return true;
    // Parsed alike, since a proxy may write the default port or capitals.
    const ours = `${origin.split(":")[0]}://${request.headers.get("host")}`;
    return (
      /^https?:/.test(origin) &&
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
