import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { HttpEnv } from "../deps.ts";

/** A page loads what is ours and nothing else, cannot be framed, and its scripts cannot make markup of text. */
const forPages = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    workerSrc: ["'self'"],
    requireTrustedTypesFor: ["'script'"],
    // The one policy: it names the service worker's script, whatever it is asked for (web/app/worker.ts).
    trustedTypes: ["service-worker"],
  },
  permissionsPolicy: { camera: [], microphone: [], geolocation: [], payment: [], usb: [], displayCapture: [] },
  xFrameOptions: "DENY",
  // Only behind TLS, and for every answer: below.
  strictTransportSecurity: false,
});

/** What every answer says to a browser, and what every page says besides. Unless it says otherwise, nobody keeps it: it is for who asked. */
export const safeHeaders: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next();
  const { headers } = c.res;
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  // Not for the names below this one: those need not be ours.
  if (c.var.url.protocol === "https:") headers.set("Strict-Transport-Security", "max-age=31536000");
  if (/^text\/html\b/i.test(headers.get("Content-Type") ?? "")) await forPages(c, async () => {});
};
