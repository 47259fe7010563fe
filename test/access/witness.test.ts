/** The witness (test/support/witness.ts) looks at all that any test is told. It can see. */
import { expect, test } from "bun:test";
import { MAIL, PASSWORD, witnessAnswer, witnessFrame, wrongs } from "../support/witness.ts";

const [me, other, third] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
const tokenOf = (user_id: string) =>
  `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(JSON.stringify({ user_id })).toString("base64url")}.x`;
const time = "2026-01-01T00:00:00.000Z";
const user = (id: string, more = {}) => ({
  id,
  username: "u",
  is_online: false,
  created_at: time,
  last_seen: null,
  ...more,
});
const room = crypto.randomUUID();
const conversation = (...people: string[]) => ({
  id: room, participants: people.map((id) => user(id)), created_at: time, updated_at: time, last_message: null, unread_count: 0, head_seq: 0, read_seq: 0,
}); // prettier-ignore

function answer(path: string, body: unknown, { status = 200, method = "GET", sent = null as unknown } = {}): string {
  const contentType = status < 400 ? "application/json" : "application/problem+json";
  try {
    witnessAnswer(method, path, tokenOf(me), sent, { status, body, text: JSON.stringify(body), contentType });
    return "fine";
  } catch (error) {
    return (error as Error).message;
  }
}
const users = (...results: object[]) => ({ count: 1, next: null, previous: null, results });

test("an answer with another key, a secret, somebody's token or somebody's conversation does not pass", () => {
  expect(answer("/api/auth/users/", users(user(other)))).toBe("fine");
  expect(answer("/api/auth/users/", users(user(other, { email: null })))).toContain("Unrecognized key");
  expect(answer("/api/auth/users/", { ...users(), next: `https://x/?q=a@${MAIL}` })).toContain("an e-mail address");
  expect(answer("/api/auth/users/", users(user(other, { username: PASSWORD })))).toContain("a password");
  expect(answer("/api/auth/users/", users(user(other, { username: tokenOf(me) })))).toContain("a token");
  expect(answer("/api/chat/conversations/", users(conversation(me, other)))).toBe("fine");
  expect(answer("/api/chat/conversations/", users(conversation(other, third)))).toContain("conversation of others");
  expect(answer("/api/new/", {})).toContain("does not know");
  expect(answer("/api/auth/users/", { detail: "no" }, { status: 401 })).toContain("another shape");
  const pair = { access: tokenOf(other), refresh: tokenOf(other) };
  const refresh = { method: "POST", sent: { refresh: tokenOf(me) } };
  expect(answer("/api/auth/token/refresh/", pair, refresh)).toContain("a token");
});

test("neither does such a frame", () => {
  const told = (endpoint: "global" | "private" | "chat", receiver: string | null, frame: object) => {
    witnessFrame(endpoint, receiver, JSON.stringify(frame));
    return wrongs.splice(0).join() || "fine";
  };
  answer("/api/chat/conversations/", users(conversation(other, third)));
  const typing = { type: "typing_indicator", user_id: other, username: "u", conversation_id: room, status: "typing" };
  expect(told("private", third, typing)).toBe("fine");
  expect(told("private", me, typing)).toContain("conversation of others");
  expect(told("private", null, typing)).toContain("a stranger");
  expect(told("global", third, typing)).toContain("does not know");
  expect(told("private", third, { ...typing, email: "" })).toContain("Unrecognized key");
  const message = { id: 1, sender: { id: other, username: "u" }, content: "<b>", timestamp: time };
  expect(told("global", me, { type: "global_message", message })).toContain("has markup");
});
