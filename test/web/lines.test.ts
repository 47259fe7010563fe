import { expect, test } from "bun:test";
import { linesOf as linesFrom, type Talk } from "../../src/web/app/lines.ts";
import { strengthOf } from "../../src/web/app/strength.ts";

const NOON = new Date(2026, 10, 23, 12).getTime();
const message = (seq: number, author: string, at: number, clientId?: string) => ({
  id: seq,
  seq,
  version: seq,
  sender: { id: author, username: author },
  content: `${seq}`,
  timestamp: new Date(at).toISOString(),
  ...(clientId && { clientId }),
});
const linesOf = (talk: Partial<Talk>) =>
  linesFrom({ messages: [], pending: [], me: "me", newFrom: null, olderLeft: false, ...talk }, 0, Infinity);
const shown = (lines: ReturnType<typeof linesOf>) =>
  lines.flatMap(({ key, day, isNew, first, last }) => [
    ...(day ? ["day"] : []),
    ...(isNew ? ["new"] : []),
    `${key}${first ? " first" : ""}${last ? " last" : ""}`,
  ]);

test("what one author says within a minute stands together, under its day", () => {
  const lines = linesOf({
    messages: [
      message(1, "ada", NOON - 86_400_000),
      message(2, "ada", NOON),
      message(3, "ada", NOON + 59_000),
      message(4, "ada", NOON + 119_000),
      message(5, "grace", NOON + 120_000),
    ],
  });
  expect(shown(lines)).toEqual(["day", "1 first last", "day", "2 first", "3 last", "4 first last", "5 first last"]);
});

test("what is new begins at others' first unread message, once; one's own is never new", () => {
  const all = [message(1, "ada", NOON), message(2, "me", NOON), message(3, "ada", NOON), message(4, "ada", NOON)];
  expect(shown(linesOf({ messages: all, newFrom: 1 }))).toEqual([
    "day",
    "1 first last",
    "2 first last",
    "new",
    "3 first",
    "4 last",
  ]);
  expect(shown(linesOf({ messages: all, newFrom: 4 }))).not.toContain("new");
  // The first unread one may be above what is held.
  expect(shown(linesOf({ messages: all, newFrom: 0, olderLeft: true }))).not.toContain("new");
});

test("a line is the same whatever part of the room it is shown in", () => {
  const authors = ["ada", "ada", "grace", "me", "me", "ada"];
  const messages = authors.map((author, i) => message(i + 1, author, NOON + i * 50_000 + (i > 3 ? 86_400_000 : 0)));
  const talk = {
    messages,
    pending: [{ clientId: "x", content: "", at: 0 }],
    me: "me",
    newFrom: 2,
    olderLeft: true,
  };
  const all = linesFrom(talk, 0, Infinity);
  for (let from = 0; from < 7; from++)
    for (let to = from; to <= 7; to++) expect(linesFrom(talk, from, to)).toEqual(all.slice(from, to));
});

test("what is unsent comes last, however wrong the device's clock is, and keeps its key when the server has it", () => {
  const pending = { clientId: "mine", content: "x", at: NOON - 3_600_000 };
  const before = linesOf({ messages: [message(1, "ada", NOON)], pending: [pending] });
  expect(shown(before)).toEqual(["day", "1 first last", "mine first last"]);
  const after = linesOf({ messages: [message(1, "ada", NOON), message(2, "me", NOON + 5, "mine")] });
  expect(after.map(({ key }) => key)).toEqual(before.map(({ key }) => key));
});

test("the hint on a password asks for what is missing, and never praises the name", () => {
  expect(strengthOf("", "ada").score).toBe(0);
  expect(strengthOf("seven77", "ada")).toEqual({ score: 0, verdict: "short", missing: 1 });
  expect(strengthOf("ADA-likes-tea-1", "ada").score).toBe(0);
  expect(strengthOf("aaaaaaaaaaaaaa", "ada").score).toBe(1);
  expect(strengthOf("plum-orbit-4417", "ada").score).toBe(3);
});
