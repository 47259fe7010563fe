/**
 * The service worker, one for all tabs of the page. It opens the page's shell where the server cannot be reached, and shows notifications. It
 * keeps the shell of one version, and nothing of a person: what the API says goes past it.
 */
/// <reference lib="webworker" />
import type { Notice, StillUnread } from "./notice.ts";

declare const self: ServiceWorkerGlobalScope;
/** Put in by the build: another one, and so another worker, for every version of the page. */
declare const VERSION: string;

const CACHE = `shell ${VERSION}`;
const SHELL = ["/", `/page.js?v=${VERSION}`, `/page.css?v=${VERSION}`, "/icon.svg", "/icon-unread.svg"];
/** A server that takes longer (ms) than this for the document counts as away. */
const PATIENCE = 3_000;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { pathname, search, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (event.request.mode === "navigate" && pathname === "/") event.respondWith(freshDocument(event));
  else if (SHELL.includes(pathname + search)) event.respondWith(kept(event.request));
});

async function install(): Promise<void> {
  const answers = await Promise.all(SHELL.map((path) => fetch(path)));
  // While a new version is rolled out, a process of another one may answer: then the next visit tries again.
  const [page, ...assets] = answers as [Response, ...Response[]];
  const isOurs = (await page.clone().text()).includes(`v=${VERSION}`);
  const areOurs = assets.slice(0, 2).every(({ headers }) => headers.get("Cache-Control")?.includes("immutable"));
  if (!isOurs || !areOurs || !answers.every(({ ok }) => ok)) throw new Error("the server has another version");
  const cache = await caches.open(CACHE);
  await Promise.all(SHELL.map((path, i) => cache.put(path, answers[i]!)));
  // Open pages have all they need of their version, and ask the worker for nothing that another one would answer differently.
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
}

/** From the server, so that nobody is left with an old page; the one that is kept where there is no answer. */
async function freshDocument(event: FetchEvent): Promise<Response> {
  const answer = Promise.resolve(event.preloadResponse).then((early) => early ?? fetch(event.request));
  const late = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE, null));
  const first = await Promise.race([answer, late]).catch(() => null);
  // A proxy whose server restarts says 502.
  if (first && first.status < 500) return first;
  return (await caches.match("/")) ?? answer;
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

/** The last message told of each room: every tab asks for the same. */
const told = new Map<string, number>();
let telling = Promise.resolve();

self.addEventListener("message", (event) => {
  const asked = event.data as Notice | StillUnread;
  // One after the other, so that the second tab to ask finds what the first was told; one that fails keeps none of the others from it.
  // And since Chromium, asked which notifications there are, drops one that it is just about to show.
  const next = () => ("unread" in asked ? untell(asked) : tell(asked));
  event.waitUntil((telling = telling.then(next, next)));
});

async function tell({ stream, id, seq, title, body }: Notice): Promise<void> {
  const pages = await chats();
  if (pages.some((page) => page.visibilityState === "visible") || (told.get(stream) ?? 0) >= seq) return;
  told.set(stream, seq);
  // One a room: the next takes its place.
  const options = { body, tag: stream, data: id, renotify: true, icon: "/icon-192.png", badge: "/icon-192.png" };
  await self.registration.showNotification(title, options).catch(() => {}); // The permission was taken back.
}

async function untell({ unread, gone = [] }: StillUnread): Promise<void> {
  for (const notification of await self.registration.getNotifications())
    if (!unread.includes(notification.tag) || gone.includes(notification.data)) notification.close();
}

/** The documents and the page of admins are of this origin too, and tell nobody of messages. */
async function chats(): Promise<WindowClient[]> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.filter(({ url }) => new URL(url).pathname === "/");
}

self.addEventListener("notificationclick", (event) => event.waitUntil(open(event.notification)));

/** Opens the room: in a page that is there, else in a new one. */
async function open(notification: Notification): Promise<void> {
  notification.close();
  const [page] = await chats();
  if (!page) return void (await self.clients.openWindow(`/#${notification.tag}`));
  page.postMessage({ open: notification.tag });
  await page.focus().catch(() => {}); // Only right after a click; the room is open all the same.
}
