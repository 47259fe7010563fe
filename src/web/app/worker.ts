/** The page's side of the service worker, where browsers have one: not over plain HTTP, nor in some private windows. */
import type { Notice } from "../worker/notice.ts";

type Policies = {
  createPolicy(name: string, rules: { createScriptURL(): string }): { createScriptURL(of: string): string };
};

const container = "serviceWorker" in navigator ? navigator.serviceWorker : null;

/** The worker, once it is there. Null where there is none. */
export const worker: Promise<ServiceWorkerRegistration> | null = container && container.ready;

export function startWorker(openRoom: (stream: string) => void): void {
  if (!container) return;
  container.addEventListener("message", ({ data }) => typeof data?.open === "string" && openRoom(data.open));
  container.startMessages();
  const url = "/sw.js";
  const { trustedTypes } = window as { trustedTypes?: Policies };
  const trusted =
    trustedTypes?.createPolicy("service-worker", { createScriptURL: () => url }).createScriptURL(url) ?? url;
  // What is on the screen comes first. Where it is refused (a private window, a full disk) the page does without.
  const register = () => void container.register(trusted, { updateViaCache: "none" }).catch(console.warn);
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}

export async function tell(notice: Notice): Promise<void> {
  (await worker)?.active?.postMessage(notice);
}

/** Takes away what was told of rooms that have nothing unread any more. */
export async function untell(isRead: (stream: string) => boolean): Promise<void> {
  for (const notification of (await (await worker)?.getNotifications()) ?? [])
    if (isRead(notification.tag)) notification.close();
}
