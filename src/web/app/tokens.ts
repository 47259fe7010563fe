/** What a message is made of. The `text`s of all tokens together are the message, character by character. */
export type Token =
  | { kind: "text"; text: string }
  /** `href` is http or https. To be shown is `before`, `host`, `after`, which differ from the text where that would lie about the host. */
  | { kind: "link"; text: string; href: string; before: string; host: string; after: string }
  /** Between backticks, within a line, and between fences of three, over lines. Only `code` is for the eye. */
  | { kind: "code" | "block"; text: string; open: string; code: string; close: string };

/**
 * Links and code in a message, in a time that grows as its length does, whatever it holds: every pattern below looks at a character a few
 * times at most, and what turned out to be no link is not looked at again.
 */
export function tokensOf(message: string): Token[] {
  if (!/`|:\/\//.test(message)) return message ? [{ kind: "text", text: message }] : [];
  const tokens: Token[] = [];
  const lines = message.split(/(?<=\n)/);
  /** For each line, the first after it that ends with a fence. */
  const closing: number[] = [];
  for (let i = lines.length - 1, next = -1; i >= 0; i--) {
    closing[i] = next;
    if (/```\s*$/.test(lines[i]!)) next = i;
  }
  let plain = "";
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(?:[\w+#.-]{0,20}[ \t]*\n)?/.exec(lines[i]!)?.[0];
    const end = closing[i]!;
    const block =
      fence && end > 0 && !lines[i]!.includes("`", 3) && blockOf(lines.slice(i, end + 1).join(""), fence.length);
    if (!block) {
      plain += lines[i];
      continue;
    }
    inline(plain, tokens);
    plain = "";
    tokens.push(block);
    i = end;
  }
  inline(plain, tokens);
  return tokens;
}

function blockOf(text: string, opening: number): Token | null {
  // The break before the last fence is its own, and so is the one after it.
  const end = /\n?```\s*$/.exec(text.slice(opening - 1))!.index + opening - 1;
  const code = text.slice(opening, end);
  return code.trim() ? { kind: "block", text, open: text.slice(0, opening), code, close: text.slice(end) } : null;
}

/** Code, or what could be an address; characters that turn a line around are no part of one. */
const INLINE =
  /(?<![\p{L}\p{N}`])(`{1,3})([^`\n]+)\1(?!`)|(?<![\p{L}\p{N}])https?:\/\/[^\s<>"`\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;

function inline(text: string, tokens: Token[]): void {
  let done = 0;
  const plainUntil = (end: number) => end > done && tokens.push({ kind: "text", text: text.slice(done, end) });
  for (const { 0: found, 1: ticks, 2: code, index } of text.matchAll(INLINE)) {
    const token: Token | null = ticks
      ? { kind: "code", text: found, open: ticks, code: code!, close: ticks }
      : linkOf(withoutEnd(found));
    if (!token) continue;
    plainUntil(index);
    tokens.push(token);
    done = index + token.text.length;
  }
  plainUntil(text.length);
}

const OPENED_BY: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Without the punctuation of the sentence it stands in; a bracket that was opened within stays. */
function withoutEnd(text: string): string {
  const count: Record<string, number> = {};
  for (const char of text) count[char] = (count[char] ?? 0) + 1;
  let end = text.length;
  for (; end > 0; end--) {
    const char = text[end - 1]!;
    if (!/[\p{P}|]/u.test(char) || "/-_#&%@*".includes(char)) break;
    const opened = OPENED_BY[char];
    if (opened && count[char]! <= (count[opened] ?? 0)) break;
    count[char]!--;
  }
  return text.slice(0, end);
}

/** No name on the net is longer; one of thousands of letters takes long to write in the net's own way. */
const LONGEST_HOST = 255;

function linkOf(text: string): Token | null {
  const [, before = "", typed = ""] = /^(https?:\/\/)([^/?#\\]*)/i.exec(text) ?? [];
  if (!typed || typed.length > LONGEST_HOST || !URL.canParse(text)) return null;
  const { href, host, protocol } = new URL(text);
  // `https://bank.example@evil.example` is at home at the latter.
  if (!/^https?:$/.test(protocol) || typed.includes("@")) return null;
  const after = text.slice(before.length + typed.length);
  return { kind: "link", text, href, before, host: isHonest(typed, host) ? typed : host, after };
}

/**
 * Whether a host as it was typed tells where one gets to: in ASCII it is just that; else its letters are all of one script. What looks like
 * a dot or a slash and is none is of no script.
 */
function isHonest(typed: string, host: string): boolean {
  if (/^[\x21-\x7e]+$/.test(typed)) return typed.toLowerCase().replace(/:(80|443)?$/, "") === host;
  const letters = typed.normalize("NFKC").replace(/[\d.:-]/g, "");
  return SCRIPTS.some((script) => script.test(letters));
}

/** Of Latin, what European languages and Vietnamese are written with: its phonetic letters look like others. */
const SCRIPTS = [
  /^[a-z\u00c0-\u017f\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]+$/i,
  ...[
    "Han|Hiragana|Katakana",
    "Han|Hangul",
    ..."Arabic|Armenian|Bengali|Cyrillic|Devanagari|Georgian|Greek|Gujarati|Hebrew|Khmer|Lao|Tamil|Telugu|Thai".split(
      "|",
    ),
  ].map((scripts) => new RegExp(`^[${scripts.replace(/(\w+)\|?/g, "\\p{scx=$1}")}]+$`, "u")),
];

/** Beyond either of these (characters, lines) a message is folded, and so much of it is then shown. */
const LONG = { characters: 1_000, lines: 12 };
const FOLDED = { characters: 700, lines: 8 };

/** The beginning of a long message, cut at a space where there is one near; null where it is short enough to stand as it is. */
export function folded(tokens: readonly Token[]): Token[] | null {
  const message = tokens.map(({ text }) => text).join("");
  if (message.length <= LONG.characters && message.split("\n", LONG.lines + 1).length <= LONG.lines) return null;
  const start = message.split("\n", FOLDED.lines).join("\n").slice(0, FOLDED.characters);
  // Else not within a character: of two units, or with marks.
  const cut = /^.*(?=\s\S{0,80}$)/s.exec(start)?.[0] || start.replace(/.[\p{M}\u200d]*[\ud800-\udbff]?$/su, "");
  const shown: Token[] = [];
  let left = start.length < FOLDED.characters ? start.length : cut.length;
  for (const token of tokens) {
    if (token.text.length > left) {
      if (token.kind === "text") shown.push({ kind: "text", text: token.text.slice(0, left) });
      else if (token.kind === "block" && left > token.open.length)
        shown.push({ ...token, code: token.code.slice(0, left - token.open.length), close: "" });
      else if (token.kind === "link" && left > token.before.length + token.host.length)
        shown.push({ ...token, after: token.after.slice(0, left - token.before.length - token.host.length) });
      break;
    }
    shown.push(token);
    left -= token.text.length;
  }
  return shown;
}

/** One to three emoji and nothing else. */
export const isEmojiAlone = (message: string): boolean =>
  message.length <= 64 && /^\s*(?:[\p{RGI_Emoji}\p{Extended_Pictographic}]\s*){1,3}$/v.test(message);
