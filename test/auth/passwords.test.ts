/** What mallory learns about passwords, and what they cost the server. */
import { dictionary } from "@zxcvbn-ts/language-common";
import { afterEach, expect, type Mock, spyOn, test } from "bun:test";
import { createAccounts } from "../../src/auth/accounts.ts";
import { weakness } from "../../src/auth/guessable.ts";
import { createPasswords } from "../../src/auth/passwords.ts";
import { createAuthStore } from "../../src/auth/store.ts";
import { createTokens } from "../../src/auth/tokens.ts";
import type { Database } from "../../src/db/client.ts";
import { openEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { Refusal } from "../../src/errors.ts";
import { createAudit } from "../../src/ops/audit.ts";
import { systemClock as clock } from "../../src/ops/clock.ts";
import { PASSWORD } from "../support/client.ts";
import { eventually, silent, tempDir } from "../support/services.ts";

const client = { address: "192.0.2.1", id: "request", userAgent: "" };
const verify = Bun.password.verify;
let spied: Mock<typeof Bun.password.verify> | undefined;
afterEach(() => spied?.mockRestore());

test("log-in does the same work and gives the same answer for a wrong password, an unknown, a disabled and a deleted account", async () => {
  const db = await openEmbedded(await tempDir(), clock, silent);
  await migrate(db);
  let statements = 0;
  const query: Database["query"] = (text, params) => {
    statements++;
    return db.query(text, params);
  };
  const store = createAuthStore({ ...db, query });
  const tokens = createTokens({ keys: [{ id: "k", bytes: new Uint8Array(32) }], accessTokenMs: 900_000, clock });
  const accounts = createAccounts({
    store,
    tokens,
    passwords: createPasswords(),
    isOnline: () => false,
    sessionEnded: () => {},
    erasureAsked: () => {},
    clock,
    audit: createAudit(silent, clock),
    times: { refreshTokenMs: 1e9, refreshGraceMs: 1e4, sessionMs: 1e10 },
  });
  const signUp = (username: string) =>
    accounts.signUp({ username, password: PASSWORD, password_confirm: PASSWORD }, client);
  for (const name of ["alice", "disabled-one"]) await signUp(name);
  await db.query("UPDATE users SET disabled_at = now() WHERE username = 'disabled-one'", []);
  const gone = await signUp("gone");
  const session = tokens.verify(gone.access, "access")!;
  expect(
    await accounts.deleteAccount(
      (await store.accountById(gone.user.id))!,
      session.sessionId,
      { password: PASSWORD },
      client,
    ),
  ).toBe(true);

  const hashes: string[] = [];
  spied = spyOn(Bun.password, "verify").mockImplementation((password, hash) => {
    hashes.push(hash as string);
    return verify(password, hash);
  });
  statements = 0;
  const attempts = [["alice", "wrong-password-1"], ["nobody", PASSWORD], ["disabled-one", PASSWORD], ["gone", PASSWORD], [`deleted-${gone.user.id.slice(-8)}`, PASSWORD], ["alice", ""]]; // prettier-ignore
  for (const [username, password] of attempts) {
    hashes.length = 0;
    const answer = await accounts.logIn({ username: username!, password: password! }, client);
    // One hash, as dear as any, and nothing asked of the database that the others do not ask.
    expect([username, answer, hashes]).toEqual([
      username,
      null,
      [expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)],
    ]);
  }
  expect(statements).toBe(0);
  expect(await accounts.logIn({ username: "alice", password: PASSWORD }, client)).toMatchObject({
    user: { username: "alice" },
  });
  await db.close();
});

test("hashes take their turns: so many at once, so many waiting, and the next is told to come back", async () => {
  let running = 0;
  let most = 0;
  const held: (() => void)[] = [];
  spied = spyOn(Bun.password, "verify").mockImplementation(async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((go) => held.push(go));
    running--;
    return true;
  });
  const passwords = createPasswords(2);
  const asked = Array.from({ length: 60 }, () =>
    passwords.verify("x", "hash").catch((refusal: Refusal) => refusal.code),
  );
  await eventually(() => expect(held.length).toBe(2));
  for (let done = 0; done < 52; done++) {
    await eventually(() => expect(held.length).toBeGreaterThan(0));
    held.shift()!();
  }
  const answers = await Promise.all(asked);
  expect([
    answers.filter((answer) => answer === true).length,
    answers.filter((answer) => answer === "unavailable").length,
  ]).toEqual([52, 8]);
  expect(most).toBe(2);
});

test("a hash that fails gives its turn on", async () => {
  spied = spyOn(Bun.password, "verify").mockImplementation(() => Promise.reject(new Error("no memory")));
  const passwords = createPasswords(1);
  for (let i = 0; i < 3; i++) expect(await passwords.verify("x", "hash").catch(String)).toContain("no memory");
  expect(await passwords.hash("x")).toStartWith("$argon2id$");
});

test("what anyone would guess is refused, and why in words a person can use", async () => {
  const guessable = [
    "P@ssw0rd1", "passw0rd", "password2024!", "Password123!", "passwordpassword", "PASSWORD1PASSWORD1", "drowssap1", "!dr0wss@p!", "@dmin12345", "1l0v3y0u",
    "monkey1999", "dragon14051987", "letmein!!!!!!", "liquidchat1", "aaaaaaaaaaaa", "abcabcabcabc", "12121212", "qwertyuiop", "qwertz12345", "poiuytrewq",
    "1qaz2wsx3edc", "asdfghjkl;", "987654321abc", "19870514", "2024-05-14", "14.05.1987", "40417283", "password".repeat(16), "a".repeat(128), "ab".repeat(64), "ｐａｓｓｗｏｒｄ１",
  ]; // prettier-ignore
  for (const password of guessable)
    expect([password, await weakness(password, "zoe")]).toEqual([password, expect.stringMatching(/ .*\.$/)]);
});

test("all common passwords of leaked lists are refused, those too that the list leaves to rules", async () => {
  const common = (dictionary["passwords-common"] as string[]).filter((password) => password.length >= 8);
  expect(common.length).toBeGreaterThan(17_000);
  const others = [
    "linkedin", "linkedin2011", "hotmail1", "yahoo.com", "google.com", "password.com", "instagram", "abcdefgh", "87654321", "00000000", "123123123", "1q2w3e4r5t6y7u8i", "1g2w3e4r",
    "liquidchat", "Liquid-Chat", "L1qu1dCh4t!", "my liquidchat account",
  ]; // prettier-ignore
  for (const password of [...common, ...others])
    expect([password, await weakness(password, "zoe")]).toEqual([password, expect.stringMatching(/ .*\.$/)]);
});

test("a password that is the name, or much like it, is refused", async () => {
  for (const [name, password] of [
    ["alice", "al1ce-2024x"],
    ["alice", "ecila99999x"],
    ["alice", "xxALICExx12"],
    ["al1ce", "alice-in-wo"],
    ["john.smith", "johnsmith77x"],
    ["john.smith", "smith2024"],
    ["robert", "r.o.b.e.r.t.1"],
    ["liquidfan99", "liquidfan1"],
    ["Zoë", "ZOË-is-here"],
  ])
    expect([name, password, await weakness(password!, name!)]).toEqual([
      name,
      password,
      expect.stringContaining("username"),
    ]);
});

test("a password that has more to it is taken, however plain", async () => {
  const fine = [
    PASSWORD, "correct horse battery", "tangerine-dream-42", "a-good-passphrase", "blue42horse", "x7k2abcd", "Xk9#mP2$vL", "monkey8342917", "пароль-мой-дом", "kräuterbutter", "417283904417", "äöüßéñçø".repeat(16),
  ]; // prettier-ignore
  for (const password of fine) expect([password, await weakness(password, "jo")]).toEqual([password, null]);
});

test("no password takes long to judge, whatever is in it", async () => {
  await weakness("warm up the dictionary", "x");
  const name = "x".repeat(32);
  const startedAt = performance.now();
  const long = [
    "a".repeat(127) + "b",
    "ﷺ".repeat(127) + "a",
    "1".repeat(64) + "a" + "!".repeat(63),
    "(".repeat(128),
    "ab1".repeat(42),
  ];
  for (let i = 0; i < 20; i++) for (const password of long) await weakness(password, name);
  // Each a millisecond at most; a pattern that backtracks would take seconds.
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
