import { readFileSync } from "node:fs";
import { join } from "node:path";
import { plugin } from "bun";

/** One broken line of the real code each, and the file it stands in. A line that is not there any more is an error too. */
export const MUTATIONS: Record<string, { file: string; line: string; instead: string }> = {
  "no gap check": {
    file: "realtime/sequencer.ts",
    line: "if (stream.last === null || event.seq > stream.last) stream.held.set(event.seq, event);",
    instead:
      "if (stream.last === null || event.seq > stream.last) { stream.held.set(event.seq, event); stream.last = event.seq - 1; }",
  },
  "no memory of what was delivered": {
    file: "realtime/sequencer.ts",
    line: "if (stream.last === null || event.seq > stream.last) stream.held.set(event.seq, event);",
    instead:
      "stream.held.set(event.seq, event); if (stream.last !== null) stream.last = Math.min(stream.last, event.seq - 1);",
  },
  "holes are not filled": {
    file: "realtime/streams.ts",
    line: "if (due.length) deliver(due);\n        if (whole) return;",
    instead: "if (whole) return;",
  },
  "the horizon moves before what it saw was fetched": {
    file: "realtime/streams.ts",
    line: "const seen = await look(horizon);",
    instead: "const seen = await look(horizon); horizon = seen.horizon;",
  },
  "the first sight of a room begins with what arrived": {
    file: "realtime/sequencer.ts",
    line: "if (event.seq === 1 && stream.last === null) stream.last = 0;",
    instead: "if (stream.last === null) stream.last = event.seq - 1;",
  },
  "acknowledged before the commit": {
    file: "chat/writer.ts",
    line: "outcomes = await store.storeMessages(batch.map((one) => one.draft));",
    instead:
      "for (const { draft, resolve } of batch) resolve({ event: { room: draft.room, seq: 0, body: { id: 'x', sender: draft.sender, content: draft.content, sentAt: '', clientId: null, audience: [] } }, repeat: false }); outcomes = await store.storeMessages(batch.map((one) => one.draft));",
  },
  "a failed batch is taken for a stored one": {
    file: "chat/writer.ts",
    line: "for (const one of batch) one.reject(error);",
    instead:
      "for (const { draft, resolve } of batch) resolve({ event: { room: draft.room, seq: 0, body: { id: 'x', sender: draft.sender, content: draft.content, sentAt: '', clientId: null, audience: [] } }, repeat: false });",
  },
};

/** Must be called before the file is imported. */
export function mutate(name: string): void {
  const mutation = MUTATIONS[name];
  if (!mutation) throw new Error(`There is no mutation "${name}".`);
  const path = join(import.meta.dir, "../../src", mutation.file);
  const source = readFileSync(path, "utf8");
  if (source.split(mutation.line).length !== 2)
    throw new Error(`The line of "${name}" is not in ${mutation.file} any more.`);
  plugin({
    name: "mutation",
    setup(build) {
      const filter = new RegExp(`${mutation.file.replace(".", "\\.")}$`);
      build.onLoad({ filter }, () => ({
        contents: source.replace(mutation.line, () => mutation.instead),
        loader: "ts",
      }));
    },
  });
}
