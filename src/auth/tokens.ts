import { errors, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../ops/clock.ts";

export type Tokens = ReturnType<typeof createTokens>;

/** What a session's newest tokens are made of; all of it is stored, so that they can be made again. */
export type TokenSource = { id: string; userId: string; jti: string; issuedAt: Date; expiresAt: Date };

export type Claims = { userId: string; sessionId: string; jti: string; expired: boolean };

type Key = { id: string; bytes: Uint8Array };
type TokenType = "access" | "refresh";

const ISSUER = "liquidchat";
const REQUIRED = ["token_type", "user_id", "sid", "jti", "exp", "iat", "iss", "aud"];

/** HS256 JWTs. The first key signs, all verify. HS256 is deterministic: the same session state gives the same two tokens. */
export function createTokens({ keys, accessTokenMs, clock }: { keys: Key[]; accessTokenMs: number; clock: Clock }) {
  const byId = new Map(keys.map((key) => [key.id, key.bytes]));
  const signing = keys[0]!;

  const sign = (type: TokenType, jti: string, session: TokenSource, expires: number) =>
    new SignJWT({ token_type: type, user_id: session.userId, sid: session.id })
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: signing.id })
      .setJti(jti)
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setIssuedAt(Math.floor(session.issuedAt.getTime() / 1000))
      .setExpirationTime(Math.floor(expires / 1000))
      .sign(signing.bytes);

  return {
    async pair(session: TokenSource): Promise<{ access: string; refresh: string }> {
      const expires = session.expiresAt.getTime();
      const [access, refresh] = await Promise.all([
        sign(
          "access",
          Bun.randomUUIDv5("access", session.jti),
          session,
          Math.min(session.issuedAt.getTime() + accessTokenMs, expires),
        ),
        sign("refresh", session.jti, session, expires),
      ]);
      return { access, refresh };
    },

    /** The claims of a token that we signed and of this type, else null; `expired` is for the caller to judge. */
    async verify(token: string, type: TokenType): Promise<Claims | null> {
      let payload: Record<string, unknown>;
      let expired = false;
      try {
        ({ payload } = await jwtVerify(
          token,
          ({ kid }) => byId.get(kid ?? "") ?? Promise.reject(new errors.JOSEError("unknown key")),
          {
            algorithms: ["HS256"],
            issuer: ISSUER,
            audience: ISSUER,
            requiredClaims: REQUIRED,
            currentDate: new Date(clock.now()),
          },
        ));
      } catch (error) {
        if (!(error instanceof errors.JWTExpired)) return null;
        payload = error.payload;
        expired = true;
      }
      const { token_type, user_id, sid, jti } = payload;
      if (token_type !== type || typeof user_id !== "string" || typeof sid !== "string" || typeof jti !== "string")
        return null;
      return { userId: user_id, sessionId: sid, jti, expired };
    },
  };
}
