/** Names that mallory would like to have. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { accountKey } from "../../src/auth/accounts.ts";
import { fold, isReserved, type Name, readName } from "../../src/auth/names.ts";

const refused = (names: string[]) => names.filter((name) => typeof readName(name) !== "string");
const name = (text: string) => {
  const read = readName(text);
  if (typeof read === "string") throw new Error(`${text}: ${read}`);
  return read;
};
/** Whether the second of two may not sign up after the first: as `sign_up` in the database asks. */
const clash = (a: Name, b: Name) => a.folded === b.folded || (a.skeleton === b.skeleton && !(a.ascii && b.ascii));
const clashing = (pairs: string[][]) => pairs.map(([a, b]) => [a, b, clash(name(a!), name(b!))]);

const INVISIBLE = [
  0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028,
  0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x2066, 0x2067, 0x2068, 0x2069,
  0x206a, 0x206f, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xfffc, 0x1bca0, 0x1d159, 0x1d173, 0xe0001,
  0xe0041, 0xe007f, 0xe0100, 0xe01ef,
].map((point) => String.fromCodePoint(point)); // prettier-ignore

test("what cannot be seen, or turns the line around, is in no name, wherever it stands", () => {
  expect(refused(INVISIBLE.flatMap((c) => [`al${c}ice`, `${c}${c}x${c}y`, `x${c}${c}y`]))).toEqual([]);
  expect(refused(INVISIBLE.map((c) => `${c}${c}${c}`))).toEqual([]);
});

test("no control, space, symbol, emoji, private or unassigned character is in a name", () => {
  const bad = [
    "\0",
    "\x07",
    "\n",
    "\t",
    " ",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\x7f",
    "\x85",
    "€",
    "™",
    "²",
    "½",
    "Ⅷ",
    "①",
  ];
  const emoji = ["😀", "👍🏽", "👨‍👩‍👧", "🇩🇪", "1️⃣", "1⃣", "❤", "✔", "✓", "🅰", "Ⓜ"];
  const nowhere = ["\ue000", "\u{10fffd}", "\ufffd", "\uffff", "\u0378", "\ud800", "\udc00", "\udfff\ud800"];
  expect(refused([...bad, ...emoji, ...nowhere].map((c) => `al${c}ice`))).toEqual([]);
  expect(refused([..."<>&\"'`/\\=;:,!?#$%^*()[]{}|~"].map((c) => `al${c}ice`))).toEqual([]);
});

test("marks stand on letters, two at most where they are decoration, and none closes a letter in", () => {
  expect(
    refused([
      "\u0301alice",
      "-\u0301alice",
      "1\u0301st",
      "al\u0300\u0301\u0302ice",
      "alice\u0301\u0301",
      "é\u0301a",
      "a\u0489b",
      "a\u20ddb",
      "Z\u0351\u036b\u0343algo",
      `a${"\u0323".repeat(20)}`,
      "ก\u0e49\u0e49\u0e49",
      ` \u0301alice`,
    ]),
  ).toEqual([]);
  for (const fine of [
    "Nguyễn_Ấn",
    "ᾅδης",
    "Şükrü",
    "शक्ति",
    "ครูน้ำผึ้ง",
    "מֹשֶׁה",
    "مُحَمَّد",
    "မြန်မာ",
    "བོད",
    "ǖber",
    "Ọlá",
  ])
    expect([fine, typeof readName(fine)]).toEqual([fine, "object"]);
});

test("what looks the same cannot stand beside it: by letters of another script, in capitals too, by ligatures, styles and lines", () => {
  const pairs = [
    ["paypal", "раураl"],
    ["PAYPAL", "РАУРАL"],
    ["bob", "ВОВ"],
    ["Bob", "вов"],
    ["Mary", "Маry"],
    ["alice", "аLICE"],
    ["paypal", "pаypaI"],
    ["tom", "ТОМ"],
    ["nike", "ΝΙΚΕ"],
    ["clear", "ϲlear"],
    ["fred", "ſred"],
    ["fiona", "ﬁona"],
    ["wide", "ｗｉｄｅ"],
    ["alice", "𝐚𝐥𝐢𝐜𝐞"],
    ["alice", "ᵃlice"],
    ["kate", "\u212aate"],
    ["ismail", "i\u0307smail"],
    ["ismail", "ısmail"],
    ["ISMAIL", "İsmail"],
    ["alice", "ᴀʟɪᴄᴇ"],
    ["محمد", "محمـد"],
    ["o0o", "οoο"],
    ["modern", "моdem"],
    ["Иван", "ИBАH"],
    ["a2", "a\u{1d7d0}"],
  ];
  expect(clashing(pairs)).toEqual(pairs.map(([a, b]) => [a, b, true]));
});

test("names that only resemble each other live side by side", () => {
  const pairs = [
    ["alice", "alice_"],
    ["alice", "álice"],
    ["modern", "modem"],
    ["paypal", "paypaI"],
    ["Иван", "Иванна"],
    ["日本", "日木"],
    ["zoe", "Zoë"],
  ];
  expect(clashing(pairs)).toEqual(pairs.map(([a, b]) => [a, b, false]));
});

test("whoever writes a name in another case or another form of Unicode means the same one", () => {
  for (const [a, b] of [
    ["ΣΊΣΥΦΟΣ", "Σίσυφοσ"],
    ["STRASSE", "straße"],
    ["straẞe", "Straße"],
    ["Zoë", "ZOE\u0308"],
    ["한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"],
    ["Åsa", "\u212bsa"],
  ])
    expect([a, name(a!).folded]).toEqual([a!, name(b!).folded]);
  // A search for a part must find it in the whole: a sigma at the end of the one is in the middle of the other.
  expect(fold("οδυσσέας")).toContain(fold("οδυσ"));
});

test("two kinds of digits, or three scripts, make no name", () => {
  expect(refused(["a1\u0661", "\u0967\u0661", "\u0661\u06f1", "ab1\u0967", "Иванλ", "日本Иван", "אבمح"])).toEqual([]);
  for (const fine of ["محمد\u0661", "राम\u0967", "a\u{1d7cf}1", "محمد1"])
    expect([fine, typeof readName(fine)]).toEqual([fine, "object"]);
});

test("the server's own names are nobody's, however they are written", () => {
  const taken = [
    "admin", "ADMIN", "Admin.", "_admin_", "@everyone", "a.d.m.i.n", "аdmin", "аdmіn", "ADMІN", "ÀDMIN", "adm\u0131n", "r00t", "he1p",
    "ᴀᴅᴍɪɴ", "𝒶𝒹𝓂𝒾𝓃", "ａｄｍｉｎ", "ЅYЅТЕМ", "ꜱystem", "ЅUPPОRТ", "rnoderator", "γou", "ϲhannel", "ВОТ", "моdеrаtor", "@all", "0wner", "adm1n", "syst3m1", "5YSTEM", "admin1", "admin2024", "admin-team", "the.admin", "liquidchat-support", "deleted-1", "Deleted_1234", "deleted.me",
    "officiaI", "Iiquidchat", "LiquidChat-officiaI",
  ]; // prettier-ignore
  expect(taken.filter((text) => !isReserved(name(text)))).toEqual([]);
  const free = ["systematic", "Ali", "ALI", "ALİ", "Алі", "badmin", "youyou", "Мия", "Allen", "Rootsy", "Аll_of_it"];
  expect(free.filter((text) => isReserved(name(text)))).toEqual([]);
});

const letters = fc.constantFrom(..."aAbBiIlLmMoO01жЖвВсеаіΣσςνΝaéßẞİıſKﬁ日本ア김मम\u0301\u0308\u0307\u093f\u0940._-@+", ...INVISIBLE, "<", " ", "😀"); // prettier-ignore
const texts = fc.oneof(
  fc.string({ unit: letters, maxLength: 12 }),
  ...[
    "aAiIlLmMо0éßẞİıſKﬁ\u0307._-@+",
    "жЖВвсеаіИмMo\u0301",
    "Σσςνaαϲᾅ\u0345",
    "日本アガｶﾞ",
    "اأمحـد١\u0651",
    "मक्षि\u093c",
  ].map((unit) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 12 })),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);

test("a name that is accepted is canonical, inert in HTML, visible, and found again in every form", () => {
  let accepted = 0;
  fc.assert(
    fc.property(texts, (typed) => {
      const read = readName(typed);
      if (typeof read === "string") return;
      accepted++;
      const { username, folded } = read;
      expect(username).toBe(typed.trim().normalize("NFC"));
      expect(readName(username)).toEqual(read);
      expect(username).not.toMatch(/[<>&"'`\s\p{C}\p{Default_Ignorable_Code_Point}]/u);
      expect(username).not.toMatch(/^\p{M}/u);
      for (const form of ["NFC", "NFD", "NFKC", "NFKD"] as const) expect(fold(username.normalize(form))).toBe(folded);
      for (const cased of [username.toUpperCase(), username.toLowerCase(), folded]) expect(fold(cased)).toBe(folded);
      for (const other of [folded, username.normalize("NFD")]) {
        const again = readName(other);
        if (typeof again === "object") expect(clash(read, again)).toBe(true);
      }
    }),
    { numRuns: 20_000 },
  );
  expect(accepted).toBeGreaterThan(2_000);
});

test("a look-alike of a look-alike looks like the first", () => {
  const wrong: string[] = [];
  for (let point = 0; point < 0x110000; point++) {
    const read = readName(`a${String.fromCodePoint(point)}`);
    const again = typeof read === "object" && readName(read.skeleton);
    if (typeof read === "object" && typeof again === "object" && again.skeleton !== read.skeleton)
      wrong.push(read.username);
  }
  expect(wrong).toEqual([]);
});

test("a name as long as a request may be costs nothing", () => {
  for (const part of ["\u0301\u0323", "\ufdfa", "a", " ", "\u1100"]) {
    const long = `a${part.repeat(128 * 1024)}`;
    const startedAt = performance.now();
    expect([typeof readName(long), accountKey(long).length < 10_000]).toEqual(["string", true]);
    expect(typeof readName(`alice${part.repeat(500)}x`)).toBe("string");
    // 16 s were seen.
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
});
