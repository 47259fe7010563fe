import { type Context, Hono } from "hono";
import type { HttpEnv } from "../deps.ts";
import { APP_PATHS, buildApp, buildPage, type Page, PAGE_PATHS } from "./build.ts";

/** The page at `/`, with its service worker and what it takes to be installed. */
export function pageRoutes() {
  const app = new Hono<HttpEnv>();
  const serve = server(buildApp);
  for (const path of [...PAGE_PATHS, ...APP_PATHS]) app.get(path || "/", serve(path));
  app.get("/reset", serve(""));
  return app;
}

/** A page of its own: at `path` of `app`, which is at `address` for browsers. */
export function servePage(app: Hono<HttpEnv>, path: string, address: string, entry: string, title: string): void {
  const serve = server(() => buildPage(address, entry, title));
  for (const file of PAGE_PATHS) app.get(path + file, serve(file));
}

/** Serves what is built at the first request, in a tenth of a second, so that a server that nobody looks at does not pay for it. */
function server(build: () => Promise<Page>) {
  let building: Promise<Page> | undefined;
  /** A build that failed is tried again: a request must not decide for all that follow. */
  const built = () =>
    (building ??= build().catch((error) => {
      building = undefined;
      throw error;
    }));

  return (file: string) => async (c: Context<HttpEnv>) => {
    const { version, files } = await built();
    const { type, ...encodings } = files[file]!;
    const accepted = c.req.header("accept-encoding") ?? "";
    const encoding = (["br", "gzip"] as const).find((name) => encodings[name] && accepted.match(`\\b${name}\\b`));
    const named = file.startsWith("/page.") && c.req.query("v") === version;
    const keeping = named ? FOR_EVER : file.includes("icon") && "max-age=86400";
    return c.body(encodings[encoding ?? "plain"] as Uint8Array<ArrayBuffer>, 200, {
      "Content-Type": type,
      Vary: "Accept-Encoding",
      ...(encoding && { "Content-Encoding": encoding }),
      // Who asks for another version, as a page does that is older than this process, must ask again next time.
      ...(keeping && { "Cache-Control": keeping }),
    });
  };
}

const FOR_EVER = "public, max-age=31536000, immutable";
