import { expect, test } from "bun:test";
import fc from "fast-check";
import { fold, isReserved, type Name, readName } from "../../src/auth/names.ts";
import { weakness } from "../../src/auth/guessable.ts";

const name = (text: string) => readName(text) as Name;

test("names are equal when their folded forms are", () => {
  for (const [a, b] of [
    ["ALICE", "alice"],
    ["Straße", "STRASSE"],
    ["Straße", "STRAẞE"],
    ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ["ｗｉｄｅ", "wide"],
  ])
    expect([a, fold(a!)]).toEqual([a, fold(b!)]);
});

test("folding settles, and whatever differs by case alone folds to the same", () => {
  const wrong: string[] = [];
  for (let point = 0; point < 0x110000; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const letter = String.fromCodePoint(point);
    const folded = fold(letter);
    if (![folded, letter.toLowerCase(), letter.toUpperCase()].every((form) => fold(form) === folded))
      wrong.push(letter);
  }
  expect(wrong).toEqual([]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => expect(fold(fold(text))).toBe(fold(text))),
    { numRuns: 3_000 },
  );
});

test("look-alikes across scripts share a skeleton", () => {
  for (const [a, b] of [
    ["pay", "рау"],
    ["scope", "ѕсоре"],
    ["admin", "аdmіn"],
  ])
    expect([a, name(a!).skeleton]).toEqual([a, name(b!).skeleton]);
  expect(isReserved(name("ѕуѕtem"))).toBe(true);
  expect(isReserved(name("systematic"))).toBe(false);
});

test("a name is one script beside Latin, or a set that is written together", () => {
  for (const fine of [
    "alice",
    "Иван",
    "иван.smith",
    "田中さん",
    "カタカナ漢字",
    "김철수",
    "Αλέξης",
    "محمد",
    "דוד_2",
    "राम",
  ])
    expect([fine, typeof readName(fine)]).toEqual([fine, "object"]);
  for (const bad of [
    "Иванλ",
    "김ひ",
    "דודمحمد",
    "𐎠𐎡",
    "a",
    "",
    "a b",
    "<script>",
    "a\u0000b",
    "\u202ealice",
    "zero\u200bwidth",
    "alice\ufe0f",
    "alice\u034f",
    "\u3164\u3164",
    "everyone\u115f",
    "alice\u{e0100}",
    "x".repeat(33),
  ])
    expect([bad, typeof readName(bad)]).toEqual([bad, "string"]);
});

test("a password is long, uncommon and not the name", async () => {
  expect(await weakness("correct horse battery", "alice")).toBeNull();
  for (const weak of ["short1!", "x".repeat(129), "password", "PASSWORD1", "12345678", "iloveyou1", "myALICEis9"])
    expect([weak, typeof (await weakness(weak, "Alice"))]).toEqual([weak, "string"]);
});
