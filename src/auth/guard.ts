import type { MiddlewareHandler } from "hono";
import type { Bucket, HttpEnv, Identity } from "../deps.ts";
import { Refusal, spend, unauthenticated } from "../errors.ts";
import { createTurns } from "../ops/turns.ts";
import type { Revocations } from "./revocations.ts";
import type { Tokens } from "./tokens.ts";

export type Guard = ReturnType<typeof createGuard>;

/** Requests of one user in one process: the database has ten connections and is for all, and a page of history takes megabytes while it is made. */
const AT_ONCE = { running: 4, waiting: 100 };
const TOO_MUCH = "You are asking too much. Wait a moment.";

/** Who may in: a valid access token of a session that has not ended, and not all the time. */
export function createGuard(tokens: Tokens, revocations: Revocations, requests: Bucket) {
  const inTurn = createTurns(AT_ONCE.running, AT_ONCE.waiting, () => new Refusal("rate_limited", TOO_MUCH, { retryAfterMs: 1_000 })); // prettier-ignore

  async function identify(token: string | undefined): Promise<Identity | null> {
    const claims = token ? tokens.verify(token, "access") : null;
    return claims && !claims.expired && !revocations.has(claims.sessionId) ? claims : null;
  }

  /** `of`: whose allowance and whose turn it takes. */
  const admit =
    (of: "userId" | "sessionId"): MiddlewareHandler<HttpEnv> =>
    async (c, next) => {
      const identity = await identify(bearer(c.req.header("authorization")));
      if (!identity) throw unauthenticated();
      await spend(requests, identity[of], TOO_MUCH);
      c.set("identity", identity);
      await inTurn(identity[of], async () => {
        // It may have waited until long after its session was over.
        if (revocations.has(identity.sessionId)) throw unauthenticated();
        await next();
      });
    };

  /** For logging out: the session may have ended already. */
  const requireToken: MiddlewareHandler<HttpEnv> = async (c, next) => {
    const claims = tokens.verify(bearer(c.req.header("authorization")) ?? "", "access");
    if (!claims || claims.expired) throw unauthenticated();
    c.set("identity", claims);
    await next();
  };

  return {
    identify,
    requireUser: admit("userId"),
    /** For ending sessions: whoever has one of mine and asks as much as they may keeps me from asking, but not from ending it. */
    requireSession: admit("sessionId"),
    requireToken,
    waiting: inTurn.waiting,
  };
}

function bearer(header: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
}
