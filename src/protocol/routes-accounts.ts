import { z } from "zod";
import * as say from "./answers.ts";
import * as api from "./api.ts";
import { BODY, id, ok, pages, type Route } from "./route.ts";

const session = z.object({
  "x-session": z
    .literal("cookie")
    .optional()
    .meta({ description: "For pages of this server: keep the refresh token in a cookie." }),
});

export const ACCOUNT_ROUTES: Record<string, Route> = {
  "POST /api/auth/signup": {
    tag: "Accounts",
    summary: "Sign up",
    may: "anybody",
    headers: session,
    body: api.signup,
    answers: { 201: ok("An account, and a session of it.", say.withTokens({ user: say.user }), "Set-Cookie") },
    refuses: [...BODY, "forbidden"],
  },
  "POST /api/auth/login": {
    tag: "Accounts",
    summary: "Log in",
    about: "One answer for an unknown name, a wrong password and a disabled account.",
    may: "anybody",
    headers: session,
    body: api.login,
    answers: { 200: ok("A new session.", say.withTokens({ user: say.user }), "Set-Cookie") },
    refuses: [...BODY, "unauthenticated", "forbidden"],
  },
  "POST /api/auth/token/refresh": {
    tag: "Accounts",
    summary: "Get new tokens",
    about: "Uses the refresh token up. One that was used up a while ago ends its session: somebody has a copy.",
    may: "anybody",
    headers: session,
    body: api.refresh,
    cookie: true,
    answers: { 200: ok("A new pair.", say.withTokens({}), "Set-Cookie") },
    refuses: [...BODY, "unauthenticated", "forbidden"],
  },
  "POST /api/auth/logout": {
    tag: "Accounts",
    summary: "Log out",
    about: "Ends the session of the refresh token, in every process. Again is fine.",
    may: "users",
    headers: session,
    body: api.refresh,
    cookie: true,
    answers: { 200: ok("It is over.", say.done, "Set-Cookie") },
    refuses: [...BODY, "forbidden"],
  },
  "GET /api/auth/me": {
    tag: "Accounts",
    summary: "Who one is",
    may: "users",
    answers: { 200: ok("Oneself.", say.me) },
  },
  "DELETE /api/auth/me": {
    tag: "Accounts",
    summary: "Remove one's account",
    about: "For good. Its messages stay, under another name, unless `erase` is true: then they are removed, soon.",
    may: "users",
    headers: session,
    body: api.remove,
    answers: { 204: ok("It is gone.", undefined, "Set-Cookie") },
    refuses: [...BODY, "forbidden"],
  },
  "GET /api/auth/me/export": {
    tag: "Accounts",
    summary: "All that is one's own",
    about: "Told as it is read; where it breaks off it is no whole JSON. A few times an hour.",
    may: "users",
    answers: { 200: ok("A file.", say.exported) },
  },
  "POST /api/auth/password": {
    tag: "Accounts",
    summary: "Change one's password",
    about: "Ends all other sessions.",
    may: "users",
    body: api.password,
    answers: { 200: ok("It is changed.", say.done) },
    refuses: BODY,
  },
  "POST /api/auth/reset": {
    tag: "Accounts",
    summary: "Set a password by a one-time link",
    about: "`token` is what stands behind the `#` of the link. Ends all sessions.",
    may: "anybody",
    body: api.reset,
    answers: { 200: ok("It is set.", say.done) },
    refuses: BODY,
  },
  "GET /api/auth/sessions": {
    tag: "Accounts",
    summary: "One's sessions",
    may: "users",
    answers: { 200: ok("Those that live, the latest used first.", z.array(say.session)) },
  },
  "DELETE /api/auth/sessions/:id": {
    tag: "Accounts",
    summary: "End a session of one's own",
    may: "users",
    path: id,
    answers: { 204: ok("It is over.") },
    refuses: ["not_found"],
  },
  "GET /api/auth/users": {
    tag: "People",
    summary: "Active users but oneself",
    may: "users",
    query: api.search.extend(pages.shape),
    answers: { 200: ok("A page of them, by name.", say.page(say.user)) },
    refuses: ["invalid_field", "not_found"],
  },
};
