import { effect, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { opened } from "./chat.ts";
import { folded, isEmojiAlone, type Token, tokensOf } from "./tokens.ts";
import { words } from "./words/index.ts";

/** Long messages that are shown whole, by the keys of their lines, until another room is opened. */
const unfolded = signal<ReadonlySet<string>>(new Set());
effect(() => {
  void opened.value;
  unfolded.value = new Set();
});

function turn(id: string): void {
  const next = new Set(unfolded.peek());
  if (!next.delete(id)) next.add(id);
  unfolded.value = next;
}

/** Who is at the end is kept there, but goes on where the text was cut: for the keeper of the view, a hand has moved it. */
function letGo(button: Element): void {
  const log = button.closest(".scrolls");
  log?.scrollBy({ top: log.scrollTop > 1 ? -2 : 2, behavior: "instant" });
}

/** What is folded again may have begun far above. */
function comeBack(button: Element): void {
  button.closest(".message")?.scrollIntoView({ block: "nearest" });
}

/** What somebody said: links and code made of it, the rest as it was typed. `id` is that of its line. */
export function Text({ of, id }: { of: string; id: string }) {
  const { tokens, start, isEmoji } = useMemo(() => {
    const tokens = tokensOf(of);
    return { tokens, start: folded(tokens), isEmoji: isEmojiAlone(of) };
  }, [of]);
  const isFolded = start !== null && !unfolded.value.has(id);
  return (
    <>
      <span class={isEmoji ? "words emoji" : "words"}>
        {(isFolded ? start : tokens).map(shown)}
        {isFolded && "…"}
      </span>
      {start && (
        <>
          <br />
          <button
            type="button"
            class="link fold"
            aria-expanded={!isFolded}
            onClick={({ currentTarget: button }) => {
              turn(id);
              requestAnimationFrame(() => (isFolded ? letGo(button) : comeBack(button)));
            }}
          >
            {isFolded ? words.value.message.showAll : words.value.message.showLess}
          </button>
        </>
      )}
    </>
  );
}

/** Left to right: no letter of an address or of code moves another; a host stays in one piece. The marks of code are there, unseen. */
function shown(token: Token, i: number) {
  if (token.kind === "text") return token.text;
  if (token.kind === "link")
    return (
      <a key={i} href={token.href} target="_blank" rel="noopener noreferrer nofollow" dir="ltr">
        {token.before}
        <bdi>{token.host}</bdi>
        {token.after}
      </a>
    );
  return (
    <code key={i} class={token.kind} dir="ltr">
      <span hidden>{token.open}</span>
      {token.code}
      <span hidden>{token.close}</span>
    </code>
  );
}
