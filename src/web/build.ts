/** Makes pages out of their sources: plain data, so that it can be made once and shipped. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** What a path is answered with; pictures are not compressed again. */
type PageFile = { type: string; plain: Uint8Array; gzip?: Uint8Array; br?: Uint8Array };
/** `version`: another one where any file is another. */
export type Page = { version: string; files: Record<string, PageFile> };
/** `at`: where it is; `also`: where the same document is, too. */
type Source = { at: string; also: string[]; entry: string; title: string; icons: boolean };

const PICTURES = ["/icon-192.png", "/icon-512.png", "/icon-maskable.png", "/apple-touch-icon.png"];
const FOR_INSTALLING = ["/sw.js", "/manifest.webmanifest", "/icon.svg", "/icon-unread.svg", ...PICTURES];

const source = (at: string, entry: string, title: string, also: string[] = []): Source =>
  ({ at, also, entry, title, icons: at === "" }); // prettier-ignore

/** The chat can be installed and opens without a server; the others are what they are. */
export const PAGES = {
  chat: source("", "app/main.tsx", "LiquidChat", ["/reset"]),
  admin: source("/admin", "admin/main.tsx", "LiquidChat: administration"),
  docs: source("/api/docs", "docs/main.tsx", "LiquidChat: the API"),
};
export type PageName = keyof typeof PAGES;

export const pathsOf = ({ at, also, icons }: Source): string[] =>
  [at || "/", ...also, `${at}/page.js`, `${at}/page.css`, ...(icons ? FOR_INSTALLING : [])]; // prettier-ignore

const compressBr = promisify(brotliCompress);
const compressGzip = promisify(gzip);
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

export async function buildPage(name: PageName): Promise<Page> {
  const { at, also, entry, title, icons } = PAGES[name];
  const outputs = await bundle(entry);
  const [script, style] = await Promise.all(
    [".js", ".css"].map((ending) => outputs.find(({ path }) => path.endsWith(ending))!.text()),
  );
  const version = Bun.hash(JSON.stringify([script, style, page(at, "", title, icons), MANIFEST, ICON])).toString(36);

  const files: Page["files"] = {};
  const put = async (path: string, type: string, text: string) => {
    const plain = new TextEncoder().encode(text);
    const [br, gzip] = await Promise.all([compressBr(plain, QUALITY), compressGzip(plain, { level: 9 })]);
    files[path] = { type: `${type}; charset=utf-8`, plain, br, gzip };
  };
  await Promise.all([
    ...[at || "/", ...also].map((path) => put(path, "text/html", page(at, version, title, icons))),
    put(`${at}/page.js`, "text/javascript", script!),
    put(`${at}/page.css`, "text/css", style!),
  ]);
  if (!icons) return { version, files };
  const [worker] = await bundle("worker/sw.ts", { VERSION: JSON.stringify(version) });
  await Promise.all([
    put("/sw.js", "text/javascript", await worker!.text()),
    put("/manifest.webmanifest", "application/manifest+json", JSON.stringify(MANIFEST)),
    put("/icon.svg", "image/svg+xml", ICON),
    put("/icon-unread.svg", "image/svg+xml", ICON.replace("</svg>", `${DOT}</svg>`)),
    ...PICTURES.map(async (path) => {
      files[path] = { type: "image/png", plain: new Uint8Array(await readFile(inHere(`icons${path}`))) };
    }),
  ]);
  return { version, files };
}

const inHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function bundle(entry: string, define: Record<string, string> = {}) {
  const { outputs } = await Bun.build({
    entrypoints: [inHere(entry)],
    target: "browser",
    minify: true,
    define,
    jsx: { runtime: "automatic", importSource: "preact", development: false },
  });
  return outputs;
}

/** A drop; with a dot where something is unread. The PNGs of icons/ show the same (test/browser/icons.ts). */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><linearGradient id="a" x2="0" y2="1"><stop stop-color="#5cc8f2"/><stop offset="1" stop-color="#2563c9"/></linearGradient><path fill="url(#a)" d="M16 2c5 6.5 10 11.5 10 18a10 10 0 0 1-20 0C6 13.5 11 8.5 16 2z"/><path fill="none" stroke="#fff" stroke-opacity=".8" stroke-width="2" stroke-linecap="round" d="M11 20a5 5 0 0 0 4 5"/></svg>`;
const DOT = `<circle cx="25" cy="8" r="6" fill="#e5484d" stroke="#fff" stroke-width="1.5"/>`;

/** `--ground` of style/tokens.css: what browsers draw around the page. */
const GROUND = { light: "#e9f1f9", dark: "#0b1420" };

const MANIFEST = {
  id: "/",
  name: "LiquidChat",
  short_name: "LiquidChat",
  description: "Chat like water.",
  start_url: "/",
  scope: "/",
  display: "standalone",
  background_color: GROUND.light,
  theme_color: GROUND.light,
  categories: ["social"],
  icons: [
    { src: "/icon.svg", sizes: "any", type: "image/svg+xml" },
    { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
    { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
    { src: "/icon-maskable.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
  ],
};

const INSTALLING = `<link rel="apple-touch-icon" href="/apple-touch-icon.png">
<link rel="manifest" href="/manifest.webmanifest">
`;

/** Rendering waits for the script, which knows whether dark or light was chosen; without one there is nothing to see. */
const page = (at: string, version: string, title: string, icons: boolean) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="${GROUND.light}" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="${GROUND.dark}" media="(prefers-color-scheme: dark)">
<title>${title}</title>
<script type="module" src="${at}/page.js?v=${version}" blocking="render"></script>
<link rel="stylesheet" href="${at}/page.css?v=${version}">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
${icons ? INSTALLING : ""}</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. The API does not.</noscript>
</body>
</html>
`;
