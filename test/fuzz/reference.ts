/** What docs/protocol.md says about a text, written down once more, without looking at how the server does it. */

const isLetter = (c: string | undefined) => c !== undefined && /^[A-Za-z]$/.test(c);
const opens = (text: string, at: number) =>
  text[at] === "<" && (isLetter(text[at + 1]) || text[at + 1] === "/" || text[at + 1] === "!" || text[at + 1] === "?");

/** The end of the markup that begins at `at`: behind the next `>`, or the end. */
const behind = (text: string, at: number) => text.indexOf(">", at) + 1 || text.length;

/** The name of a tag that goes with its body, where one begins here. */
function withBody(text: string, at: number, slash = ""): string | null {
  for (const name of ["script", "style"]) {
    const start = `<${slash}${name}`;
    const next = text[at + start.length];
    if (text.slice(at, at + start.length).toLowerCase() === start && next !== undefined && /[\s/>]/.test(next))
      return name;
  }
  return null;
}

function withoutMarkup(text: string): string {
  let left = "";
  for (let at = 0; at < text.length;) {
    if (!opens(text, at)) left += text[at++];
    else {
      const name = withBody(text, at);
      const whole = text.indexOf(">", at) >= 0;
      at = behind(text, at);
      if (!name || !whole) continue;
      while (at < text.length && withBody(text, at, "/") !== name) at++;
      at = behind(text, at);
    }
  }
  // Where markup is gone, what was apart may touch: no `<` may stand before what would make it markup.
  let safe = "";
  for (let at = left.length - 1; at >= 0; at--)
    if (!(left[at] === "<" && /^[A-Za-z/!?]/.test(safe))) safe = left[at] + safe;
  return safe;
}

export type Shown = { content: string; text?: string };

/** How a text is shown when it is sent; null where it has to be refused. */
export function shown(content: unknown, maxLength = 2_000): Shown | null {
  if (typeof content !== "string" || !content.isWellFormed() || content.includes("\0")) return null;
  const text = content.trim();
  const clean = withoutMarkup(text);
  if ([...text].length > maxLength || clean.trim() === "") return null;
  return clean === text ? { content: text } : { content: clean, text };
}

export type Expected = { room: string; shown: Shown; clientId?: string };

/** What a `client_id` has to be. */
export const isId = (id: unknown): id is string =>
  typeof id === "string" && id.length >= 1 && id.length <= 64 && id.isWellFormed() && !id.includes("\0");

/** The message that a frame is, for somebody with one conversation; null for any other frame, and for one that has to be refused. */
export function expectedOf(endpoint: "global" | "private" | "chat", frame: string, own: string): Expected | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(frame);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const [type, to] = { global: ["send_global_message", null], private: ["send_private_message", "conversation_id"], chat: ["send_message", "stream"] }[endpoint] as [string, string | null]; // prettier-ignore
  const room = to === null ? "global" : value[to];
  if (value.type !== type || typeof room !== "string") return null;
  const isGlobal = room === "global" && endpoint !== "private";
  if (!isGlobal && room.toLowerCase() !== own) return null;
  const { client_id } = value;
  if (client_id === undefined ? endpoint === "chat" : !isId(client_id)) return null;
  const message = shown(value.content);
  return (
    message && {
      room: room.toLowerCase(),
      shown: message,
      ...(client_id !== undefined && { clientId: client_id as string }),
    }
  );
}
