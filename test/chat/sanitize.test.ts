import { expect, test } from "bun:test";
import fc from "fast-check";
import { sanitize } from "../../src/chat/sanitize.ts";

const OPENS_MARKUP = /<[A-Za-z/!?]/;
const hostile = fc.string({
  unit: fc.constantFrom(
    "<",
    ">",
    "/",
    "!",
    "?",
    "a",
    "script",
    "style",
    "</script",
    "</style>",
    "<script>",
    "<b ",
    "&lt;",
    "&",
    '"',
    "'",
    "=",
    " ",
    "\n",
    "😀",
  ),
  maxLength: 60,
});

test("nothing that is left can open a tag", () => {
  fc.assert(
    fc.property(hostile, (text) => expect(sanitize(text)).not.toMatch(OPENS_MARKUP)),
    { numRuns: 5_000 },
  );
});

test("what has no markup stays byte for byte", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      if (!OPENS_MARKUP.test(text)) expect(sanitize(text)).toBe(text);
    }),
    { numRuns: 5_000 },
  );
});

test("cleaning twice is cleaning once", () => {
  fc.assert(
    fc.property(hostile, (text) => expect(sanitize(sanitize(text))).toBe(sanitize(text))),
    { numRuns: 2_000 },
  );
});

test("markup goes up to the next > or the end, script and style with their bodies, other tags alone", () => {
  const cases: [string, string][] = [
    ["<p>one</p>", "one"],
    ["<ScRiPt x=1>a<b>c</sCrIpT >d", "d"],
    ["<script>never closed", ""],
    ["<scripture>text</scripture>", "text"],
    ["<style>a{}</style\n>b", "b"],
    ["a <!-- > b --> c", "a  b --> c"],
    ["<a title='x>y'>z</a>", "y'>z"],
    ["<textarea><b>x</b></textarea>", "x"],
    ["<script</script>x", "x"],
    ["if a <b then <script> is a tag, ok?", "if a  is a tag, ok?"],
    ["<a <script>hello", "hello"],
    ["<!-- <script> --> after", " --> after"],
    ["1 < 2 <3 <= <> <é < b", "1 < 2 <3 <= <> <é < b"],
  ];
  for (const [typed, clean] of cases) expect([typed, sanitize(typed)]).toEqual([typed, clean]);
});
