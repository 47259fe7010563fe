/** Texts that were made to be slow to clean, to come back as markup, or to be cut in a bad place. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { preview } from "../../src/chat/rooms.ts";
import { sanitize } from "../../src/chat/sanitize.ts";

const OPENS_MARKUP = /<[A-Za-z/!?]/;
const PARTS = [
  "<", "<<", "<<a", "<a", "<a ", "<a <a", "<<b>", "<b>", "</b>", "</", "<!", "<!--", "-->", "<!--<!--", "<![CDATA[", "]]>", "<?", "<?xml", "<script>", "<script", "<script ",
  "<script/", "</script", "</script>", "<script></script", "<script></script ", "<sCrIpT>\n</ScRiPt", "<script></scripx", "<style>", "<style></style", "<style><script>", "<svg><style>",
  "<x>", "<x y='", "<x<", "<x><", "< ", " <", ">", "><", "&lt;", "&lt;b&gt;", "&#60;", "&", "<é", "<ſcript>", "<\u212a", "<\u00adb", "😀<", "<😀", "a", " ", "\n", "/", "\"'`=",
]; // prettier-ignore
const hostile = fc.array(fc.constantFrom(...PARTS), { maxLength: 30 }).map((parts) => parts.join(""));

/** The words of the protocol, character by character. */
function byTheBook(typed: string): string {
  const after = (from: number) => typed.indexOf(">", from) + 1 || typed.length;
  let left = "";
  for (let at = 0; at < typed.length;) {
    if (!OPENS_MARKUP.test(typed.slice(at, at + 2))) {
      left += typed[at++];
      continue;
    }
    const [, element] = /^<(script|style)[\s/>]/i.exec(typed.slice(at)) ?? [];
    at = after(at);
    if (!element) continue;
    const close = typed.slice(at).search(new RegExp(`</${element}[\\s/>]`, "i"));
    at = close < 0 ? typed.length : after(at + close);
  }
  let clean = "";
  let opens = false;
  for (const character of [...left].reverse()) {
    if (character === "<" && opens) continue;
    opens = /[A-Za-z/!?]/.test(character);
    clean = character + clean;
  }
  return clean;
}

test("what is taken out is what the protocol says, and cleaning again takes nothing more", () => {
  fc.assert(
    fc.property(hostile, (typed) => {
      const clean = sanitize(typed);
      expect(clean).toBe(byTheBook(typed));
      expect(clean).not.toMatch(OPENS_MARKUP);
      expect(sanitize(clean)).toBe(clean);
    }),
    { numRuns: 20_000 },
  );
});

test("a preview is the first hundred characters of what is clean: whole ones, and never markup again", () => {
  const filled = fc.tuple(
    fc.integer({ min: 90, max: 105 }),
    fc.constantFrom("x", "😀", "e\u0301", "<", "<<b>", "&lt;"),
    hostile,
  );
  fc.assert(
    fc.property(filled, ([length, unit, rest]) => {
      const typed = unit.repeat(length) + rest;
      const shown = preview(typed);
      expect(sanitize(typed).startsWith(shown)).toBe(true);
      expect([shown.isWellFormed(), [...shown].length]).toEqual([true, Math.min(100, [...sanitize(typed)].length)]);
      expect(shown).not.toMatch(OPENS_MARKUP);
    }),
    { numRuns: 3_000 },
  );
});

test("the time to clean a text grows with its length, not with its square, whatever the text is", () => {
  const best = (text: string) => {
    let least = Infinity;
    for (let i = 0; i < 5; i++) {
      const startedAt = performance.now();
      sanitize(text);
      least = Math.min(least, performance.now() - startedAt);
    }
    return least;
  };
  const of = (part: string, length: number) => part.repeat(length).slice(0, length);
  // Sixteen times the text: a square would take 256 times as long, and 3 s for `<`.
  const slow = PARTS.concat(PARTS.map((part) => `<script>${part}`)).filter(
    (part) => best(of(part, 64_000)) > 64 * Math.max(0.2, best(of(part, 4_000))),
  );
  expect(slow).toEqual([]);
});
