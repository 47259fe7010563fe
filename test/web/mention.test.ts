import { expect, test } from "bun:test";
import { mentions } from "../../src/web/app/mention.ts";

test("a name counts as said where it stands by itself, in whatever case, with an @ or without", () => {
  for (const text of [
    "Ada",
    "hello ada!",
    "@ADA: here",
    "adamant, but ada",
    "(Ada)",
    "was Ada.",
    "\u{1F44B}Ada\u{1F44B}",
  ])
    expect([text, mentions(text, "Ada")]).toEqual([text, true]);
  for (const text of ["", "adamant", "Nevada", "ada2", "ada_l", "Adaé", "Ad a"])
    expect([text, mentions(text, "Ada")]).toEqual([text, false]);
});

test("a name with signs in it is no pattern, and one of several code points is found in either form", () => {
  expect(mentions("ask a.b+c@d", "a.b+c@d")).toBe(true);
  expect(mentions("ask aXb+c@d", "a.b+c@d")).toBe(false);
  expect(mentions("merci Rene\u0301!", "Ren\u00e9")).toBe(true);
});
