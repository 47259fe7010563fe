import { computed, effect, signal, untracked } from "@preact/signals";
import { createClient, type Room } from "../../client/index.ts";
import { forgetAll, keep, kept } from "./kept.ts";
import type { Words } from "./words/en.ts";

export const chat = createClient({ url: location.origin, cookie: true });

/** Another number after every change of what the client knows. Who shows something of it reads this. */
const revision = signal(0);
/** The room that is looked at. */
export const opened = signal("global");
/** Whether the list of rooms lies over the room, on a phone. */
export const listShown = signal(false);
/** Why one is here again, for the card to say. */
export const goodbye = signal<keyof Words["goodbye"] | null>(null);
/** Rooms whose messages could not be loaded. */
export const unloaded = signal<ReadonlySet<string>>(new Set());
/** Whether the device has a network at all, as far as it knows; a socket takes its time to notice. */
export const online = signal(navigator.onLine);
/** Where "new" begins in the room that is looked at: the first message above this seq. */
export const newFrom = signal<number | null>(null);

/** Rooms as they were looked at, the latest first. */
export const visited: string[] = [];

/** Milliseconds of a frame. */
const FRAME = 16;
/** At once after a pause, else at most once a frame: a busy room brings a hundred messages a second. A hidden page gets no frames. */
let asked = false;
let shownAt = 0;
function show(): void {
  if (!asked) return;
  asked = false;
  shownAt = performance.now();
  revision.value = chat.revision;
}
chat.subscribe(() => {
  if (asked) return;
  asked = true;
  if (!document.hidden && performance.now() - shownAt > FRAME) return show();
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
/** Whether the server is heard: else nobody knows who is there. */
export const isLive = computed(() => connection.value.state === "live" && online.value);
export const isOnline = (id: string): boolean => isLive.value && known().presence.has(id);
export const unread = computed(() => [...known().streams.values()].reduce((sum, room) => sum + room.unread, 0));
/** How many of one's own the server does not have, in whatever room. */
export const countUnsent = () => chat.pending().filter(({ state }) => state !== "sent").length;
export const unsent = computed(() => (known(), countUnsent()));

/** Rooms as they are listed: everybody's, then the latest activity first. */
export function listed() {
  const place = ({ stream }: { stream: string }) => Number(stream === "global");
  return [...known().streams.values()].sort(
    (one, other) => place(other) - place(one) || (one.updatedAt < other.updatedAt ? 1 : -1),
  );
}

/** The other one of a conversation. */
export function partnerOf(room: Readonly<Room> | undefined) {
  return room?.participants.find(({ id }) => id !== me.value?.id) ?? room?.participants[0];
}

type Partner = Room["participants"][number];
const partnerKey = (stream: string) => `partner ${chat.user()?.id} ${stream}`;
/** Whom the room that is looked at is with; kept, since after a reload without a server nothing else tells whom one writes to. */
export const partner = computed((): Partner | undefined => {
  if (opened.value === "global") return;
  const here = partnerOf(known().streams.get(opened.value));
  const former = here ? null : kept(partnerKey(opened.value));
  return here ?? (former ? { ...JSON.parse(former), last_seen: null } : undefined);
});
effect(() => {
  const { id, username } = partner.value ?? {};
  // Signed out, all was forgotten a moment before this.
  if (!id || !chat.user()) return;
  keep(partnerKey(opened.value), JSON.stringify({ id, username }));
});

chat.on("signedOut", ({ reason }) => {
  // Before the card is shown: whoever sees it may close the page.
  if (reason === "logged_out") forgetAll();
  goodbye.value = reason === "logged_out" ? null : reason;
  opened.value = "global";
  unloaded.value = new Set();
  listShown.value = false;
  visited.length = 0;
});

export function openRoom(stream: string): void {
  visited.unshift(opened.value);
  const room = chat.state.streams.get(stream);
  newFrom.value = room?.unread ? room.readSeq : null;
  opened.value = stream;
  if (chat.user()) keep(`room ${chat.user()!.id}`, stream);
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

/** The other tabs of this browser. `session`: somebody logged in or out; `left`: one was closed, with what it had not sent. */
const tabs = new BroadcastChannel("liquidchat");
export const tellTabs = (what: "session" | "left"): void => tabs.postMessage(what);
tabs.onmessage = async ({ data }) => {
  if (await chat.restore()) chat.connect();
  else if (data === "session") {
    forgetAll();
    goodbye.value = null;
  }
};
addEventListener("pagehide", () => tellTabs("left"));

for (const event of ["online", "offline"]) addEventListener(event, () => (online.value = navigator.onLine));
addEventListener("online", chat.reconnectNow);
addEventListener("pageshow", chat.reconnectNow);
document.addEventListener("visibilitychange", () => document.hidden || chat.reconnectNow());
