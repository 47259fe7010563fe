/** Tokens as mallory would make them. Whoever knows no key of the server can only copy, cut, mix and sign with something else. */
import { createHash, createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { SECRET } from "../support/server.ts";

type Parts = Record<string, unknown>;
type Genuine = { access: string; refresh: string };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const read = (text: string): Parts => JSON.parse(Buffer.from(text, "base64url").toString());
const hmac = (text: string, key: string, hash = "sha256") => createHmac(hash, key).update(text).digest("base64url");
const signed = (header: Parts, payload: Parts, key = SECRET) => {
  const body = `${part(header)}.${part(payload)}`;
  return `${body}.${hmac(body, key)}`;
};
const rsa = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const kidOf = (key: string) => createHash("sha256").update(key).digest("hex").slice(0, 8);
const OTHER_KEY = "another-key-of-forty-characters-and-more";
const CLAIMS = ["token_type", "user_id", "sid", "jti", "exp", "iat", "iss", "aud"];

/**
 * All that is not the access token it wants to be, made from somebody's genuine pair. Those that are signed with the server's own key
 * are what a mistake of ours, or a neighbour with the same key, would give out.
 */
export function badTokens({ access, refresh }: Genuine): Record<string, string> {
  const [h, p, s] = access.split(".") as [string, string, string];
  const [header, claims] = [read(h), read(p)];
  const now = Math.floor(Date.now() / 1000);
  const also = (more: Parts) => signed(header, { ...claims, ...more });
  const unsigned = (alg: string) => `${part({ ...header, alg })}.${p}`;
  return {
    expired: also({ exp: now - 1, iat: now - 900 }),
    "expired for years": also({ exp: 1, iat: 0 }),
    "not valid yet": also({ nbf: now + 600 }),
    "a refresh token": refresh,
    "alg none": `${unsigned("none")}.`,
    "alg none, with the signature left on": `${unsigned("none")}.${s}`,
    "alg NONE": `${unsigned("NONE")}.`,
    "no alg": signed({ kid: header.kid }, claims),
    "alg HS384": `${unsigned("HS384")}.${hmac(unsigned("HS384"), SECRET, "sha384")}`,
    "RS256 by a key of one's own": `${unsigned("RS256")}.${createSign("sha256").update(unsigned("RS256")).sign(rsa.privateKey, "base64url")}`,
    "RS256 said, HS256 done with the public key": `${unsigned("RS256")}.${hmac(unsigned("RS256"), rsa.publicKey)}`,
    "HS256 with a public key": signed(header, claims, rsa.publicKey),
    "HS256 with an empty key": signed(header, claims, ""),
    "another key": signed(header, claims, OTHER_KEY),
    "another key, and its kid": signed({ ...header, kid: kidOf(OTHER_KEY) }, claims, OTHER_KEY),
    "its key in its header": signed({ ...header, jwk: { kty: "oct", k: part(OTHER_KEY) } }, claims, OTHER_KEY),
    "no kid": signed({ ...header, kid: undefined }, claims),
    "a kid that is a path": signed({ ...header, kid: "../../../../dev/null" }, claims, ""),
    "a kid of every object": signed({ ...header, kid: "constructor" }, claims),
    "a critical extension": signed({ ...header, crit: ["mallory"], mallory: 1 }, claims),
    "another audience": also({ aud: "another" }),
    "another issuer": also({ iss: "another" }),
    ...Object.fromEntries(CLAIMS.map((claim) => [`without ${claim}`, also({ [claim]: undefined })])),
    "a wrong token_type": also({ token_type: "id" }),
    "a token_type in capitals": also({ token_type: "ACCESS" }),
    "two token_types": also({ token_type: ["access", "refresh"] }),
    "a user_id that is an object": also({ user_id: { id: claims.user_id } }),
    "an exp that is text": also({ exp: "9999999999" }),
    "another's claims under this signature": `${h}.${part({ ...claims, user_id: crypto.randomUUID() })}.${s}`,
    "the signature cut by one": access.slice(0, -1),
    "the signature cut off": `${h}.${p}.`,
    "two parts": `${h}.${p}`,
    "four parts": `${access}.${s}`,
    "cut in the middle": access.slice(0, access.length / 2),
    "6 kB long": `${h}.${part({ ...claims, more: "x".repeat(4_500) })}.${s}`,
    "6 kB of nothing": "x".repeat(6_000),
    garbage: "a.b.c",
    dots: "..",
    "the word null": "null",
    unicode: `${access}ü`,
    "unicode digits": `${access.slice(0, -1)}\u00b2`,
  };
}

/** Of one request or handshake: where a token may come, and what it then looks like. */
export const PLACES = {
  authorization: (token: string) => ({ headers: { Authorization: `Bearer ${token}` } }),
  url: (token: string) => ({ query: `?token=${encodeURIComponent(token)}` }),
  subprotocol: (token: string) => ({ protocols: ["liquidchat.v2", `bearer.${token}`] }),
} satisfies Record<string, (token: string) => object>;
