/** What the page says, in every language, and that it says nothing else. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { en } from "../../src/web/app/words/en.ts";
import { grammarOf } from "../../src/web/app/words/grammar.ts";
import { LANGUAGES, type Language, settle } from "../../src/web/app/words/languages.ts";
import { timesOf } from "../../src/web/app/words/times.ts";

const WEB = join(import.meta.dir, "../../src/web");
const languages = Object.keys(LANGUAGES) as Language[];
const wordsOf = (language: Language) => LANGUAGES[language].words(grammarOf(language));

/** Every entry by its path; a sentence with parameters by their number. */
function entriesOf(value: unknown, path = ""): [path: string, entry: string | ((...values: unknown[]) => unknown)][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, value as () => unknown]];
  return Object.entries(value as object).flatMap(([key, inner]) => entriesOf(inner, `${path}.${key}`));
}
const shape = (language: Language) =>
  entriesOf(wordsOf(language)).map(([path, entry]) => [path, typeof entry === "string" ? "text" : entry.length]);

describe.each(languages)("in %s", (language) => {
  test("every sentence is there, with the same parameters, and none is empty", () => {
    expect(shape(language).sort()).toEqual(shape("en").sort());
    for (const [path, entry] of entriesOf(wordsOf(language))) {
      if (typeof entry === "string") expect([path, entry.trim() === entry && entry !== ""]).toEqual([path, true]);
    }
  });

  test("a sentence has a form for every number, and shows what it is given", () => {
    const { room, rooms, message, signIn, strength, count } = wordsOf(language);
    const { number } = grammarOf(language);
    for (const n of [0, 1, 2, 3, 11, 100, 1_000_000]) {
      for (const say of [room.online, room.toLatestNew, room.countNew, rooms.unread, signIn.tooMany, strength.short]) {
        const said = say(n);
        expect([said, /#|undefined|NaN/.test(said)]).toEqual([said, false]);
        // Languages may have a word for few, of many they tell the number.
        if (n > 10) expect(said).toContain(number(n));
      }
      const heard = message.heardMany(n, ["Ada", "Grace"], true);
      expect([heard.includes("Ada"), heard.includes("Grace"), heard.includes("#")]).toEqual([true, true, false]);
    }
    expect([count(99, 99), count(100, 99)]).toEqual([number(99), `${number(99)}+`]);
    expect([room.isTyping("Ada"), rooms.byMe("hello")].map((parts) => [parts].flat().length)).toEqual([2, 2]);
  });
});

test("a translation is one: no sentence is left in English", () => {
  const english = new Map(entriesOf(en(grammarOf("en"))));
  for (const language of languages.filter((language) => language !== "en"))
    for (const [path, entry] of entriesOf(wordsOf(language)))
      if (typeof entry === "string" && entry.includes(" "))
        expect([language, path, entry]).not.toEqual([language, path, english.get(path)]);
});

test("the language is the first of the browser's that the page speaks, unless one is chosen; its region decides on clock and digits", () => {
  expect(settle(["fr-FR", "de-AT", "en"], null)).toEqual({ language: "de", locale: "de-AT" });
  expect(settle(["AR-eg"], null)).toEqual({ language: "ar", locale: "AR-eg" });
  expect(settle(["fr", "constructor", ""], null)).toEqual({ language: "en", locale: "en" });
  expect(settle(["de-AT", "en-GB"], "en")).toEqual({ language: "en", locale: "en-GB" });
  expect(settle(["de-AT"], "ar")).toEqual({ language: "ar", locale: "ar" });
});

test("days and distances are told as one tells them, by the calendar", () => {
  const now = new Date(2026, 10, 23, 12).getTime();
  const [hour, day] = [3_600_000, 86_400_000];
  const { day: dayOf, ago } = timesOf("en-GB");
  const days = [0, 1, 3, 30, 400].map((back) => dayOf(now - back * day, now));
  expect(days).toEqual(["Today", "Yesterday", "Friday", "24 October", "19 October 2025"]);
  expect(dayOf(now + hour, now)).toBe("Today");
  expect([dayOf(now, now), timesOf("de").day(now, now)]).toEqual(["Today", "Heute"]);
  // A clock that runs ahead of the server's, a moment ago, over midnight, long ago.
  const told = [-hour, 20_000, 5 * 60_000, 11 * hour, 15 * hour, 3 * day, 21 * day, 800 * day].map((back) =>
    ago(now - back, now),
  );
  expect(told).toEqual(["1 minute ago", "1 minute ago", "5 minutes ago", "11 hours ago", "yesterday", "3 days ago", "3 weeks ago", "2 years ago"]); // prettier-ignore
});

/** What stands in a component for people to read or hear. */
function literalsOf(file: string): string[] {
  const found: string[] = [];
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const isSaid = /\p{L}/u;
  (function visit(node: ts.Node): void {
    if (ts.isJsxText(node) && isSaid.test(node.text)) found.push(node.text.trim());
    if (ts.isJsxAttribute(node) && /^(aria-label|title|placeholder|label|alt)$/.test(node.name.getText()))
      node.forEachChild(function within(child) {
        if (ts.isStringLiteralLike(child) && isSaid.test(child.text)) found.push(child.text);
        child.forEachChild(within);
      });
    // Anywhere else a sentence begins with a word that has a capital letter, and goes on.
    const text = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) ? node.text : "";
    if (/^\p{Lu}\p{Ll}+[ ,]/u.test(text)) found.push(text);
    node.forEachChild(visit);
  })(source);
  return found;
}

test("no component says anything in words of its own", () => {
  const files = readdirSync(join(WEB, "app")).filter((file) => /\.tsx?$/.test(file));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) expect([file, literalsOf(join(WEB, "app", file))]).toEqual([file, []]);
});

test("the style knows a beginning and an end of a line, no left and right: the page turns with its language", () => {
  const physical =
    /(margin|padding|border)-(left|right)|^\s*(left|right):|(text-align|float): (left|right)|-(left|right)-radius/gm;
  /** Of four values the second is the right, the fourth the left. */
  const uneven =
    /(margin|padding|inset): [^\s(;]+ ([^\s(;]+) [^\s(;]+ (?!\2;)[^\s(;]+;|border-radius: \S+ \S+ \S+ \S+;/gm;
  for (const file of readdirSync(join(WEB, "style"))) {
    const style = readFileSync(join(WEB, "style", file), "utf8");
    expect([file, style.match(physical), style.match(uneven)]).toEqual([file, null, null]);
  }
});
