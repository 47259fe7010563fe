/** What keys do anywhere, and where the focus goes: it is never lost. */
import { signal } from "@preact/signals";
import { announce } from "./announcer.tsx";
import { chat, listed, listShown, opened, openRoom } from "./chat.ts";
import { words } from "./words/index.ts";

export const dialog = signal<"shortcuts" | "switcher" | null>(null);
chat.on("signedOut", () => (dialog.value = null));

const KEY = "single-keys";
/** Keys without Ctrl or Alt can be turned off: who speaks to their device "types" them by accident (WCAG 2.1.4). */
export const singleKeys = signal(readChoice());

function readChoice(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

/** Where the browser keeps nothing for us, the choice lasts as long as the page. */
export function chooseSingleKeys(on: boolean): void {
  singleKeys.value = on;
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {}
}

const focus = (selector: string) => document.querySelector<HTMLElement>(selector)?.focus();
const COMPOSER = ".composer textarea";

/** To the composer; where that would bring up an on-screen keyboard that nobody asked for, to the room's name. */
export function focusRoom(): void {
  focus(matchMedia("(hover: hover)").matches ? COMPOSER : ".room-title h1");
}

export function go(stream: string): void {
  openRoom(stream);
  focusRoom();
}

/** @param step 1 for the next one down the list, -1 up; round its end */
function goToUnread(step: 1 | -1): void {
  const rooms = listed();
  const here = rooms.findIndex(({ stream }) => stream === opened.value);
  const others = [...rooms.slice(here + 1), ...rooms.slice(0, Math.max(here, 0))];
  if (step < 0) others.reverse();
  const next = others.find(({ unread }) => unread > 0);
  if (next) go(next.stream);
  else announce(words.value.keys.allRead);
}

function escape(): void {
  if (listShown.value) listShown.value = false;
  else if (document.activeElement?.matches(COMPOSER)) document.querySelector<HTMLElement>(".latest")?.click();
  else focus(COMPOSER);
}

/** By pages, even from the composer, unless that is so high that it scrolls itself. */
function turnPage(event: KeyboardEvent): void {
  const log = document.querySelector(".log");
  const at = event.target as HTMLElement;
  if (!log || !at.matches(COMPOSER) || at.scrollHeight > at.clientHeight + 1) return;
  event.preventDefault();
  log.scrollBy({ top: (event.key === "PageUp" ? -0.9 : 0.9) * log.clientHeight });
}

function pressed(event: KeyboardEvent): void {
  if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const { key, altKey, shiftKey } = event;
  // AltGr makes characters, and is told as Ctrl and Alt on Windows.
  const held = event.ctrlKey || event.metaKey;
  const plain = event.getModifierState("AltGraph") || !(held || altKey);
  const isVertical = key === "ArrowDown" || key === "ArrowUp";
  if (held && !altKey && !shiftKey && key.toLowerCase() === "k") dialog.value = "switcher";
  else if (altKey && shiftKey && !held && isVertical) goToUnread(key === "ArrowDown" ? 1 : -1);
  else if (key === "Escape" && plain) escape();
  else if (key.startsWith("Page") && plain && !shiftKey) return turnPage(event);
  else if (plain && singleKeys.value && !(event.target as Element).matches("input, textarea, select")) {
    if (key === "?") dialog.value = "shortcuts";
    // Space presses buttons. The key's character goes to whoever has the focus after this.
    else if ([...key].length === 1 && key !== " ") return focus(COMPOSER);
    else return;
  } else return;
  event.preventDefault();
}

export function listenToKeys(): () => void {
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}

/**
 * What has the focus can go away, as a button that was pressed: the focus then goes to what was around it, or to the composer. A line of a room
 * leaves when it is scrolled out of sight; its link or button has the focus again when it is back, unless the focus went on meanwhile.
 */
export function watchFocus(): () => void {
  let last: Element | null = null;
  let around: HTMLElement | null = null;
  /** The log, as long as the focus waits there for its line to come back, and where in that line it was. */
  let waiting: HTMLElement | null = null;
  let line: { key: string; at: number } | null = null;
  const within = (of: Element) => [...of.querySelectorAll<HTMLElement>("a, button, [tabindex]")];
  const remember = ({ target }: FocusEvent) => {
    last = target as Element;
    around = last.closest(".failed") ? null : last.closest<HTMLElement>(".log");
    const item = last.closest<HTMLElement>("[data-key]");
    if (item) line = { key: item.dataset.key!, at: within(item).indexOf(last as HTMLElement) };
    else if (last !== waiting) line = null;
  };
  const comeBack = () => {
    if (!waiting || document.activeElement !== waiting || !line) return (waiting = null);
    const item = waiting.querySelector(`[data-key="${CSS.escape(line.key)}"]`);
    if (item) within(item)[line.at]?.focus({ preventScroll: true });
  };
  const watch = new MutationObserver(() => {
    if (waiting) comeBack();
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    if (!around?.isConnected) return focusRoom();
    waiting = line && around;
    around.focus({ preventScroll: true });
  });
  watch.observe(document.body, { childList: true, subtree: true });
  addEventListener("focusin", remember);
  return () => {
    watch.disconnect();
    removeEventListener("focusin", remember);
  };
}
