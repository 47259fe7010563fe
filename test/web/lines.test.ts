import { expect, test } from "bun:test";
import { linesOf } from "../../src/web/app/lines.ts";
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
const shown = (lines: ReturnType<typeof linesOf>) =>
  lines.map((line) =>
    "first" in line ? `${line.key}${line.first ? " first" : ""}${line.last ? " last" : ""}` : line.kind,
  );

test("what one author says within a minute stands together, under its day", () => {
  const lines = linesOf(
    [
      message(1, "ada", NOON - 86_400_000),
      message(2, "ada", NOON),
      message(3, "ada", NOON + 59_000),
      message(4, "ada", NOON + 119_000),
      message(5, "grace", NOON + 120_000),
    ],
    [],
    "me",
    null,
  );
  expect(shown(lines)).toEqual(["day", "1 first last", "day", "2 first", "3 last", "4 first last", "5 first last"]);
});

test("what is new begins at others' first unread message, once; one's own is never new", () => {
  const all = [message(1, "ada", NOON), message(2, "me", NOON), message(3, "ada", NOON), message(4, "ada", NOON)];
  expect(shown(linesOf(all, [], "me", 1))).toEqual(["day", "1 first last", "2 first last", "new", "3 first", "4 last"]);
  expect(shown(linesOf(all, [], "me", 4))).not.toContain("new");
});

test("what is unsent comes last, however wrong the device's clock is, and keeps its key when the server has it", () => {
  const pending = { clientId: "mine", content: "x", at: NOON - 3_600_000 };
  const before = linesOf([message(1, "ada", NOON)], [pending], "me", null);
  expect(shown(before)).toEqual(["day", "1 first last", "mine first last"]);
  const after = linesOf([message(1, "ada", NOON), message(2, "me", NOON + 5, "mine")], [], "me", null);
  expect(after.map(({ key }) => key)).toEqual(before.map(({ key }) => key));
});

test("the hint on a password asks for what is missing, and never praises the name", () => {
  expect(strengthOf("", "ada").score).toBe(0);
  expect(strengthOf("seven77", "ada")).toEqual({ score: 0, verdict: "short", missing: 1 });
  expect(strengthOf("ADA-likes-tea-1", "ada").score).toBe(0);
  expect(strengthOf("aaaaaaaaaaaaaa", "ada").score).toBe(1);
  expect(strengthOf("plum-orbit-4417", "ada").score).toBe(3);
});
