/** Notifications of what is said while nobody looks: by permission, asked for by a click. */
import { effect, signal } from "@preact/signals";
import type { Message, Room } from "../../client/index.ts";
import { chat, known, me, opened, openRoom, unread } from "./chat.ts";
import { mentions } from "./mention.ts";
import { IconButton } from "./parts.tsx";
import { keepOnDevice, keptOnDevice } from "./theme.ts";
import { words } from "./words/index.ts";
import { askWorker, startWorker, worker } from "./worker.ts";

const supported = worker !== null && "Notification" in window;
const permission = signal<NotificationPermission>(supported ? Notification.permission : "denied");
/** Permission given is permission used, until it is switched off here. */
const wanted = signal(keptOnDevice("notices") !== "off");
const hintSeen = signal(keptOnDevice("notices-hint") === "seen");

/** Characters of a message that are shown. */
const LONGEST = 140;

async function ask(): Promise<void> {
  permission.value = await Notification.requestPermission();
  keepHint();
  want(permission.value === "granted");
}

function want(next: boolean): void {
  wanted.value = next;
  keepOnDevice("notices", next ? "on" : "off");
}

function keepHint(): void {
  hintSeen.value = true;
  keepOnDevice("notices-hint", "seen");
}

/** In the account's line: on, off, or asks. */
export function NoticesButton() {
  if (!supported) return null;
  const on = permission.value === "granted" && wanted.value;
  const w = words.value.notices;
  const label = permission.value === "denied" ? w.blocked : on ? w.on : w.off;
  return (
    <IconButton
      icon={on ? "bell" : "bell-off"}
      label={label}
      aria-pressed={on}
      disabled={permission.value === "denied"}
      onClick={() => (permission.value === "granted" ? want(!wanted.value) : ask())}
    />
  );
}

/** Once, as soon as somebody has said something in private: that one could be told. */
export function NoticesHint() {
  const talks = [...known().streams.values()].some(({ kind, lastMessage }) => kind === "direct" && lastMessage);
  if (permission.value !== "default" || hintSeen.value || !talks) return null;
  const w = words.value.notices;
  return (
    <p class="hint-line">
      <span>{w.hint}</span>{" "}
      <button type="button" class="link" onClick={ask}>
        {w.turnOn}
      </button>{" "}
      <button type="button" class="link" onClick={keepHint}>
        {w.notNow}
      </button>
    </p>
  );
}

/** Private messages always; of what is said to everyone, what names oneself. */
function hear({ stream, message }: { stream: string; message: Message }): void {
  const user = me.value;
  const room = chat.state.streams.get(stream);
  if (!document.hidden || !user || !room || permission.value !== "granted" || !wanted.value) return;
  if (message.sender.id === user.id || message.seq <= room.readSeq) return;
  const text = message.text ?? message.content;
  if (room.kind !== "direct" && !mentions(text, user.username)) return;
  const chars = [...text];
  const body = chars.length > LONGEST ? `${chars.slice(0, LONGEST).join("")}…` : text;
  const title =
    room.kind === "direct" ? message.sender.username : words.value.notices.toEveryone(message.sender.username);
  void askWorker({ stream, id: message.id, seq: message.seq, title, body });
  hadUnread.add(stream);
  toldAmong.set(stream, room.messages);
}

/** Rooms with something unread. What is told while nobody looks may be read before the page gets to show that it was there. */
let hadUnread = new Set<string>();
/** What was removed since the worker was asked last: another message of its room may be unread still. */
let gone: Message["id"][] = [];
/** The messages of a room when something of it was told. They change in place; others in their place tell that these were let go. */
const toldAmong = new Map<string, readonly Message[]>();

/** Rooms of which something may stay told. Of messages that were let go nobody hears any more that they were removed. */
function stillUnread(): Set<string> {
  const rooms = [...chat.state.streams.values()];
  const isSure = ({ stream, messages }: Room) => (toldAmong.get(stream) ?? messages) === messages;
  return new Set(rooms.filter((room) => room.unread && isSure(room)).map(({ stream }) => stream));
}

export function startNotices(): void {
  // Of a room on which somebody clicked where no page was open.
  const asked = location.hash.slice(1);
  if (/^[\w-]+$/.test(asked)) {
    opened.value = asked;
    history.replaceState(null, "", "/");
  }
  startWorker(openRoom);
  chat.on("message", hear);
  chat.on("signedOut", () => toldAmong.clear());
  chat.on("removed", ({ id }) => void gone.push(id));
  // It is given and taken back in the browser's settings, too.
  if (supported)
    void navigator.permissions.query({ name: "notifications" }).then((status) => {
      const look = () => (permission.value = Notification.permission);
      status.onchange = look;
      look(); // It may have been given since this page began.
    });

  // Read here or on another device: every tab hears of it. By rooms, since the count of all may stay while one is read and another is not.
  effect(() => {
    known();
    const now = stillUnread();
    if (gone.length || [...hadUnread].some((stream) => !now.has(stream))) void askWorker({ unread: [...now], gone });
    hadUnread = now;
    gone = [];
  });
  effect(() => {
    void unread.value;
    counting ||= setTimeout(showCount, GATHER);
  });
}

/** Title, icon and badge are the browser's, which takes longer over them than the page over a message; most that comes is read at once (ms). */
const GATHER = 200;
let counting = 0;
let counted = -1;
function showCount(): void {
  counting = 0;
  const now = unread.peek();
  if (now === counted) return;
  counted = now;
  document.title = now ? `(${now}) LiquidChat` : "LiquidChat";
  document.querySelector<HTMLLinkElement>("link[rel=icon]")!.href = now ? "/icon-unread.svg" : "/icon.svg";
  // Only a page that is installed has a badge.
  void navigator.setAppBadge?.(now).catch(() => {});
}
