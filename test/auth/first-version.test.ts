/** Passwords of the first version, hashed by Django. */
import { expect, test } from "bun:test";
import { pbkdf2Sync } from "node:crypto";
import { createPasswords } from "../../src/auth/passwords.ts";

const django = (password: string, iterations = 1_000) =>
  `pbkdf2_sha256$${iterations}$seasalt$${pbkdf2Sync(password, "seasalt", iterations, 32, "sha256").toString("base64")}`;
const TODAYS = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/;

test("what Django hashed is verified, and what is no such hash is a wrong password", async () => {
  const passwords = createPasswords();
  // From its own tests.
  const known = [
    "pbkdf2_sha256$720000$seasalt$eDupbcisD1UuIiou3hMuMu8oe/XwnpDw45r6AA5iv0E=",
    "pbkdf2_sha256$870000$seasalt$wJSpLMQRQz0Dhj/pFpbyjMj71B2gUYp6HJS5AU+32Ac=",
  ];
  for (const hash of known) {
    expect(await passwords.verify("lètmein", hash)).toBe(true);
    expect(await passwords.verify("letmein", hash)).toBe(false);
  }
  for (const none of ["", "lètmein"]) expect(await passwords.verify(none, undefined)).toBe(false);
});

test("the first log-in renews the hash; spaces around the password, which the first version took away, go on to count for nothing where their owner types them", async () => {
  const passwords = createPasswords();
  const plain = django("plum-orbit-4417");
  for (const typed of ["plum-orbit-4417", " plum-orbit-4417", "plum-orbit-4417 "])
    expect([typed, await passwords.verify(typed, plain)]).toEqual([typed, true]);
  expect(passwords.isOutdated(plain)).toBe(true);

  const asTyped = await passwords.renew("plum-orbit-4417", plain);
  expect(asTyped).toMatch(TODAYS);
  expect([await passwords.verify("plum-orbit-4417", asTyped), await passwords.verify(" plum-orbit-4417", asTyped)]).toEqual([true, false]); // prettier-ignore

  const spaced = await passwords.renew("plum-orbit-4417 ", plain);
  expect(passwords.isOutdated(spaced)).toBe(false);
  for (const typed of ["plum-orbit-4417", "plum-orbit-4417 "]) expect(await passwords.verify(typed, spaced)).toBe(true);
  expect(await passwords.verify("plum-orbit-441", spaced)).toBe(false);

  // One that was set by Django's own commands, which take nothing away.
  const withSpaces = django(" plum-orbit-4417 ");
  expect(await passwords.verify(" plum-orbit-4417 ", withSpaces)).toBe(true);
  expect(await passwords.verify("plum-orbit-4417", withSpaces)).toBe(false);
  expect(await passwords.renew(" plum-orbit-4417 ", withSpaces)).toMatch(TODAYS);
});

test("while there are hashes of the first version, no wrong password is answered sooner than the slowest of them takes, whoever it is for; and nothing else waits", async () => {
  const iterations = 500_000;
  const fastest = async (work: () => unknown) => {
    let best = Infinity;
    for (let i = 0; i < 4; i++) {
      const startedAt = performance.now();
      await work();
      best = Math.min(best, performance.now() - startedAt);
    }
    return best;
  };
  const passwords = createPasswords(1, iterations);
  const todays = await passwords.hash("plum-orbit-4417");
  const slow = await fastest(() => pbkdf2Sync("x", "salt", iterations, 32, "sha256"));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  for (const hash of [undefined, "", todays, django("x", iterations), django("x", 1_000)])
    expect([hash, (await fastest(() => passwords.verify("wrong", hash))) > slow / 2]).toEqual([hash, true]);
  clearInterval(timer);
  // Twenty times tens of milliseconds, of which the main thread had most.
  expect(ticks).toBeGreaterThan(100);
  const none = createPasswords(1);
  expect(await fastest(() => none.verify("wrong", todays))).toBeLessThan(slow);
}, 60_000);
