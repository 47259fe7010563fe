/** Whatever any test is told by a server is looked at here: whether it has the shape that was promised, and whether it is the receiver's business. */
import type { Endpoint } from "../../src/protocol/frames.ts";
import { judgeAnswer, judgeFrame } from "./documents.ts";
import { ANSWERS, FRAMES, problem } from "./shapes.ts";

/** Everyone's e-mail address ends so, and nobody is ever told one. */
export const MAIL = "mailbox.example";
export const PASSWORD = "plum-orbit-4417";

const SECRETS: [what: string, pattern: RegExp][] = [
  ["an e-mail address", new RegExp(MAIL.replace(".", "\\."), "i")],
  ["a password", new RegExp(PASSWORD)],
  ["a password's hash", /\$argon2/],
];
/** To a client, not to a log. */
const CAUSES = /SQLSTATE|violates|Failed query|postgres:/i;
const TOKEN = /eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;

/** What was wrong with frames, for the test in whose time they came (preload.ts). Answers throw by themselves. */
export const wrongs: string[] = [];

/** Who takes part in which conversation, as far as anybody was told. Ids are never used twice, so one map does for all servers. */
const takingPart = new Map<string, Set<string>>();

/** What every server printed. */
export const logs: (() => string)[] = [];

/** Throws the line of a log that tells what users typed to one of them. */
export function witnessLogs(): void {
  for (const log of logs) {
    const text = log();
    for (const [what, pattern] of [...SECRETS, ["a token", TOKEN] as const]) {
      const at = text.search(pattern);
      if (at < 0) continue;
      const line = text.slice(text.lastIndexOf("\n", at) + 1).split("\n", 1)[0];
      throw new Error(`a log tells ${what}: ${line}`);
    }
  }
}

type Told = { status: number; body: unknown; text: string; contentType: string; headers?: Headers };

/** Throws what is wrong with an answer. `receiver`: the user's id, null for a stranger. */
export function witnessAnswer(
  method: string,
  path: string,
  token: string | undefined,
  sent: unknown,
  told: Told,
): void {
  const where = `${method} ${path} ${told.status}`;
  const { status, body, text, contentType } = told;
  if (status >= 400 && method !== "HEAD") {
    if (contentType !== "application/problem+json") throw new Error(`${where}: ${contentType}`);
    expectShape(where, problem, body);
    if ((body as { status: number }).status !== status) throw new Error(`${where}: the body says another status`);
  } else if (method !== "HEAD" && method !== "OPTIONS" && status !== 101) {
    const route = routeOf(method, path);
    const shape = route && ANSWERS[route]?.[status];
    if (!shape) throw new Error(`${where}: an answer that src/protocol/routes.ts does not know`);
    expectShape(where, shape, body);
  }
  judgeAnswer(method, path, sent, told);
  const granted = /\/(signup|login|refresh)\/?$/.test(path) && status < 300;
  const owner = granted ? ((body as { user?: { id: string } }).user?.id ?? userOf(refreshIn(sent))) : null;
  // Admins are told of everyone, and of addresses; nobody of passwords. That nobody else gets such an answer is the table's matter (test/access).
  const toAdmin = path.startsWith("/api/admin/") && status < 300;
  const own = /\/me\/export\/?$/.test(path);
  const expected = own ? text.replace(/"email":"[^"]*"/, "") : toAdmin ? text.replaceAll(`@${MAIL}`, "") : text;
  expectNoSecret(where, expected, owner);
  if (!toAdmin) expectOwnBusiness(where, userOf(token), body);
}

/** Notes what is wrong with a frame. */
export function witnessFrame(endpoint: Endpoint, receiver: string | null, text: string): void {
  const frame = JSON.parse(text) as { type: string };
  const where = `/ws/chat/${endpoint} ${frame.type}`;
  try {
    const shape = FRAMES[endpoint][frame.type];
    if (!shape) throw new Error(`${where}: a frame that src/protocol/server-frames.ts does not know`);
    expectShape(where, shape, frame);
    judgeFrame(endpoint, frame);
    expectNoSecret(where, text, null);
    if (receiver === null && frame.type !== "error" && frame.type !== "reconnect")
      throw new Error(`${where}: told to a stranger`);
    expectOwnBusiness(where, receiver, frame);
  } catch (error) {
    wrongs.push((error as Error).message);
  }
}

/** In a body, or in a cookie. */
function refreshIn(sent: unknown): string | undefined {
  if (typeof sent === "string" && sent.includes("lc_refresh=")) return /lc_refresh=(eyJ[^;]*)/.exec(sent)?.[1];
  return (typeof sent === "string" ? JSON.parse(sent.replace(/^\ufeff/, "")) : sent)?.refresh;
}

/** The user a token speaks for, unverified; null for what is none. */
export function userOf(token: string | undefined): string | null {
  try {
    return JSON.parse(Buffer.from(token!.split(".")[1]!, "base64url").toString()).user_id ?? null;
  } catch {
    return null;
  }
}

/** `/api/chat/conversations/:id` is the route of `/api/chat/conversations/<anything>/`; the more literal one wins, as in the server. */
function routeOf(method: string, path: string): string | undefined {
  const parts = split(path);
  const fits = (route: string) => {
    const [verb, pattern] = route.split(" ") as [string, string];
    const names = split(pattern);
    return (
      verb === method && names.length === parts.length && names.every((n, i) => n.startsWith(":") || n === parts[i])
    );
  };
  return Object.keys(ANSWERS)
    .filter(fits)
    .sort((a, b) => a.split(":").length - b.split(":").length)[0];
}

const split = (path: string) => path.replace(/\/$/, "").split("/");

function expectShape(where: string, shape: (typeof ANSWERS)[string][number], value: unknown): void {
  const { success, error } = shape.safeParse(value);
  if (success) return;
  const issues = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`${where} has another shape: ${issues.join("; ")} in ${JSON.stringify(value)?.slice(0, 500)}`);
}

/** `owner`: whose tokens the answer may hold, where it may hold any. */
function expectNoSecret(where: string, text: string, owner: string | null): void {
  const plain = text.replace(TOKEN, "");
  for (const [what, pattern] of SECRETS) if (pattern.test(plain)) throw new Error(`${where} tells ${what}`);
  if (CAUSES.test(plain)) throw new Error(`${where} tells the cause of an error`);
  for (const [token] of text.matchAll(TOKEN))
    if (!owner || userOf(token) !== owner) throw new Error(`${where} tells a token`);
}

/** Whatever is told of a conversation, in an answer or a frame, is told to those who take part in it. */
function expectOwnBusiness(where: string, receiver: string | null, value: unknown): void {
  if (Array.isArray(value)) return value.forEach((item) => expectOwnBusiness(where, receiver, item));
  if (typeof value !== "object" || value === null) return;
  const { id, stream, conversation_id, participants } = value as Record<string, unknown>;
  const room = [participants && id, stream, conversation_id].find(
    (name) => typeof name === "string" && name !== "global",
  );
  if (typeof room === "string") {
    const people = Array.isArray(participants) && participants.length ? participants.map((one) => one.id) : null;
    if (people) takingPart.set(room, new Set(people));
    if (receiver === null || takingPart.get(room)?.has(receiver) === false)
      throw new Error(`${where} tells ${receiver ?? "a stranger"} of a conversation of others: ${room}`);
  }
  for (const inner of Object.values(value)) expectOwnBusiness(where, receiver, inner);
}
