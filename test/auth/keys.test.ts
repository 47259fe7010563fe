/** Mallory has a key, or half of one. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { createTokens } from "../../src/auth/tokens.ts";
import { systemClock as clock } from "../../src/ops/clock.ts";
import { SimulatedClock } from "../simulation/clock.ts";
import { call, Person } from "../support/client.ts";
import { SECRET, startServer } from "../support/server.ts";
import { tempDir } from "../support/services.ts";

const key = (id: string) => ({ id, bytes: new TextEncoder().encode(id.repeat(32)) });
const tokensOf = (...ids: string[]) => createTokens({ keys: ids.map(key), accessTokenMs: 900_000, clock });
const session = () => ({
  id: crypto.randomUUID(),
  userId: crypto.randomUUID(),
  jti: crypto.randomUUID(),
  issuedAt: new Date(),
  expiresAt: new Date(Date.now() + 1e6),
});

test("the first key signs and says so, every listed one verifies, and one that was taken off the list does not", async () => {
  const [before, during, after] = [tokensOf("old"), tokensOf("new", "old"), tokensOf("new")];
  const old = before.pair(session()).access;
  const renewed = during.pair(session()).access;
  expect([old, renewed].map((token) => decodeProtectedHeader(token).kid)).toEqual(["old", "new"]);
  expect([
    during.verify(old, "access"),
    during.verify(renewed, "access"),
    after.verify(renewed, "access"),
  ]).not.toContain(null);
  expect([before.verify(renewed, "access"), after.verify(old, "access")]).toEqual([null, null]);
});

test("a token counts by the key that it names, and by no other algorithm", async () => {
  const tokens = tokensOf("new", "old");
  const { access } = tokens.pair(session());
  const forge = (header: { alg: string; kid?: string }, bytes: Uint8Array) =>
    new SignJWT(decodeJwt(access)).setProtectedHeader(header).sign(bytes);
  expect(tokens.verify(await forge({ alg: "HS256", kid: "old" }, key("old").bytes), "access")).not.toBeNull();
  const forged = [
    await forge({ alg: "HS256", kid: "new" }, key("old").bytes),
    await forge({ alg: "HS256", kid: "__proto__" }, key("old").bytes),
    await forge({ alg: "HS256", kid: "" }, key("new").bytes),
    await forge({ alg: "HS256" }, key("new").bytes),
    await forge({ alg: "HS512", kid: "new" }, key("new").bytes),
    access.replace(/\.[^.]*$/, "."),
    access.replace(/^[^.]*/, btoa('{"alg":"none","kid":"new"}').replaceAll("=", "")).replace(/\.[^.]*$/, "."),
    `${access}${"A".repeat(2_000)}`,
    "",
    "...",
  ];
  for (const token of forged) expect([token, tokens.verify(token, "access")]).toEqual([token, null]);
});

test("an access token lives no longer than they do now, whatever was promised when it was made; a refresh token does", async () => {
  const clock = new SimulatedClock();
  const living = (minutes: number) => createTokens({ keys: [key("new")], accessTokenMs: minutes * 60_000, clock });
  const [before, after] = [living(60), living(1)];
  const issuedAt = new Date(clock.now());
  const pair = before.pair({ ...session(), issuedAt, expiresAt: new Date(clock.now() + 1e9) });
  const expired = (tokens: typeof before) => tokens.verify(pair.access, "access")!.expired;
  expect([expired(before), expired(after)]).toEqual([false, false]);
  await clock.advance(61_000);
  expect([expired(before), expired(after)]).toEqual([false, true]);
  expect(after.verify(pair.refresh, "refresh")!.expired).toBe(false);
});

test("what is no time is no time, also in a token that is signed", async () => {
  const tokens = tokensOf("new");
  const { access } = tokens.pair(session());
  const signed = (claims: object) =>
    new SignJWT({ ...decodeJwt(access), ...claims })
      .setProtectedHeader({ alg: "HS256", kid: "new" })
      .sign(key("new").bytes);
  for (const odd of [{ iat: "1" }, { exp: "99999999999" }, { iat: null }, { nbf: 1e300 }])
    expect([odd, tokens.verify(await signed(odd), "access")]).toEqual([odd, null]);
});

test("a secret is changed without signing anybody out, and then the old one is worth nothing", async () => {
  const DATA_DIR = await tempDir();
  const NEW = "9d2f4b7c1e8a6053bb17d4e2f9c05a8841e6c3d7";
  const serve = (secret: string) => startServer({ DATA_DIR, SECRET_KEY: secret });
  const kid = (secret: string) => createHash("sha256").update(secret).digest("hex").slice(0, 8);

  let server = await serve(SECRET);
  const alice = await Person.signUp(server.url);
  await server.kill();
  server = await serve(`${NEW},${SECRET}`);
  expect((await alice.at(server.url).get("/api/auth/me/")).status).toBe(200);
  const refreshed = await call(server.url, "POST", "/api/auth/token/refresh/", { body: { refresh: alice.refresh } });
  expect([decodeProtectedHeader(alice.refresh).kid, decodeProtectedHeader(refreshed.body.refresh).kid]).toEqual([
    kid(SECRET),
    kid(NEW),
  ]);
  await server.kill();
  server = await serve(NEW);
  const me = (token: string) => call(server.url, "GET", "/api/auth/me/", { token });
  expect([(await me(refreshed.body.access)).status, (await me(alice.access)).status]).toEqual([200, 401]);
  const forged = await new SignJWT(decodeJwt(refreshed.body.access))
    .setProtectedHeader({ alg: "HS256", kid: kid(SECRET) })
    .sign(new TextEncoder().encode(SECRET));
  expect((await me(forged)).status).toBe(401);
  await server.kill();
});
