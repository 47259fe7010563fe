/** What screen readers are told of, author first, and no faster than it can be read out. */
import { computed, effect, signal } from "@preact/signals";
import { chat, isLive, me, online, opened } from "./chat.ts";
import { sentenceOf, words } from "./words/index.ts";

/** How many have been told, and the lines of the last. */
const news = signal({ count: 0, lines: [] as string[] });
const failures = signal({ count: 0, lines: [] as string[] });

/** What comes within this time is told together (ms). */
const GATHER = 300;
/** Between two announcements (ms): as long as the former takes to be read out, at so much a character, within bounds. */
const LEAST = 1_500;
const MOST = 10_000;
const CHARACTER = 55;
/** So many messages are read out in full; of more, how many they are and the last. */
const FEW = 3;
/** Characters of a message. */
const SHORT = 160;

type Heard = { author: string; text: string; elsewhere: boolean };
let waiting: (Heard | string)[] = [];
let timer = 0;
let freeAt = 0;

/** A sentence, told politely. */
export function announce(sentence: string): void {
  wait(sentence);
}

function wait(what: Heard | string): void {
  waiting.push(what);
  timer ||= setTimeout(tell, Math.max(GATHER, freeAt - Date.now()));
}

function tell(): void {
  timer = 0;
  const lines = [...new Set(waiting.filter((what) => typeof what === "string")), ...told(waiting.filter((what) => typeof what !== "string"))]; // prettier-ignore
  waiting = [];
  const characters = lines.reduce((sum, { length }) => sum + length, 0);
  freeAt = Date.now() + Math.min(Math.max(characters * CHARACTER, LEAST), MOST);
  news.value = { count: news.value.count + 1, lines };
}

function told(heard: Heard[]): string[] {
  const w = words.value.message;
  const readOut = heard
    .slice(heard.length > FEW ? -1 : 0)
    .map(({ author, text, elsewhere }) => (elsewhere ? w.heardElsewhere : w.heard)(author, text));
  if (heard.length <= FEW) return readOut;
  const names = [...new Set(heard.map(({ author }) => author))];
  const shown = names.slice(0, names.length > 3 ? 2 : 3);
  return [w.heardMany(heard.length, shown, names.length - shown.length), ...readOut];
}

const shorten = (text: string) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);

chat.on("message", ({ stream, message: { sender, text, content } }) => {
  // What is said to everyone is told to who looks there; what is said to oneself, anywhere.
  if (sender.id === me.value?.id || (stream === "global" && opened.value !== stream)) return;
  wait({
    author: sender.username,
    text: shorten(text ?? content),
    elsewhere: stream !== opened.value,
  });
});

/** Refused messages that nobody was told of. */
const refused: string[] = [];
chat.on("failed", ({ content, error }) => {
  const w = words.value.message;
  if (refused.push(w.refused(shorten(content), error ? sentenceOf(error) : "")) > 1) return;
  setTimeout(() => {
    const lines = refused.length > FEW ? [w.refusedMany(refused.length)] : [...refused];
    refused.length = 0;
    failures.value = { count: failures.value.count + 1, lines };
  }, GATHER);
});

/** That one is cut off is told where it lasts (ms), once; and then that it is over. */
const LASTS = 2_000;
const isAway = computed(() => me.value !== null && !isLive.value);
let toldAway = false;
/** Who has just come takes a moment to connect. */
let wasHere = false;
effect(() => {
  if (!isAway.value) {
    wasHere = me.peek() !== null;
    if (toldAway && me.peek()) announce(words.peek().ears.connected);
    toldAway = false;
    return;
  }
  if (!wasHere) return;
  const timer = setTimeout(() => {
    toldAway = true;
    announce(words.peek().ears[online.peek() ? "disconnected" : "offline"]);
  }, LASTS);
  return () => clearTimeout(timer);
});
chat.on("signedOut", () => {
  waiting = [];
  news.value = failures.value = { count: 0, lines: [] };
});

export function Announcer() {
  return (
    <>
      <div class="for-ears" aria-live="polite">
        {news.value.lines.map((line, i) => (
          <p key={`${news.value.count} ${i}`}>{line}</p>
        ))}
      </div>
      <div class="for-ears" role="alert">
        {failures.value.lines.map((line, i) => (
          <p key={`${failures.value.count} ${i}`}>{line}</p>
        ))}
      </div>
    </>
  );
}
