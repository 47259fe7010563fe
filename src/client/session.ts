import type { User } from "../protocol/models.ts";
import { ChatError } from "./errors.ts";
import type { Http } from "./http.ts";
import type { Clock } from "./ports.ts";
import type { ChatStorage } from "./storage.ts";

/** `logged_out`: by the page. `expired`: the session is over. `disabled`: the account is. */
export type SignedOutReason = "logged_out" | "expired" | "disabled";

type Tokens = {
  access: string;
  /** The refresh token; where a cookie has that, the id of the session. */
  refresh: string;
  /** Milliseconds since 1970, by this clock. */
  expires: number;
};
type Stored = Tokens & { user: User };
/** A cookie has the refresh token where there is none. */
type Answer = { access: string; refresh?: string };

export type Session = ReturnType<typeof createSession>;

const KEY = "session";
/** A refresh whose answer got lost may be asked for again, but only for ten seconds: two tries must fit in (ms). */
const REFRESH_TIMEOUT = 4_000;
/** A token with less than this left (ms) is not used any more. */
const MARGIN = 60_000;

/** Who is signed in, and with which tokens. Tabs share them through the storage, or through a cookie, of which it tells only whose it is. */
export function createSession({
  http,
  storage,
  clock,
  cookie = false,
  entering = () => {},
  signedOut,
}: {
  http: Http;
  storage: ChatStorage;
  clock: Clock;
  /** The server keeps the refresh token in a cookie, where no script can read it; the access token stays in memory. */
  cookie?: boolean;
  /** Somebody logs in: whoever was signed in before is so no more. */
  entering?: () => void;
  signedOut: (reason: SignedOutReason, user: User) => void;
}) {
  let current: Stored | null = null;
  /** Rises with every sign-in and sign-out: what was asked for before is not for whoever comes after. */
  let era = 0;
  /** The refresh under way, and since when its user is signed in. */
  let renewing: { era: number; token: Promise<string> } | null = null;
  /** The sign-in that a log-out under way is of. */
  let leaving = -1;
  /** The storage did not take the newest tokens: those that it has are used up. */
  let failing = false;

  /** Kept in memory even where the storage fails: the session then lasts as long as the page. */
  async function keep(next: Stored): Promise<void> {
    current = next;
    failing = !(await storage.set(KEY, cookie ? { ...next, access: "", expires: 0 } : next).then(
      () => true,
      () => false,
    ));
  }

  function post<T>(action: string, body: object, options: Parameters<Http>[2] = {}): Promise<T> {
    const headers = cookie ? { "X-Session": "cookie" } : undefined;
    return http("POST", `/api/auth/${action}/`, { body, ...options, ...(headers && { headers }) });
  }

  async function stored(): Promise<Stored | undefined> {
    if (failing) return current ?? undefined;
    return (await storage.get(KEY).catch(() => undefined)) as Stored | undefined;
  }

  /** @returns false where another tab has a newer session of the same user: then that is the one */
  async function end(reason: SignedOutReason): Promise<boolean> {
    // The server may close the socket before it answers the log-out; that one ends it then.
    if (leaving === era && reason !== "logged_out") return true;
    const mine = era;
    if (reason === "expired" && (await adopt())) return false;
    const ended = current;
    if (!ended || era !== mine) return true;
    current = null;
    era++;
    signedOut(reason, ended.user);
    // Another tab may have signed in since.
    if (failing || (await stored())?.refresh === ended.refresh) await storage.delete(KEY).catch(() => {});
    failing = false;
    return true;
  }

  async function enter(action: string, body: object): Promise<User> {
    const { user, ...tokens } = await post<Answer & { user: User }>(action, body);
    era++;
    const kept = keep({ user, ...dated(tokens, clock.now()) });
    entering();
    await kept;
    return user;
  }

  /** The tokens of another tab that was quicker: a used refresh token, sent again later than the grace, ends the whole session. */
  async function adopt(): Promise<boolean> {
    const [former, mine] = [current, era];
    const other = await stored();
    if (!former || era !== mine) return false;
    if (current !== former) return true;
    if (!other || other.user.id !== former.user.id || other.refresh === former.refresh) return false;
    current = other;
    return true;
  }

  async function renew(stale: string): Promise<string> {
    const mine = era;
    await adopt();
    // Nothing that one user asked for is done in another one's name.
    if (!current || era !== mine) throw none();
    if (current.access !== stale && current.expires - clock.now() > MARGIN) return current.access;
    const { user, refresh } = current;
    // A page that is closed meanwhile must not make the browser drop the new cookie: the old one is used up.
    const options = { timeoutMs: REFRESH_TIMEOUT, keepalive: cookie };
    const ask = () => post<Answer>("token/refresh", cookie ? {} : { refresh }, options);
    try {
      // No answer, or a proxy's: the server may have used the token up.
      const tokens = await ask().catch((error: ChatError) =>
        error.status >= 400 && error.status < 500 ? Promise.reject(error) : ask(),
      );
      // Another tab has signed in as someone else, and the cookie is theirs.
      const owner = claimsOf(tokens.access)?.user_id;
      if (cookie && owner !== undefined && owner !== user.id)
        throw new ChatError("unauthenticated", "Somebody else is signed in.");
      const next = { user, ...dated(tokens, clock.now()) };
      const kept = (await stored()) ?? next;
      // Signed out, or in as someone else, while it was under way.
      if (era !== mine) throw none();
      // Another tab's were taken over.
      if (current.refresh !== refresh) return await renew(stale);
      // Where another tab has signed in as someone else, theirs stays in the storage.
      if (kept.user.id === user.id) await keep(next);
      else current = next;
      return tokens.access;
    } catch (error) {
      if (!(error instanceof ChatError && error.code === "unauthenticated")) throw error;
      if (era === mine && current.refresh === refresh) await end("expired");
      if (era !== mine || leaving === era) throw none();
      return renew("");
    }
  }

  /** One refresh for however many callers. `stale` is the token that is not to be used any more. */
  function refresh(stale: string): Promise<string> {
    // One of somebody who was signed in before is not waited for: it ends in nothing.
    if (renewing?.era === era) return renewing.token;
    const mine = { era, token: renew(stale).finally(() => renewing === mine && (renewing = null)) };
    renewing = mine;
    return mine.token;
  }

  /** An access token that lasts a while. @throws {ChatError} `signed_out`; any other means: not now, the session is kept */
  async function access(): Promise<string> {
    if (!current) throw none();
    return current.expires - clock.now() > MARGIN ? current.access : refresh(current.access);
  }

  return {
    /** Who is signed in; null when nobody is. */
    user: (): User | null => current?.user ?? null,
    /** @throws {ChatError} with `errors` by field */
    signUp: (form: { username: string; password: string; email?: string }): Promise<User> =>
      enter("signup", { ...form, password_confirm: form.password }),
    logIn: (form: { username: string; password: string }): Promise<User> => enter("login", form),
    /**
     * Goes on with the session that this device keeps; another tab may have ended it, or begun one of somebody else's. It may turn out to be
     * over at the first request.
     */
    async restore(): Promise<User | null> {
      const former = current;
      const kept = failing ? former : ((await storage.get(KEY).catch(() => former)) as Stored | null | undefined);
      if (former && former === current && kept?.user.id !== former.user.id) {
        current = null;
        era++;
        signedOut("logged_out", former.user);
      }
      if (!current && kept) {
        current = kept;
        era++;
      }
      return current?.user ?? null;
    },
    /** Signed out here whatever happens. @throws {ChatError} when the server could not be told: its side then ends by itself */
    async logOut(): Promise<void> {
      if (!current) return;
      const mine = (leaving = era);
      try {
        const token = await access();
        // Who waits for it may close the page, and would be signed in still.
        await post("logout", cookie ? {} : { refresh: current.refresh }, {
          token,
          timeoutMs: REFRESH_TIMEOUT,
          keepalive: true,
        });
      } catch (error) {
        if (!(error instanceof ChatError && (error.status === 401 || error.code === "signed_out"))) throw error;
      } finally {
        // Somebody may have logged in meanwhile.
        if (era === mine) await end("logged_out");
      }
    },
    access,
    refresh,
    end,
  };
}

function none(): ChatError {
  return new ChatError("signed_out", "Log in first.");
}

/** By the lifetime in the token, not by its hour: clocks of devices are wrong. What cannot be read is used until the server says 401. */
function dated({ access, refresh }: Answer, now: number): Tokens {
  const { iat = 0, exp = 0, sid = "" } = claimsOf(access) ?? {};
  return { access, refresh: refresh ?? sid, expires: now + (exp > iat ? (exp - iat) * 1_000 : 1e12) };
}

function claimsOf(token: string): { iat?: number; exp?: number; sid?: string; user_id?: string } | null {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null;
  }
}
