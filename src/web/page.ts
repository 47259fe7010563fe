import { fileURLToPath } from "node:url";
import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import { Hono } from "hono";
import type { HttpEnv } from "../deps.ts";

type Asset = { type: string; plain: Uint8Array; gzip: Uint8Array; br: Uint8Array };
type Built = { html: string; hash: string; assets: Record<"page.js" | "page.css", Asset> };

const compressBr = promisify(brotliCompress);
const compressGzip = promisify(gzip);
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

export function pageRoutes() {
  const app = new Hono<HttpEnv>();
  servePage(app, "", "app/main.tsx", "LiquidChat", ["/reset"]);
  app.get("/icon.svg", (c) => c.body(ICON, 200, { "Content-Type": "image/svg+xml", "Cache-Control": "max-age=86400" }));
  return app;
}

/**
 * A page at `at`, and the same at `also`: a document, one script and one sheet of style. It is built at the first request, in a tenth of a second, so that a server that nobody
 * looks at does not pay for it, and kept compressed.
 */
export function servePage(app: Hono<HttpEnv>, at: string, entry: string, title: string, also: string[] = []): void {
  let building: Promise<Built> | undefined;
  /** A build that failed is tried again: a request must not decide for all that follow. */
  const built = () =>
    (building ??= build(at, entry, title).catch((error) => {
      building = undefined;
      throw error;
    }));

  for (const path of [at || "/", ...also]) app.get(path, async (c) => c.html((await built()).html));
  for (const name of ["page.js", "page.css"] as const)
    app.get(`${at}/${name}`, async (c) => {
      const { assets, hash } = await built();
      const { type, ...encodings } = assets[name];
      const accepted = c.req.header("accept-encoding") ?? "";
      const encoding = /\bbr\b/.test(accepted) ? "br" : /\bgzip\b/.test(accepted) ? "gzip" : "plain";
      return c.body(encodings[encoding] as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": type,
        Vary: "Accept-Encoding",
        ...(encoding !== "plain" && { "Content-Encoding": encoding }),
        // Who asks for another version, as a page does that is older than this process, must ask again next time.
        ...(c.req.query("v") === hash && { "Cache-Control": "public, max-age=31536000, immutable" }),
      });
    });
}

async function build(at: string, entry: string, title: string): Promise<Built> {
  const { outputs } = await Bun.build({
    entrypoints: [fileURLToPath(new URL(entry, import.meta.url))],
    target: "browser",
    minify: true,
    jsx: { runtime: "automatic", importSource: "preact", development: false },
  });
  const asset = async (ending: string, type: string): Promise<Asset> => {
    const plain = new Uint8Array(await outputs.find(({ path }) => path.endsWith(ending))!.arrayBuffer());
    const [br, gzip] = await Promise.all([compressBr(plain, QUALITY), compressGzip(plain, { level: 9 })]);
    return { type: `${type}; charset=utf-8`, plain, br, gzip };
  };
  const [script, style] = await Promise.all([asset(".js", "text/javascript"), asset(".css", "text/css")]);
  const hash = Bun.hash(`${Bun.hash(script.plain)} ${Bun.hash(style.plain)}`).toString(36);
  return { html: document(at, hash, title), hash, assets: { "page.js": script, "page.css": style } };
}

/** A drop. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><linearGradient id="a" x2="0" y2="1"><stop stop-color="#5cc8f2"/><stop offset="1" stop-color="#2563c9"/></linearGradient><path fill="url(#a)" d="M16 2c5 6.5 10 11.5 10 18a10 10 0 0 1-20 0C6 13.5 11 8.5 16 2z"/><path fill="none" stroke="#fff" stroke-opacity=".8" stroke-width="2" stroke-linecap="round" d="M11 20a5 5 0 0 0 4 5"/></svg>
`;

/** Rendering waits for the script, which knows whether dark or light was chosen; without one there is nothing to see. */
const document = (at: string, hash: string, title: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${at}/page.css?v=${hash}">
<script type="module" src="${at}/page.js?v=${hash}" blocking="render"></script>
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. The API does not.</noscript>
</body>
</html>
`;
