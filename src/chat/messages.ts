import { GLOBAL_ROOM } from "../db/schema.ts";
import type { Bucket, Faults, Person } from "../deps.ts";
import { Refusal, spend } from "../errors.ts";
import type { MessageEvent, Rooms } from "./rooms.ts";
import { sanitize } from "./sanitize.ts";
import type { Writer } from "./writer.ts";

type Deps = { rooms: Rooms; writer: Writer; bucket: Bucket; maxLength: number; at: Faults };
type Send = { sender: Person; sessionId: string; room: string; content: string; clientId: string | undefined };

export type Messages = ReturnType<typeof createMessages>;

/** Sending: may I, is it a message, is it too much; then the writer has it. */
export function createMessages({ rooms, writer, bucket, maxLength, at }: Deps) {
  return {
    /** Resolves when the message has its place in the order; `stored` settles after the commit. */
    async send({
      sender,
      sessionId,
      room,
      content,
      clientId,
    }: Send): Promise<{ stored: Promise<{ event: MessageEvent; repeat: boolean }> }> {
      const text = readContent(content, maxLength);
      const audience = room === GLOBAL_ROOM ? [] : await rooms.membersFor(sender.id, room);
      await spend(bucket, sender.id, "You are sending too fast. Wait a moment.");
      at("validated");
      const stored = writer.store({ room, sender, sessionId, content: text, clientId: clientId ?? null, audience });
      return {
        stored: stored.then((result) => {
          if (result.repeat) bucket.giveBack(sender.id);
          return result;
        }),
      };
    },
  };
}

/** The text as it will be stored: trimmed, never cut, never mended. */
function readContent(content: string, maxLength: number): string {
  if (!content.isWellFormed() || content.includes("\0"))
    throw new Refusal("invalid_field", "content: must be text without NUL or lone surrogates.");
  const text = content.trim();
  // Code units first: an honest text is short, and counting code points of a long one is work.
  if (text.length > maxLength && (text.length > 2 * maxLength || [...text].length > maxLength)) {
    throw new Refusal("too_long", `A message has at most ${maxLength} characters.`);
  }
  if (!sanitize(text).trim()) throw new Refusal("empty", "The message is empty.");
  return text;
}
