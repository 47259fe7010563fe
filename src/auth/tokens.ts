import { createDecoder, createSigner, createVerifier, TokenError } from "fast-jwt";
import type { Clock } from "../ops/clock.ts";

export type Tokens = ReturnType<typeof createTokens>;

/** What a session's newest tokens are made of; all of it is stored, so that they can be made again. */
export type TokenSource = { id: string; userId: string; jti: string; issuedAt: Date; expiresAt: Date };

export type Claims = { userId: string; sessionId: string; jti: string; expired: boolean };

type Key = { id: string; bytes: Uint8Array };
type TokenType = "access" | "refresh";

const ISSUER = "liquidchat";
/** Several times that of ours: it is read before its signature is, and a long one is work. */
const MAX_LENGTH = 2_048;
const REQUIRED = ["token_type", "user_id", "sid", "jti", "exp", "iat", "iss", "aud"];

/**
 * HS256 JWTs. The first key signs, all verify. HS256 is deterministic: the same session state gives the same two tokens. All at once, without
 * WebCrypto, which hands each token to another thread and back: that was half of what a handshake cost.
 */
export function createTokens({ keys, accessTokenMs, clock }: { keys: Key[]; accessTokenMs: number; clock: Clock }) {
  const decode = createDecoder({ complete: true });
  const verifiers = new Map(
    keys.map(({ id, bytes }) => [
      id,
      createVerifier({
        key: Buffer.from(bytes),
        algorithms: ["HS256"],
        allowedIss: ISSUER,
        allowedAud: ISSUER,
        requiredClaims: REQUIRED,
        ignoreExpiration: true,
      }),
    ]),
  );
  const { id: kid, bytes } = keys[0]!;
  const signer = createSigner({ key: Buffer.from(bytes), algorithm: "HS256", kid });

  const sign = (type: TokenType, jti: string, session: TokenSource, expires: number) =>
    signer({
      token_type: type,
      user_id: session.userId,
      sid: session.id,
      jti,
      iss: ISSUER,
      aud: ISSUER,
      iat: Math.floor(session.issuedAt.getTime() / 1000),
      exp: Math.floor(expires / 1000),
    });

  return {
    pair(session: TokenSource): { access: string; refresh: string } {
      const expires = session.expiresAt.getTime();
      const accessExpires = Math.min(session.issuedAt.getTime() + accessTokenMs, expires);
      return {
        access: sign("access", Bun.randomUUIDv5("access", session.jti), session, accessExpires),
        refresh: sign("refresh", session.jti, session, expires),
      };
    },

    /**
     * The claims of a token that we signed and of this type, else null; `expired` is for the caller to judge. An access token lives no longer than they do
     * now: whoever makes that shorter means those that are out, and of a session that ended long ago nobody knows any more.
     */
    verify(token: string, type: TokenType): Claims | null {
      if (token.length > MAX_LENGTH) return null;
      let payload: Record<string, unknown>;
      try {
        const verifier = verifiers.get(decode(token).header.kid);
        if (!verifier) return null;
        payload = verifier(token);
      } catch (error) {
        // RangeError: a time that no Date can hold.
        if (error instanceof TokenError || error instanceof RangeError) return null;
        throw error;
      }
      const { token_type, user_id, sid, jti, exp, iat } = payload;
      if (token_type !== type || typeof user_id !== "string" || typeof sid !== "string" || typeof jti !== "string")
        return null;
      if (typeof exp !== "number" || typeof iat !== "number") return null;
      const until = type === "access" ? Math.min(exp, iat + accessTokenMs / 1000) : exp;
      return { userId: user_id, sessionId: sid, jti, expired: until <= Math.floor(clock.now() / 1000) };
    },
  };
}
