/** What the page makes of a message's text. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { folded, isEmojiAlone, type Token, tokensOf } from "../../src/web/app/tokens.ts";

const textOf = (tokens: readonly Token[]) => tokens.map(({ text }) => text).join("");
const links = (text: string) => tokensOf(text).flatMap((token) => (token.kind === "link" ? [token] : []));
const hrefs = (text: string) => links(text).map(({ href }) => href);
const hosts = (text: string) => links(text).map(({ host }) => host);
const codes = (text: string) => tokensOf(text).flatMap((token) => ("code" in token ? [`${token.kind} ${token.code}`] : [])); // prettier-ignore

/** Texts out of what the page looks for, and of what would confuse it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom("`", "``", "```", "```js\n", "```\n", "\n", " ", "http://", "https://", "HTTP://", "a.example", "/", "[", "]", "(", ")", ".", ",", "@", ":", "?", "#", "%", "\\", "javascript:", "א", "مثال", "аррӏе", "\u202e", "\u200d", "\u0301", "👩‍🚀", "\ud83d", "<b>"), // prettier-ignore
      fc.string({ unit: "binary", maxLength: 8 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

describe("the tokens of a message", () => {
  test("are all of it, whatever it is, and a link goes to http or https only, to nobody's account", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const tokens = tokensOf(text);
        expect(textOf(tokens)).toBe(text);
        for (const token of tokens) {
          expect(token.text).not.toBe("");
          if ("code" in token) expect(token.open + token.code + token.close).toBe(token.text);
          if (token.kind !== "link") continue;
          const { protocol, host, username, password } = new URL(token.href);
          expect([/^https?:$/.test(protocol), username, password]).toEqual([true, "", ""]);
          // What is shown leads where it says.
          expect(new URL(token.before + token.host + token.after).host).toBe(host);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("links end before the punctuation of their sentence, but keep the brackets that they opened", () => {
    for (const [text, href] of [
      ["see https://a.example/x.", "https://a.example/x"],
      ["(https://a.example/x)", "https://a.example/x"],
      ["https://a.example/wiki/Water_(film), yes", "https://a.example/wiki/Water_(film)"],
      ["[https://a.example/?q=[1]]", "https://a.example/?q=[1]"],
      ["“https://a.example”؟", "https://a.example/"],
      ["https://a.example/?a=1&b=2#top!?", "https://a.example/?a=1&b=2#top"],
      ["HTTPS://A.Example/B", "https://a.example/B"],
      ["http://a.example:8080/", "http://a.example:8080/"],
      ["http://[::1]:3000/x", "http://[::1]:3000/x"],
      ["نصhttp://a.example", undefined],
      ["انظر http://a.example، شكرا", "http://a.example/"],
      ["<http://a.example/>", "http://a.example/"],
    ] as const)
      expect([text, hrefs(text)]).toEqual([text, href === undefined ? [] : [href]]);
    expect(hrefs("http://a.example\nhttp://b.example")).toEqual(["http://a.example/", "http://b.example/"]);
  });

  test("what is no address of the web is no link: other schemes, no host, somebody's name in front of the host", () => {
    for (const text of [
      "javascript:alert(1)",
      "java\nscript://x",
      "data:text/html,<script>alert(1)</script>",
      "vbscript:x",
      "file:///etc/passwd",
      "ftp://a.example",
      "blob:null/x",
      "//a.example",
      "http://",
      "http:///a.example",
      "http://...",
      "https://bank.example@evil.example/",
      "https://bank.example:secret@evil.example/",
      "http://a b",
      "http://a.example:99999",
      "https://bank.example\u200d.evil.example",
      `http://${"ä".repeat(256)}.example`,
      "xhttp://a.example",
    ])
      expect([text, hrefs(text).filter((href) => href !== "http://a/")]).toEqual([text, []]);
  });

  test("a host is shown as it was typed where that is honest, and as the net writes it where it is not", () => {
    expect(hosts("https://münchen.example https://пример.рф https://مثال.مصر https://例え.テスト")).toEqual(["münchen.example", "пример.рф", "مثال.مصر", "例え.テスト"]); // prettier-ignore
    for (const typed of [
      "аpple.example",
      "аррӏе.com",
      "ɡoogle.example",
      "a\u0338b.example",
      "bank.example\u2044evil.example",
      "מ\u05d0.com",
    ]) {
      const [host] = hosts(`https://${typed}/`);
      expect([typed, host]).toEqual([typed, expect.stringMatching(/^(?=.*xn--)[\x21-\x7e]+$/)]);
    }
    expect(hosts("http://%65vil.example http://2130706433 http://0x7f.1")).toEqual(["evil.example", "127.0.0.1", "127.0.0.1"]); // prettier-ignore
    // Nothing that turns a line around gets into one.
    expect(hrefs("https://a.example/\u202egpj.exe")).toEqual(["https://a.example/"]);
  });

  test("code stands between backticks, within a line or between fences, and nothing in it is a link", () => {
    for (const [text, ...code] of [
      ["say `x` and `y z`.", "code x", "code y z"],
      ["```one line```", "code one line"],
      ["`http://a.example`", "code http://a.example"],
      ["don`t, won`t, `"],
      ["`two\nlines`"],
      ["``"],
      ["```js\nlet x;\n```\nafter", "block let x;"],
      ["before\n```\n a\n\n b\n```", "block  a\n\n b"],
      ["```a b\nc```", "block a b\nc"],
      ["```\nhttp://a.example `b`\n```", "block http://a.example `b`"],
      ["```\n```"],
      ["```\nnever closed"],
      ["```\n1\n```\n```\n2\n```", "block 1", "block 2"],
    ] as const)
      expect([text, codes(text), hrefs(text)]).toEqual([text, code as string[], []]);
  });

  test("take a time that grows as the text does", () => {
    const units = ["[", "`", "``", "```", "```\n", "```a\n", "`a\n", "http://", "http://[", "http://a.example ", "http://a(", "http://a)", "https://ä", ")", "]http://x", "\n", "` ", "```\n\n", "a", "👩‍🚀", "\u0301", " ", "ä."]; // prettier-ignore
    for (const unit of units) {
      const took = (length: number) => {
        const text = unit.repeat(length / unit.length);
        let best = Infinity;
        for (let i = 0; i < 3; i++) {
          const start = performance.now();
          folded(tokensOf(text));
          isEmojiAlone(text);
          best = Math.min(best, performance.now() - start);
        }
        return best;
      };
      took(1_000);
      const times = [8_000, 16_000, 32_000, 64_000].map(took);
      // The square would be sixty-four times as long, and noise is allowed for.
      expect([unit, times[3]! < 24 * times[0]! + 20, times[0]! < 20]).toEqual([unit, true, true]);
    }
  });
});

describe("a long message", () => {
  test("is folded from 13 lines or 1,001 characters on; its beginning is shown, cut at a space", () => {
    const shownOf = (text: string) => folded(tokensOf(text));
    expect(shownOf("a\n".repeat(11))).toBeNull();
    expect(textOf(shownOf("a\n".repeat(12))!)).toBe("a\n".repeat(7) + "a");
    expect(shownOf("x".repeat(1_000))).toBeNull();
    expect(textOf(shownOf("x".repeat(1_001))!).length).toBeLessThanOrEqual(700);
    const words = textOf(shownOf("some words ".repeat(100))!);
    expect([words.length > 600, /(some|words)$/.test(words)]).toEqual([true, true]);
  });

  test("is cut nowhere within a character, and never within an address", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 40 }), (text, times) => {
        const long = text.repeat(times);
        const tokens = tokensOf(long);
        const shown = folded(tokens);
        if (!shown) return;
        for (const [i, token] of shown.entries()) {
          const whole = tokens[i]!;
          if (i < shown.length - 1) expect(token).toEqual(whole);
          else if (token.kind === "link" && whole.kind === "link")
            expect([token.href, token.host]).toEqual([whole.href, whole.host]);
          else expect(whole.text.startsWith("code" in token ? token.open + token.code : token.text)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
    for (const one of ["👍", "👩‍🚀", "é".normalize("NFD")]) {
      const [cut] = folded(tokensOf(one.repeat(600)))!;
      expect(cut!.text.isWellFormed()).toBe(true);
      expect(cut!.text.length).toBeGreaterThan(600);
    }
  });
});

test("one to three emoji alone are shown larger, not more, and nothing beside them", () => {
  for (const text of ["👍", "👩‍🚀🏳️‍🌈", "❤️", "❤", "🇩🇪 🇪🇬", " 🎉🎉🎉 "])
    expect([text, isEmojiAlone(text)]).toEqual([text, true]);
  for (const text of ["", "1", "#", "👍👍👍👍", "👍!", "ok 👍", " ", "\u200d", "\ufe0f"])
    expect([text, isEmojiAlone(text)]).toEqual([text, false]);
});
