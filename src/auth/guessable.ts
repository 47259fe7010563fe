import { fold } from "./names.ts";

/**
 * A sentence that says why the password is refused, or null. A dictionary over a few rewritings, each as long as the password at most:
 * zxcvbn finds more, but lets one long password hold up everybody for half a second.
 */
export async function weakness(password: string, username: string): Promise<string | null> {
  const length = [...password].length;
  if (length < 8) return "A password has at least 8 characters.";
  if (length > 128) return "A password has at most 128 characters.";
  const text = fold(password);
  if (resembles(text, fold(username))) return "The password must not contain the username, or be a variation of it.";
  if (isPattern(text) || isZigzag(text))
    return "Rows of keys, repetitions, dates and short numbers are guessed quickly. Take a password with more to it.";
  const words = await commonPasswords();
  if (
    resembles(text, "liquidchat") ||
    [text, text.replace(DOMAIN, "")].flatMap(rewritings).some((word) => words.has(word))
  )
    return "This password, or one that is nearly the same, is one of the first that anyone would guess. Take a longer one.";
  return null;
}

/** Whoever guesses knows the name: it, or what is much like it: backwards, with digits for letters, with signs between. */
function resembles(text: string, name: string): boolean {
  if (name && text.includes(name)) return true;
  const parts = spellings(letters(name)).flatMap((part) => [part, reversed(part)]);
  if (parts[0]!.length >= 4 && spellings(text).some((one) => parts.some((part) => letters(one).includes(part))))
    return true;
  // A part of the name, with nothing but a year or a few signs.
  return rewritings(text).some((word) => word.length >= 4 && name.includes(word));
}

/** Nothing but a few runs (`qwertyuiop`, `abcd1234`, `aaaabbbb`), the same few characters over and over, or digits. */
function isPattern(text: string): boolean {
  if (/^[\d\s.,:/+-]+$/.test(text) && text.replace(/\D/g, "").length < 12) return true;
  return withoutRuns(text) < 5 || repeated(text).length < 5;
}

/** Two rows in turns: `1q2w3e4r5t`. */
function isZigzag(text: string): boolean {
  const half = (n: number) => [...text].filter((_, i) => i % 2 === n).join("");
  return withoutRuns(half(0)) + withoutRuns(half(1)) < 5;
}

/** What else a password is, to those who guess: each without a few signs at its ends, with letters for digits, backwards, and once. */
function rewritings(text: string): string[] {
  const [from, to] = [text.search(/\p{L}/u), text.search(/\p{L}[^\p{L}]*$/u) + 1];
  const words = new Set([text, repeated(text)]);
  // Signs at an end may be letters in disguise (`@dmin1`), so a few of them are taken along, and those that are not must be few.
  for (let start = Math.max(0, from - 3); from >= 0 && start <= from; start++)
    for (let end = to; end <= Math.min(text.length, to + 3); end++)
      if (isTrivial(text.slice(0, start)) && isTrivial(text.slice(end)))
        for (const spelling of spellings(text.slice(start, end))) words.add(spelling).add(repeated(spelling));
  return [...words].flatMap((word) => [word, reversed(word)]);
}

const DATE = /^\D?((\d{1,2}\D?){2}(19|20)?\d\d|(19|20)\d\d(\D?\d{1,2}){0,2})\D{0,2}$/;

/** What people put around a word because they were told to: some signs, a year, a date, 12345, !!!!!!. */
function isTrivial(signs: string): boolean {
  return signs.length <= 4 || withoutRuns(signs) < 4 || DATE.test(signs);
}

const LEET: Record<string, string> = {
  "@": "a",
  4: "a",
  8: "b",
  "(": "c",
  3: "e",
  6: "g",
  9: "g",
  "!": "i",
  "|": "i",
  0: "o",
  $: "s",
  5: "s",
  7: "t",
  "+": "t",
  2: "z",
};

/** With letters for the digits and signs that look like them; a 1 may be two letters. */
function spellings(text: string): string[] {
  const spelled = text.replace(/[^\p{L}]/gu, (sign) => LEET[sign] ?? sign);
  return [text, spelled.replaceAll("1", "i"), spelled.replaceAll("1", "l")];
}

const ROWS = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890",
  "!@#$%^&*()",
  ..."qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn".split(" "),
  ..."1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm 8ik 9ol 0p".split(" "),
];
const NEIGHBOURS = new Set(
  ROWS.flatMap((row) => [...row].slice(1).flatMap((key, i) => [row[i]! + key, key + row[i]!])),
);

/** How many characters are left where each run of neighbours, or of one and the same, counts as one. */
function withoutRuns(text: string): number {
  let left = 0;
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    run = i > 0 && (text[i] === text[i - 1] || NEIGHBOURS.has(text[i - 1]! + text[i]!)) ? run + 1 : 1;
    // Two neighbours are in every word.
    left += run <= 2 ? 1 : run === 3 ? -1 : 0;
  }
  return left;
}

/** What the text repeats: `abc` of `abcabcabc`, `abcd` of `abcdabcdab`, else itself. */
function repeated(text: string): string {
  for (let n = 1; n <= text.length / 2; n++) if (text.startsWith(text.slice(n))) return text.slice(0, n);
  return text;
}

const letters = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, "");
const reversed = (text: string) => [...text].reverse().join("");

let common: Promise<Set<string>> | undefined;

const DOMAIN = /\.(com?|net|org|de|fr|ru)$/;
/** What leaked lists are full of, and the one below has not: names of sites, and some people and phrases. */
const MORE =
  "dearbook gmail google googlemail hotmail instagram linkedin myspace telegram twitter webhost whatsapp yahoo yahoomail youtube chatroom networking angelbaby classof fullaccess golfcourse harrypotte iamnumber iamthebest ichliebedich ilovechris ilovemymom imnumber jesucristo joejonas justinbieb lovesucks lovingyou megaparol megasecret mileycyrus nickjonas omarion souljaboy youngmoney zacefron";

/** 49,000 entries, read when first needed: a server that starts has more urgent things to do. */
function commonPasswords(): Promise<Set<string>> {
  return (common ??= import("@zxcvbn-ts/language-common").then(
    ({ dictionary }) => new Set([...(dictionary["passwords-common"] as string[]), ...MORE.split(" ")]),
  ));
}
