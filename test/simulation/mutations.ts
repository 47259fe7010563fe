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
  "no gap check in the client": {
    file: "client/state.ts",
    line: "else if (prev > stream.last) return behind(state, frame.stream, seq, effects);",
    instead: "",
  },
  "no de-duplication": {
    file: "realtime/sequencer.ts",
    line: "if (stream.last === null || event.seq > stream.last) stream.held.set(event.seq, event);",
    instead:
      "stream.held.set(event.seq, event); if (stream.last !== null) stream.last = Math.min(stream.last, event.seq - 1);",
  },
  "a retry has another client_id": {
    file: "client/drafts.ts",
    line: 'const frame = { type: "send_message", stream, content, client_id: clientId };',
    instead: 'const frame = { type: "send_message", stream, content, client_id: clientId + Math.random() };',
  },
  "two unacknowledged sends of a room": {
    file: "client/outbox.ts",
    line: "seen.add(entry.stream);",
    instead: "",
  },
  "the outbox forgets with the page": {
    file: "client/drafts.ts",
    line: "stored.filter(({ clientId }) => !done.has(clientId)),",
    instead: "stored.slice(stored.length),",
  },
  "ack before commit": {
    file: "chat/writer.ts",
    line: "const answer = store.storeMessages(batch.map((one) => one.draft));",
    instead:
      "for (const { draft, resolve } of batch) resolve({ event: EVENT, repeat: false }); const answer = store.storeMessages(batch.map((one) => one.draft));",
  },
  "a failed batch is taken for a stored one": {
    file: "chat/writer.ts",
    line: "for (const one of batch) one.reject(again ? unavailable() : error);",
    instead: "for (const { draft, resolve } of batch) resolve({ event: EVENT, repeat: false });",
  },
  "publish before commit": {
    file: "chat/writer.ts",
    line: "const answer = store.storeMessages(batch.map((one) => one.draft));",
    instead:
      "committed(batch.map(({ draft }) => (EVENT))); const answer = store.storeMessages(batch.map((one) => one.draft));",
  },
  "holes are not filled": {
    file: "realtime/streams.ts",
    line: "if (due.length) deliver(due);\n        if (answer.whole) return;",
    instead: "if (answer.whole) return;",
  },
  "the horizon moves before what it saw was fetched": {
    file: "realtime/streams.ts",
    line: "const seen = await look(horizon);",
    instead: "const seen = await look(horizon); horizon = seen.horizon;",
  },
  "horizon taken after the read": {
    file: "realtime/streams.ts",
    line: "const seen = await look(horizon);",
    instead: "const seen = await look(horizon); seen.horizon = (await look(null)).horizon;",
  },
  "the first sight of a room begins with what arrived": {
    file: "realtime/sequencer.ts",
    line: "if (stream.last === null || event.seq > stream.last) stream.held.set(event.seq, event);",
    instead: "stream.last ??= event.seq - 1; if (event.seq > stream.last) stream.held.set(event.seq, event);",
  },
  "what happens while one comes back is not kept": {
    file: "realtime/publisher.ts",
    line: "waiting.frames.push(frame);",
    instead: "",
  },
  "subscribe in a later tick than the buffer's rest": {
    file: "realtime/publisher.ts",
    line: "for (const to of topicsOf(endpoint, userId)) ws.subscribe(to);",
    instead: "setImmediate(() => { for (const to of topicsOf(endpoint, userId)) ws.subscribe(to); });",
  },
  "a removed message leaves a hole": {
    file: "realtime/sequencer.ts",
    line: "due.push(event.seq === stream.last + 1 ? event : { ...event, prev: stream.last });",
    instead: "due.push(event);",
  },
  "what is unread is not counted again after a removal": {
    file: "client/messages.ts",
    line: "if (!gone || stream.unread === MAX_UNREAD) stream.uncounted = true;",
    instead: "if (!gone) {}",
  },
  "a page from before a removal is taken": {
    file: "client/messages.ts",
    line: "page = page.filter(({ id }) => !stream.gone.has(id));",
    instead: "",
  },
  "a lost leave never repaired": {
    file: "presence/presence.ts",
    line: "if (message.v <= node.version || now - node.askedAt < ASK_EVERY_MS) return [];",
    instead: "return [];",
  },
};

/** A message as a mutation makes it up. */
const EVENT =
  "{ room: draft.room, seq: 1 + ((globalThis as any).seqs?.[draft.room] ?? 0), body: { id: 'x', sender: draft.sender, content: draft.content, sentAt: '', clientId: draft.clientId, audience: draft.audience } }";

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
        contents: source.replace(mutation.line, () => mutation.instead.replace("EVENT", EVENT)),
        loader: "ts",
      }));
    },
  });
}
