import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { buildPage, PAGE_PATHS, type Page, type PagePath } from "./build.ts";

const DAY = "max-age=86400";

/**
 * Serves the page: a document, one script, one sheet of style, a service worker, and what it takes to be installed. `build` is asked for it at the first
 * request, so that a server that nobody looks at does not pay a tenth of a second for it.
 */
export function pageRoutes(build: () => Promise<Page> = buildPage) {
  let building: Promise<Page> | undefined;
  /** A build that failed is tried again: a request must not decide for all that follow. */
  const built = () =>
    (building ??= build().catch((error) => {
      building = undefined;
      throw error;
    }));

  const app = new Hono<HttpEnv>();
  for (const path of PAGE_PATHS)
    app.get(path, async (c) => {
      const { version, files } = await built();
      const { type, ...encodings } = files[path];
      const accepted = c.req.header("accept-encoding") ?? "";
      const encoding = (["br", "gzip"] as const).find((name) => encodings[name] && accepted.match(`\\b${name}\\b`));
      return c.body(encodings[encoding ?? "plain"] as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": type,
        Vary: "Accept-Encoding",
        ...(encoding && { "Content-Encoding": encoding }),
        ...keeping(path, c.req.query("v") === version),
      });
    });
  return app;
}

/** Who asks for another version, as a page does that is older than this process, must ask again next time; so must who asks for what names the version. */
function keeping(path: PagePath, isVersion: boolean): Record<string, string> {
  if (path === "/page.js" || path === "/page.css")
    return isVersion ? { "Cache-Control": "public, max-age=31536000, immutable" } : {};
  return path.includes("icon") ? { "Cache-Control": DAY } : {};
}
