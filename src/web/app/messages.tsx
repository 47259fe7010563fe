import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message, Pending } from "../../client/index.ts";
import { chat, me } from "./chat.ts";
import type { Line } from "./lines.ts";
import { Avatar, Icon, type IconName, Name } from "./parts.tsx";
import { Text } from "./text.tsx";
import { dayOf, fullTimeOf, timeOf } from "./time.ts";
import { sentenceOf, words } from "./words/index.ts";

type Props = { line: Line<Pending>; mine: boolean; isRead: boolean };

const ICONS: Record<Pending["state"] | "read", IconName> = {
  queued: "clock",
  sending: "clock",
  sent: "sent",
  read: "read",
  failed: "failed",
};

export function LineOf({ line, mine, isRead }: Props) {
  const w = words.value;
  if (line.kind === "day")
    return (
      <li class="divider">
        <time dateTime={new Date(line.at).toISOString()}>{dayOf(line.at)}</time>
      </li>
    );
  if (line.kind === "new")
    return (
      <li class="divider is-new">
        <span>{w.message.new}</span>
      </li>
    );
  const { first, last } = line;
  const { sender, content } =
    line.kind === "message"
      ? { sender: line.message.sender, content: line.message.text ?? line.message.content }
      : { sender: { id: me.value?.id ?? "", username: me.value?.username ?? "" }, content: line.pending.content };
  const state = line.kind === "pending" ? line.pending.state : isRead ? "read" : "sent";
  return (
    <li
      class={`message ${mine ? "mine" : ""} ${first ? "first" : ""} ${last ? "last" : ""}`}
      data-state={mine ? state : undefined}
    >
      {!mine && first && <Avatar id={sender.id} name={sender.username} />}
      <div class="said-by">
        {first && !mine ? (
          <Name of={sender.username} />
        ) : (
          <span class="for-ears">{w.message.says(mine ? w.you : sender.username)} </span>
        )}
      </div>
      <div class="bubble">
        <div class="text" dir="auto">
          <Text of={content} id={line.key} />
          <span class="meta">
            {last && (
              <time dateTime={new Date(line.at).toISOString()} title={fullTimeOf(line.at)}>
                {timeOf(line.at)}
              </time>
            )}
            {mine && (
              <span class="state" title={w.message.states[state]}>
                <Icon name={ICONS[state]} />
                <span class="for-ears">{w.message.states[state]}</span>
              </span>
            )}
          </span>
        </div>
      </div>
      {line.kind === "pending" && line.pending.state === "failed" && <Failed pending={line.pending} />}
    </li>
  );
}

function Failed({ pending: { clientId, error } }: { pending: Pending }) {
  const w = words.value;
  return (
    <p class="failed" role="alert">
      {error ? sentenceOf(error) : w.message.notSent}{" "}
      <button type="button" class="link" onClick={() => chat.retry(clientId)}>
        {w.tryAgain}
      </button>{" "}
      <button type="button" class="link" onClick={() => chat.discard(clientId)}>
        {w.message.discard}
      </button>
    </p>
  );
}

/** New messages are read out together, at most so often (ms): a screen reader must not drown. */
const TOGETHER = 1_500;

/** Tells screen readers of what others say in this room, author first. */
export function Announcer({ stream }: { stream: string }) {
  const said = useSignal("");
  useEffect(() => {
    let waiting: Message[] = [];
    let timer = 0;
    const tell = () => {
      timer = 0;
      const [first] = waiting;
      const names = [...new Set(waiting.map(({ sender }) => sender.username))];
      said.value =
        waiting.length === 1
          ? words.value.message.heard(first!.sender.username, first!.text ?? first!.content)
          : words.value.message.heardMany(waiting.length, names.slice(0, 3), names.length > 3);
      waiting = [];
    };
    const end = chat.on("message", ({ stream: of, message }) => {
      if (of !== stream || message.sender.id === me.value?.id) return;
      waiting.push(message);
      timer ||= setTimeout(tell, TOGETHER);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [stream]);
  return (
    <p class="for-ears" aria-live="polite" data-testid="announcer">
      {said.value}
    </p>
  );
}
