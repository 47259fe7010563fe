import type { z } from "zod";
import type { Config } from "../config.ts";
import type { Identity, IsOnline } from "../deps.ts";
import type { UserRow } from "../db/schema.ts";
import { type FieldError, invalid, Refusal, unauthenticated } from "../errors.ts";
import { checkEach } from "../input.ts";
import type { Asker, Audit } from "../ops/audit.ts";
import type { Clock } from "../ops/clock.ts";
import * as api from "../protocol/api.ts";
import type { Session, User } from "../protocol/models.ts";
import { weakness } from "./guessable.ts";
import { resetHash } from "./operator.ts";
import { fold, isReserved, readName, withinReason } from "./names.ts";
import type { Passwords } from "./passwords.ts";
import { judge } from "./rotation.ts";
import type { Account, AuthStore } from "./store.ts";
import type { Tokens, TokenSource } from "./tokens.ts";

export type Accounts = ReturnType<typeof createAccounts>;

type Deps = {
  store: AuthStore;
  tokens: Tokens;
  passwords: Passwords;
  isOnline: IsOnline;
  /** Tells this process and the others that a session is over; `disabled`: with its account. */
  sessionEnded: (sessionId: string, disabled?: boolean) => void;
  audit: Audit;
  clock: Clock;
  times: Pick<Config, "refreshTokenMs" | "refreshGraceMs" | "sessionMs">;
  /** Somebody's messages are to be removed. */
  erasureAsked: () => void;
};

/** Who asks, by what program. */
export type Client = Asker & { userAgent: string };

/** Signing up, in and out. Every answer with tokens belongs to one session. */
export function createAccounts(deps: Deps) {
  const { store, tokens, passwords, audit, clock, times } = deps;

  /** Whole seconds, as in a JWT: the tokens must come out the same when made again. No refresh makes a session live for longer than its time. */
  const nextTokens = (id: string, userId: string, since: number): TokenSource => {
    const now = clock.now();
    return {
      id,
      userId,
      jti: crypto.randomUUID(),
      issuedAt: wholeSeconds(now),
      expiresAt: wholeSeconds(Math.min(now + times.refreshTokenMs, since + times.sessionMs)),
    };
  };
  const newSession = (userId: string) => nextTokens(Bun.randomUUIDv7(), userId, clock.now());

  /** False where it is not this user's, has ended, or never was. */
  async function endSession(id: string, user: string, client: Client): Promise<boolean> {
    const ended = await store.endSession(id, user);
    if (ended) {
      deps.sessionEnded(id);
      audit.tell("session_ended", client, { user, session: id });
    }
    return ended;
  }

  /** Tells everyone of the sessions that ended by what the account's owner did; null: the password was not theirs. */
  function concluded(
    event: "password_changed" | "account_deleted",
    ended: string[] | null,
    { id: user }: Account,
    session: string,
    client: Client,
  ): boolean {
    for (const id of ended ?? []) deps.sessionEnded(id, event === "account_deleted");
    audit.tell(ended ? event : "password_wrong", client, { user, session, ended: ended?.length });
    return ended !== null;
  }

  return {
    /** Tells all that is wrong at once: a form is filled in again as a whole. */
    async signUp(body: Record<string, unknown>, client: Client) {
      const { data, errors } = checkEach(api.signup, body);
      const name = data.username === undefined ? undefined : readName(data.username);
      if (typeof name === "string")
        errors.push({ field: "username", code: data.username ? "invalid" : "required", message: name });
      else if (name && (isReserved(name) || (await store.isTaken(name)))) errors.push(takenName);
      const weak =
        data.password === undefined
          ? null
          : await weakness(data.password, typeof name === "object" ? name.username : "");
      if (weak) errors.push({ field: "password", code: data.password ? "weak" : "required", message: weak });
      if (
        data.password_confirm !== undefined &&
        data.password !== undefined &&
        data.password !== data.password_confirm
      ) {
        errors.push({ field: "password_confirm", code: "mismatch", message: "The two passwords differ." });
      }
      if (errors.length || typeof name !== "object") throw fieldRefusal(errors);

      const id = Bun.randomUUIDv7();
      const session = newSession(id);
      const password = await passwords.hash(data.password!);
      if (!(await store.signUp({ ...name, id, password, email: data.email ?? null }, session, client.userAgent)))
        throw fieldRefusal([takenName]);
      audit.tell("signed_up", client, { user: id, session: session.id });
      return { user: userView((await store.userById(id))!, deps.isOnline), ...tokens.pair(session) };
    },

    /** Null, after the same work, for an unknown name, a wrong password, a disabled and a deleted account. */
    async logIn(input: z.output<typeof api.login>, client: Client) {
      for (;;) {
        const account = await store.accountByName(accountKey(input.username));
        const right = await passwords.verify(input.password, account?.password);
        if (!account || !right) {
          audit.tell("login_failed", client, { user: account?.id });
          return null;
        }
        const session = newSession(account.id);
        const renewed = passwords.isOutdated(account.password)
          ? await passwords.renew(input.password, account.password)
          : null;
        // Else there is another hash by now: of another password, or of the same, by a log-in that was faster to renew it.
        if (!(await store.startSession(session, client.userAgent, account, renewed))) continue;
        audit.tell("logged_in", client, { user: account.id, session: session.id });
        return { user: userView(account, deps.isOnline), ...tokens.pair(session) };
      }
    },

    /** Ends all other sessions. False where the password is wrong. */
    async changePassword(
      account: Account,
      sessionId: string,
      input: z.output<typeof api.password>,
      client: Client,
    ): Promise<boolean> {
      const ended = (await passwords.verify(input.password, account.password))
        ? await store.changePassword(account, sessionId, await passwords.hash(input.new_password))
        : null;
      return concluded("password_changed", ended, account, sessionId, client);
    },

    /** By a one-time link. Ends all sessions. */
    async resetPassword({ token, password }: z.output<typeof api.reset>, client: Client): Promise<void> {
      const hash = resetHash(token);
      const account = await store.accountOfReset(hash);
      if (!account) throw badLink();
      const weak = await weakness(password, account.username);
      if (weak) throw invalid("password", weak, "weak");
      const ended = await store.resetPassword(hash, await passwords.hash(password));
      if (!ended) throw badLink();
      for (const id of ended) deps.sessionEnded(id);
      audit.tell("password_reset", client, { user: account.id, ended: ended.length });
    },

    /** Ends all sessions, and with `erase` has all their messages removed, soon. False where the password is wrong. */
    async deleteAccount(
      account: Account,
      sessionId: string,
      { password, erase = false }: z.output<typeof api.remove>,
      client: Client,
    ): Promise<boolean> {
      const right = await passwords.verify(password, account.password);
      const ended = right ? await store.deleteAccount(account, sessionId, erase) : null;
      if (ended && erase) deps.erasureAsked();
      return concluded("account_deleted", ended, account, sessionId, client);
    },

    async sessions({ userId, sessionId }: Identity): Promise<Session[]> {
      const rows = await store.sessionsOf(userId, new Date(clock.now()));
      return rows.map(({ id, createdAt, issuedAt, userAgent }) => ({
        id,
        created_at: createdAt.toISOString(),
        // Tokens are issued at whole seconds.
        last_used_at: (issuedAt > createdAt ? issuedAt : createdAt).toISOString(),
        user_agent: userAgent,
        current: id === sessionId,
      }));
    },

    endSession,

    /** Ends the session that a browser had before it got another one, if its refresh token is of one that lives. */
    async endFormer(refreshToken: string, client: Client): Promise<void> {
      const claims = tokens.verify(refreshToken, "refresh");
      if (claims) await endSession(claims.sessionId, claims.userId, client);
    },

    /** Ends the session that a refresh token belongs to, an expired or used one too; one that ended before is fine. */
    async logOut(userId: string, refreshToken: string, client: Client): Promise<void> {
      const claims = tokens.verify(refreshToken, "refresh");
      if (!claims || claims.userId !== userId) throw invalid("refresh", "This is not a refresh token of yours.");
      const { sessionId } = claims;
      if (await store.endSession(sessionId, userId))
        audit.tell("logged_out", client, { user: userId, session: sessionId });
      deps.sessionEnded(sessionId);
    },

    async refresh(refreshToken: string, client: Client): Promise<{ access: string; refresh: string }> {
      const claims = tokens.verify(refreshToken, "refresh");
      if (!claims || claims.expired) throw unauthenticated();
      for (;;) {
        const session = await store.session(claims.sessionId);
        if (!session) throw unauthenticated();
        const verdict = judge(session, claims.jti, clock.now(), times.refreshGraceMs);
        if (verdict.kind === "repeat") return tokens.pair(session);
        if (verdict.kind === "rotate") {
          const next = nextTokens(session.id, session.userId, session.createdAt.getTime());
          if (await store.rotate(session, next, verdict.spent)) return tokens.pair(next);
          continue; // Another request was faster; what it left decides.
        }
        if (verdict.kind === "slow down")
          throw new Refusal("rate_limited", "Too many refreshes. Wait a moment.", {
            retryAfterMs: times.refreshGraceMs,
          });
        if (verdict.kind === "reuse") {
          if (await store.endSession(session.id, session.userId))
            audit.tell("token_reused", client, { user: session.userId, session: session.id });
          deps.sessionEnded(session.id);
        }
        throw unauthenticated();
      }
    },
  };
}

const wholeSeconds = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);

/** What an account is found by, and wrong passwords are counted by. No name is nearly as long as the cut. */
export function accountKey(typed: string): string {
  return fold(withinReason(typed.trim()));
}

/** A user as others see them. The e-mail is nobody's business. */
export function userView(user: UserRow, isOnline: IsOnline): User {
  return {
    id: user.id,
    username: user.username,
    is_online: isOnline(user.id),
    created_at: user.createdAt.toISOString(),
    last_seen: user.lastSeen?.toISOString() ?? null,
  };
}

const takenName: FieldError = {
  field: "username",
  code: "taken",
  message: "This username is taken, or looks like one that is.",
};

const badLink = () => invalid("token", "This link is not good any more. Ask for a new one.");

function fieldRefusal(errors: FieldError[]): Refusal {
  return new Refusal("invalid_field", errors.map((error) => error.message).join(" "), { errors });
}
