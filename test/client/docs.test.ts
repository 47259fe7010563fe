import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, ClientEvents } from "../../src/client/index.ts";
import { FakeNetwork } from "./fake-network.ts";

const page = readFileSync(join(import.meta.dir, "../../docs/client.md"), "utf8");
const [first, second] = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code!);

test("the first lines of the page work as they stand", async () => {
  const network = new FakeNetwork();
  const lines: string[] = [];
  const console = { log: (...words: string[]) => lines.push(words.join(" ")) };
  const body = first!.replace(/^import.*\n/, "");
  const run = new Function("createClient", "console", `return (async () => { ${body} })()`);
  const done = run(() => network.client(), console);
  await network.clock.advance(0);
  await network.clock.advance(0);
  await done;
  expect(lines).toEqual(["global ADA hello, world", "stored as 1"]);
});

test("the page names every call and every event there is, and none else", () => {
  const client: Client = new FakeNetwork().client();
  for (const name of Object.keys(client)) {
    if (["signUp", "user", "request"].includes(name)) continue;
    expect([name, new RegExp(`\\b${name}\\b`).test(page)]).toEqual([name, true]);
  }
  for (const [, name] of `${page}${second}`.matchAll(/chat\.(\w+)/g))
    expect([name, Object.hasOwn(client, name!)]).toEqual([name, true]);
  const events: Record<Exclude<keyof ClientEvents, "changed">, true> = {
    message: true,
    removed: true,
    failed: true,
    connection: true,
    signedOut: true,
  };
  for (const name of Object.keys(events)) expect(page).toContain(`| \`${name}\``);
});
