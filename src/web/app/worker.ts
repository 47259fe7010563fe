/** The page's side of the service worker, where browsers have one: not over plain HTTP, nor in some private windows. */
import type { Notice, StillUnread } from "../worker/notice.ts";

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

export async function askWorker(what: Notice | StillUnread): Promise<void> {
  (await worker)?.active?.postMessage(what);
}
