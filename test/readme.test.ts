/** The README's examples, run as a newcomer would: pasted into a shell, one after the other. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedRig } from "./support/server.ts";
import { tempDir } from "./support/services.ts";

const readme = readFileSync(join(import.meta.dir, "../README.md"), "utf8");

test("every example in the README works as it stands", async () => {
  const rig = await embeddedRig();
  const here = (text: string) =>
    text
      .replaceAll("http://localhost:8000", rig.url())
      .replaceAll("ws://localhost:8000", rig.url().replace("http", "ws"));
  const dir = await tempDir();
  const script = ["set -euo pipefail", `bun() { '${process.execPath}' "$@"; }`];
  for (const [, language, text] of readme.matchAll(/^```(sh|js)\n([^]*?)^```$/gm)) {
    if (language === "js") writeFileSync(join(dir, "talk.js"), here(text!));
    script.push(language === "js" ? "TOKEN=$TOKEN bun talk.js" : here(text!), "echo");
  }
  const run = Bun.spawnSync(["bash", "-c", script.join("\n")], { cwd: dir });
  expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
  const lines = run.stdout.toString().split("\n").filter(Boolean);
  const json = (line: string) => JSON.parse(line);
  expect(json(lines[0]!.split("}{")[0]! + (lines[0]!.includes("}{") ? "}" : "")).user.username).toBe("ada");
  const users = lines.find((line) => line.includes('"results"'))!;
  expect(json(users).results.map((user: { username: string }) => user.username)).toEqual(["grace"]);
  const conversation = json(lines.find((line) => line.includes('"conversation"'))!);
  expect(conversation.conversation.participants.map((user: { username: string }) => user.username)).toEqual([
    "ada",
    "grace",
  ]);
  expect(lines).toContain("ada: hello, world");
  expect(json(lines.at(-1)!)[0].content).toBe("hello, world");
  await rig.stop();
});

test("the README speaks of every file and command that it names", async () => {
  const { scripts } = await Bun.file(join(import.meta.dir, "../package.json")).json();
  for (const [, command] of readme.matchAll(/bun run ([\w:]+)/g))
    expect([command, typeof scripts[command!]]).toEqual([command, "string"]);
  for (const [, file] of readme.matchAll(/\]\((?!http)([^)]+)\)/g))
    expect([file, await Bun.file(join(import.meta.dir, "..", file!)).exists()]).toEqual([file, true]);
});
