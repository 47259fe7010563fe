/** The walls of the house (CONTRIBUTING.md), held by reading every import. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const SRC = join(import.meta.dir, "../src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
  (file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"),
);
const source = (file: string) => readFileSync(join(SRC, file), "utf8");

/** A file imports its own folder and lower levels only. */
const LEVELS: Record<string, number> = {
  protocol: 0, errors: 0.1, deps: 0.1, input: 0.2,
  config: 1, ops: 1, bus: 1, db: 1,
  auth: 2,
  chat: 3, presence: 3, realtime: 3, admin: 3, moving: 3,
  client: 3,
  web: 3.1,
  backends: 3.5,
  figures: 3.5,
  listen: 3.5,
  control: 3.6,
  app: 4, doors: 3.9, http: 4,
  commands: 5,
  main: 6,
}; // prettier-ignore

/** What a library or a global may be used in; anywhere else it is a leak. */
const FENCES: [what: string, pattern: RegExp, allowed: RegExp][] = [
  ["drizzle", /from "drizzle-orm/, /^(db\/|\w+\/([\w-]+-)?store\.ts$)/],
  ["postgres.js", /from "postgres"/, /^db\/(postgres|alone)\.ts$/],
  ["PGlite", /from "@electric-sql\/pglite/, /^db\/embedded-worker\.ts$/],
  ["ioredis", /^import (?!type).*from "ioredis"/m, /^bus\/redis\.ts$/],
  ["Bun.serve", /Bun\.serve\(/, /^(listen|control\/socket)\.ts$/],
  ["the environment", /process\.env/, /^(config|ops\/runtime)\.ts$/],
  [
    "time",
    /Date\.now\(|setTimeout\(|setInterval\(|Bun\.sleep\(/,
    /^((ops\/(clock|supervisor)|client\/ports)\.ts$|web\/(app|admin|docs|worker)\/)/,
  ],
  ["the client's world", /globalThis|crypto\.|Math\.random\(/, /^(client\/(ports|storage)\.ts$|(?!client\/))/],
  ["publishing to sockets", /server\.publish\(|publishTo\(/, /^(realtime\/publisher|app)\.ts$/],
  ["argv", /process\.argv/, /^main\.ts$/],
  ["the pages' library", /from "(preact|@preact)/, /^web\/(app|docs|admin)\//],
];

const imports = (file: string) =>
  new Bun.Transpiler({
    loader: file.endsWith("x") ? "tsx" : "ts",
  }).scanImports(source(file));
const slice = (file: string) => (file.includes("/") ? file.split("/")[0]! : file.replace(/\.ts$/, ""));

describe("the walls", () => {
  for (const file of files) {
    test(`${file} imports its own folder and lower levels`, () => {
      const level = LEVELS[slice(file)];
      expect(level).toBeDefined();
      for (const { path } of imports(file)) {
        if (!path.startsWith(".")) continue;
        const target = normalize(join(dirname(file), path));
        if (target.startsWith("..") || slice(target) === slice(file)) continue;
        expect([target, LEVELS[slice(target)]! < level! || slice(target) === "http"]).toEqual([target, true]);
      }
    });
  }

  test("libraries and globals stay inside their fences", () => {
    for (const [what, pattern, allowed] of FENCES) {
      const users = files.filter((file) => pattern.test(source(file)));
      expect([what, users.filter((file) => !allowed.test(file))]).toEqual([what, []]);
    }
  });

  test("the client takes nothing but types from outside its folder: it runs in browsers, in one small file", () => {
    for (const file of files.filter((file) => slice(file) === "client"))
      for (const { path } of imports(file))
        expect([file, path]).toEqual([file, expect.stringMatching(/^\.\/[\w-]+\.ts$/)]);
  });

  test("nothing of the server needs the client, but for the page, which takes nothing else and is no part of the server's own code", () => {
    const users = files.filter((file) => slice(file) !== "client" && /from "[./]+\/client\//.test(source(file)));
    const ofPages = (file: string) => /^web\/(app|docs|admin)\//.test(file);
    expect(users.filter((file) => !ofPages(file))).toEqual([]);
    // "react" is what the transpiler takes JSX for.
    for (const file of files.filter(ofPages))
      for (const { path } of imports(file))
        expect([file, path]).toEqual([
          file,
          expect.stringMatching(
            /^(\.\.?\/([\w-]+\/)?[\w-]+\.(tsx?|css)|(\.\.\/){2,3}client\/index\.ts|p?react(\/[\w-]+)?|@preact\/signals)$/,
          ),
        ]);
    expect(
      files.filter(
        (file) => !ofPages(file) && /from "(\.\.?\/)+web\/(app|docs|admin)\/|from "\.\/(app|docs)\//.test(source(file)),
      ),
    ).toEqual([]);
  });

  test("the page makes no markup of text, and writes no style or script into the document", () => {
    for (const file of files.filter((file) => slice(file) === "web"))
      expect([file, source(file).match(/innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|style="/g)]).toEqual([
        file,
        null,
      ]);
  });

  test("a fence that fences nothing is a mistake", () => {
    for (const [what, pattern] of FENCES)
      expect([what, files.some((file) => pattern.test(source(file)))]).toEqual([what, true]);
  });

  test("no file has grown beyond 300 lines", () => {
    const root = join(SRC, "..");
    const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const lines = (path: string) => readFileSync(path, "utf8").split("\n").length;
    const tall = [...files.map((file) => join(SRC, file)), ...tests.map((file) => join(root, "test", file))].filter(
      (path) => lines(path) > 300,
    );
    expect(tall).toEqual([]);
  });

  test("no folder is named after nothing", () => {
    expect(files.filter((file) => /(^|\/)(services|utils|helpers|core|common|lib|misc)\//.test(file))).toEqual([]);
  });
});
