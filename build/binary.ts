/**
 * `bun run build [target...]`: the program as one file, `dist/liquidchat-<os>-<arch>[-musl]`, with the page, the migrations and the embedded
 * database inside. Without targets, for all; the runtimes of the others are fetched from npm's registry.
 */
import { serialize } from "bun:jsc";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildPage, type PageName, PAGES } from "../src/web/build.ts";
import { PREBUILT } from "../src/web/prebuilt.ts";

const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"] as const;
type Target = (typeof TARGETS)[number];

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !TARGETS.includes(name as Target));
if (unknown) {
  console.error(`There is no target "${unknown}". There are ${TARGETS.join(", ")}.`);
  process.exit(2);
}

process.chdir(join(import.meta.dir, ".."));
const names = Object.keys(PAGES) as PageName[];
const pages = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await buildPage(name)])));
await mkdir("dist", { recursive: true });
await Bun.write(`dist/${PREBUILT}`, serialize(pages));

for (const target of asked.length ? (asked as Target[]) : TARGETS) {
  const outfile = `dist/liquidchat-${target}`;
  await Bun.build({
    entrypoints: ["src/main.ts", "src/db/embedded-worker.ts"],
    target: "bun",
    format: "esm",
    minify: true,
    sourcemap: "inline",
    bytecode: true,
    // The Worker is looked for beside who starts it.
    naming: { entry: "[name].[ext]" },
    compile: {
      target: `bun-${target}`,
      outfile,
      assets: [`dist/${PREBUILT}`],
      // What lies in the folder where it is started is not to be run; settings in its .env are read.
      autoloadBunfig: false,
    },
  });
  // Each binary has its own inside.
  for (const map of new Bun.Glob("{liquidchat,embedded}-*.map").scanSync("dist")) await rm(`dist/${map}`);
  console.log(`${outfile}  ${Math.round(Bun.file(outfile).size / 1e6)} MB`);
}
