import { computed, effect, signal, untracked } from "@preact/signals";
import { createClient } from "../../client/index.ts";
import { forgetAll, keep, kept } from "./kept.ts";

export const chat = createClient({ url: location.origin, cookie: true });

/** Another number after every change of what the client knows. Who shows something of it reads this. */
const revision = signal(0);
/** The room that is looked at. */
export const opened = signal("global");
/** Whether the list of rooms lies over the room, on a phone. */
export const listShown = signal(false);
/** A sentence for the card: why one is here again. */
export const goodbye = signal("");
/** Rooms whose messages could not be loaded. */
export const unloaded = signal<ReadonlySet<string>>(new Set());
/** Whether the device has a network at all, as far as it knows; a socket takes its time to notice. */
export const online = signal(navigator.onLine);
/** Where "new" begins in the room that is looked at: the first message above this seq. */
export const newFrom = signal<number | null>(null);

/** At most once a frame: a busy room brings a hundred messages a second. A hidden page gets no frames. */
let asked = false;
function show(): void {
  if (asked) revision.value = chat.revision;
  asked = false;
}
chat.subscribe(() => {
  if (asked) return;
  asked = true;
  requestAnimationFrame(show);
  setTimeout(show, 250);
});

/** What the client knows, for whoever is to be rendered again when it changes. */
export function known() {
  void revision.value;
  return chat.state;
}

export const me = computed(() => (known(), chat.user()));
export const connection = computed(() => (known(), chat.connection));
export const unread = computed(() => [...known().streams.values()].reduce((sum, room) => sum + room.unread, 0));

const GOODBYE = {
  logged_out: "",
  expired: "Your session is over. Log in to go on; what was not sent is kept.",
  disabled: "This account has been disabled.",
};
chat.on("signedOut", ({ reason }) => {
  if (reason === "logged_out") forgetAll();
  goodbye.value = GOODBYE[reason];
  opened.value = "global";
  unloaded.value = new Set();
  listShown.value = false;
});

export function openRoom(stream: string): void {
  const room = chat.state.streams.get(stream);
  newFrom.value = room?.unread ? room.readSeq : null;
  opened.value = stream;
  keep(`room ${chat.user()?.id}`, stream);
  listShown.value = false;
  void load(stream);
}

/** Gets the latest page of a room, or tells that it cannot. */
export async function load(stream: string): Promise<void> {
  const failed = new Set(unloaded.value);
  failed.delete(stream);
  try {
    await chat.loadLatest(stream);
  } catch {
    failed.add(stream);
  }
  if (failed.has(stream) !== unloaded.value.has(stream)) unloaded.value = failed;
}

/** A reload goes on in the room where one was. */
effect(() => {
  if (me.value) opened.value = kept(`room ${me.value.id}`) ?? "global";
});
/** A room that was emptied, since too much happened meanwhile, is loaded by the client; one never seen, here. */
effect(() => {
  if (connection.value.state !== "live") return;
  const room = chat.state.streams.get(opened.peek());
  // Not among the latest rooms any more: nothing tells whose it is.
  const isUnknown = opened.peek() !== "global" && !room?.participants.length;
  if (!room?.loaded) untracked(() => openRoom(isUnknown ? "global" : opened.peek()));
});
effect(() => {
  document.title = unread.value ? `(${unread.value}) LiquidChat` : "LiquidChat";
});

for (const event of ["online", "offline"]) addEventListener(event, () => (online.value = navigator.onLine));
addEventListener("online", chat.reconnectNow);
addEventListener("pageshow", chat.reconnectNow);
document.addEventListener("visibilitychange", () => document.hidden || chat.reconnectNow());
