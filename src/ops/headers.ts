import type { Context, MiddlewareHandler } from "hono";
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
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ["'none'"],
  },
  permissionsPolicy: { camera: [], microphone: [], geolocation: [], payment: [], usb: [], displayCapture: [] },
  xFrameOptions: "DENY",
  // Only behind TLS, and for every answer: below.
  strictTransportSecurity: false,
});

/** What every answer says to a browser, and what every page says besides. Answers are for the one who asked: nobody keeps them. */
export const safeHeaders: MiddlewareHandler<HttpEnv> = async (c, next) => {
  c.header("Cache-Control", "no-store");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Referrer-Policy", "no-referrer");
  c.header("Cross-Origin-Resource-Policy", "same-origin");
  c.header("Cross-Origin-Opener-Policy", "same-origin");
  // Not for the names beside and below this one: those are not ours.
  if (c.var.url.protocol === "https:") c.header("Strict-Transport-Security", "max-age=31536000");
  await next();
  if (isPage(c)) await forPages(c, async () => {});
};

const isPage = (c: Context): boolean => /^text\/html\b/i.test(c.res.headers.get("Content-Type") ?? "");
