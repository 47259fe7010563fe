import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { type Page, type PageName, PAGES, pathsOf } from "./build.ts";
import { madePage } from "./prebuilt.ts";

const DAY = "max-age=86400";

/**
 * Serves the pages: each a document, one script, one sheet of style, and the chat a service worker and what it takes to be installed. `build` is asked for
 * one at the first request for it, so that a server that nobody looks at does not pay a tenth of a second for it.
 */
export function pageRoutes(build: (name: PageName) => Promise<Page> = madePage) {
  const app = new Hono<HttpEnv>();
  for (const name of Object.keys(PAGES) as PageName[]) {
    let building: Promise<Page> | undefined;
    /** A build that failed is tried again: a request must not decide for all that follow. */
    const built = () =>
      (building ??= build(name).catch((error) => {
        building = undefined;
        throw error;
      }));
    for (const path of pathsOf(PAGES[name]))
      app.get(path, async (c) => {
        const { version, files } = await built();
        const { type, ...encodings } = files[path]!;
        const accepted = c.req.header("accept-encoding") ?? "";
        const encoding = (["br", "gzip"] as const).find((one) => encodings[one] && accepted.match(`\\b${one}\\b`));
        return c.body(encodings[encoding ?? "plain"] as Uint8Array<ArrayBuffer>, 200, {
          "Content-Type": type,
          Vary: "Accept-Encoding",
          ...(encoding && { "Content-Encoding": encoding }),
          ...keeping(path, c.req.query("v") === version),
        });
      });
  }
  return app;
}

/** Who asks for another version, as a page does that is older than this process, must ask again next time; so must who asks for what names the version. */
function keeping(path: string, isVersion: boolean): Record<string, string> {
  if (/\/page\.(js|css)$/.test(path))
    return isVersion ? { "Cache-Control": "public, max-age=31536000, immutable" } : {};
  return path.includes("icon") ? { "Cache-Control": DAY } : {};
}
