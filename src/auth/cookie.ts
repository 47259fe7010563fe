import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import type { HttpEnv } from "../deps.ts";
import { Refusal } from "../errors.ts";

const NAME = "lc_refresh";
/** Browsers keep none for longer. */
const MAX_AGE_S = 400 * 86_400;

/**
 * Whether a page of our own asks for its refresh token to live in a cookie, where no script can read it (`X-Session: cookie`). A page of any
 * other origin is refused, also of one that may use the API: it would use, or replace, a session that it cannot see. That other sites
 * cannot send this header without being asked for first, nor with our cookie (SameSite), is the second and the third wall.
 */
export function wantsCookie(c: Context<HttpEnv>): boolean {
  if (c.req.header("x-session")?.toLowerCase() !== "cookie") return false;
  const origin = c.req.header("origin");
  // Browsers tell it with every POST and DELETE; a program has no page that could be fooled.
  if (origin !== undefined && !isOwn(origin, c.var.url))
    throw new Refusal("forbidden", "Only pages of this server may keep their session in a cookie.");
  return true;
}

export const readRefresh = (c: Context<HttpEnv>): string => getCookie(c, NAME, prefix(c.var.url)) ?? "";

/** An empty token takes the cookie away. */
export function writeRefresh(c: Context<HttpEnv>, token: string, lifetimeMs: number): void {
  const options: CookieOptions = {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    maxAge: token ? Math.min(Math.floor(lifetimeMs / 1000), MAX_AGE_S) : 0,
  };
  setCookie(c, NAME, token, { ...options, prefix: prefix(c.var.url) });
}

/**
 * With this prefix a browser takes the cookie from this very host only, encrypted: no neighbour under the same domain and nobody on the way can
 * put one of theirs in its place, and the other name does not count. A machine's own pages are as good as encrypted.
 */
function prefix({ protocol, hostname }: URL): "host" | undefined {
  return protocol === "https:" || /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
    ? "host"
    : undefined;
}

/** Compared as for sockets: a proxy that is not trusted, and so not believed that it speaks TLS, may do so all the same. */
function isOwn(origin: string, url: URL): boolean {
  if (!/^https?:\/\/[^/?#@]+$/.test(origin) || !URL.canParse(origin)) return false;
  const [page, ours] = [new URL(origin), new URL(url)];
  if (ours.protocol === "http:") ours.protocol = page.protocol;
  return page.origin === ours.origin;
}
