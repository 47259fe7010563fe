/** What is handed out: one file of code and one of types, with nothing else to install. */
import { beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tempDir } from "../support/services.ts";

const root = join(import.meta.dir, "../..");
const { scripts, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const path = (kind: "types" | "import") => join(root, exports["./client"][kind]);

function run(command: string, cwd = root) {
  const script = `set -e\nPATH="${root}/node_modules/.bin:$PATH"\nbun() { '${process.execPath}' "$@"; }\n${command}`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", script], { cwd });
  return { exitCode, out: stdout.toString() + stderr.toString() };
}

beforeAll(() => {
  expect(run(scripts["build:client"])).toMatchObject({ exitCode: 0 });
}, 120_000);

test("the client is at most 15 kB over the wire, and asks for no other file", () => {
  const code = readFileSync(path("import"));
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(15_000);
  expect(code.toString()).not.toMatch(/\bfrom\s*["']|import\s*\(|require\(/);
});

test("the types stand alone, under a strict plain tsc, with a browser's types or none", async () => {
  expect(readFileSync(path("types"), "utf8")).not.toMatch(/\bfrom\s*["']|import\s*\(/);
  const dir = await tempDir();
  writeFileSync(
    join(dir, "page.ts"),
    `import { createClient, type Room } from ${JSON.stringify(path("import"))};
    const client = createClient({ url: "https://chat.example.org" });
    client.on("message", ({ stream, message }): string => stream + message.content);
    export const room: Readonly<Room> | undefined = client.state.streams.get("global");
    // @ts-expect-error
    client.on("no such event", () => {});`,
  );
  for (const lib of ["es2022", "es2022,dom"])
    expect(run(`tsc --noEmit --strict --target es2022 --module esnext --moduleResolution bundler --lib ${lib} page.ts`, dir))
      .toEqual({ exitCode: 0, out: "" }); // prettier-ignore
}, 60_000);

test("plain Node runs it, given a WebSocket where it has none", async () => {
  const dir = await tempDir();
  writeFileSync(
    join(dir, "node.mjs"),
    `import { ChatError, createClient } from ${JSON.stringify(path("import"))};
    class WebSocket {
      constructor(url, protocols) {
        console.log(url, protocols.join());
        const hear = (frame) => this.onmessage({ data: JSON.stringify(frame) });
        setTimeout(() => hear({ type: "hello", epoch: "e", heartbeat_s: 30, limits: { rate_per_s: 0, burst: 1 }, user: { id: "1", username: "ada" } }));
        this.send = (data) => {
          const frame = JSON.parse(data);
          if (frame.type === "resume") {
            hear({ type: "snapshot", streams: [], more: false, presence: [] });
            hear({ type: "resumed", since: "1", streams: {} });
          } else hear({ type: "ack", client_id: frame.client_id, stream: frame.stream, seq: 1, message_id: 1, timestamp: "", duplicate: false });
        };
      }
      close() {}
    }
    const user = { id: "1", username: "ada" };
    globalThis.fetch = async (url) => Response.json({ user, access: "a", refresh: "r" });
    const client = createClient({ url: "http://localhost:8000", ports: { WebSocket } });
    await client.logIn({ username: "ada", password: "plum-orbit-4417" });
    client.connect();
    console.log(JSON.stringify(await client.send("global", "hello").sent));
    client.close();
    console.log(client.connection.state, new ChatError("offline", "x") instanceof Error);`,
  );
  expect(run("node node.mjs", dir)).toEqual({
    exitCode: 0,
    out: 'ws://localhost:8000/ws/chat/ liquidchat.v2,bearer.a\n{"stream":"global","id":1,"seq":1}\noffline true\n',
  });
});
