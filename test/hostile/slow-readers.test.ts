/** Pages of history that mallory asks for and hardly reads. */
import { expect, test } from "bun:test";
import { createAnswers } from "../../src/ops/answers.ts";
import { SlowSocket } from "../chaos/slow-socket.ts";
import { eventually } from "../support/services.ts";

const items = Array.from({ length: 4_000 }, (_, id) => ({
  id,
  content: `message ${id} é😀 `.repeat(100),
  text: "<b>",
}));
const size = items.reduce((sum, { content, text }) => sum + content.length + text.length, 0);

test("answers of every size are whole, whoever reads them how fast", async () => {
  const answer = createAnswers();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: ({ url }) => new Response(answer('{"a":1,"messages":', items.slice(0, Number(new URL(url).pathname.slice(1))), "}")) }); // prettier-ignore
  for (const many of [0, 1, 5, 20, 32, 33, 500, 4_000]) {
    const response = await fetch(`${server.url}${many}`);
    expect(await response.json()).toEqual({ a: 1, messages: items.slice(0, many) });
  }
  await server.stop(true);
});

test.skipIf(process.platform !== "linux")(
  "where unread answers hold too much, the oldest get no more, not even an end",
  async () => {
    const answer = createAnswers(2.5 * size);
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      // The runtime looks every four seconds only: four could be none.
      idleTimeout: 8,
      fetch: () => new Response(answer("", items, "")),
    });
    const readers: SlowSocket[] = [];
    for (let i = 0; i < 4; i++) {
      readers.push(new SlowSocket(server.port!, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 4_096));
      await Bun.sleep(50);
    }
    expect(await (await fetch(server.url)).json()).toEqual(items);
    // Once they read on, the last one gets the rest, and the others nothing, until they are closed.
    const isWhole = (reader: SlowSocket) => reader.text().endsWith("0\r\n\r\n");
    await eventually(() => {
      for (const reader of readers) reader.read(Infinity);
      expect(readers.every((reader) => reader.ended || isWhole(reader))).toBe(true);
    }, 20_000);
    const whole = readers.map(isWhole);
    for (const reader of readers) reader.close();
    expect(whole).toEqual([false, false, false, true]);
    await server.stop(true);
  },
  60_000,
);
