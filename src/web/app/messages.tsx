import { useSignal } from "@preact/signals";
import { Component } from "preact";
import { useEffect } from "preact/hooks";
import type { Message, Pending } from "../../client/index.ts";
import { chat, me } from "./chat.ts";
import type { Line } from "./lines.ts";
import { Avatar, Icon, type IconName, Name } from "./parts.tsx";
import { dayOf, fullTimeOf, timeOf } from "./time.ts";

type Props = { line: Line<Pending>; mine: boolean; isRead: boolean };

const STATES: Record<Pending["state"] | "read", { icon: IconName; words: string }> = {
  queued: { icon: "clock", words: "Waiting to be sent" },
  sending: { icon: "clock", words: "Sending" },
  sent: { icon: "sent", words: "Sent" },
  read: { icon: "read", words: "Read" },
  failed: { icon: "failed", words: "Not sent" },
};

/**
 * A message with what stands above it: its day, and that it is the first new one. Rendered anew only where something of it has changed, since all
 * others in view stand still when one comes; what is unsent changes in place, and a day gets another name at midnight.
 */
export class LineOf extends Component<Props> {
  override shouldComponentUpdate({ line, mine, isRead }: Props): boolean {
    const { line: old, ...before } = this.props;
    if (!line.message || line.day || mine !== before.mine || isRead !== before.isRead) return true;
    const { message, day, isNew, first, last } = line;
    return (
      message !== old.message || day !== old.day || isNew !== old.isNew || first !== old.first || last !== old.last
    );
  }

  override render({ line, mine, isRead }: Props) {
    return (
      <li>
        {line.day && (
          <div class="divider">
            <time dateTime={new Date(line.at).toISOString()}>{dayOf(line.at)}</time>
          </div>
        )}
        {line.isNew && (
          <div class="divider is-new">
            <span>New</span>
          </div>
        )}
        <MessageOf line={line} mine={mine} isRead={isRead} />
      </li>
    );
  }
}

function MessageOf({ line, mine, isRead }: Props) {
  const { first, last } = line;
  const { sender, content } =
    line.message
      ? { sender: line.message.sender, content: line.message.text ?? line.message.content }
      : { sender: { id: me.value?.id ?? "", username: me.value?.username ?? "" }, content: line.pending.content };
  const state = line.pending ? line.pending.state : isRead ? "read" : "sent";
  return (
    <div
      class={`message ${mine ? "mine" : ""} ${first ? "first" : ""} ${last ? "last" : ""}`}
      data-state={mine ? state : undefined}
    >
      {!mine && first && <Avatar id={sender.id} name={sender.username} />}
      <div class="said-by">
        {first && !mine ? (
          <Name of={sender.username} />
        ) : (
          <span class="for-ears">{mine ? "You" : sender.username}: </span>
        )}
      </div>
      <div class="bubble">
        <div class="text" dir="auto">
          <span class="words">{content}</span>
          <span class="meta">
            {last && (
              <time dateTime={new Date(line.at).toISOString()} title={fullTimeOf(line.at)}>
                {timeOf(line.at)}
              </time>
            )}
            {mine && (
              <span class="state" title={STATES[state].words}>
                <Icon name={STATES[state].icon} />
                <span class="for-ears">{STATES[state].words}</span>
              </span>
            )}
          </span>
        </div>
      </div>
      {line.pending?.state === "failed" && <Failed pending={line.pending} />}
    </div>
  );
}

function Failed({ pending: { clientId, error } }: { pending: Pending }) {
  return (
    <p class="failed" role="alert">
      {error?.detail ?? "It was not sent."}{" "}
      <button type="button" class="link" onClick={() => chat.retry(clientId)}>
        Try again
      </button>{" "}
      <button type="button" class="link" onClick={() => chat.discard(clientId)}>
        Discard
      </button>
    </p>
  );
}

/** New messages are read out together, at most so often (ms): a screen reader must not drown. */
const TOGETHER = 1_500;

/** Tells screen readers of what others say in this room, author first. */
export function Announcer({ stream }: { stream: string }) {
  const words = useSignal("");
  useEffect(() => {
    let waiting: Message[] = [];
    let timer = 0;
    const tell = () => {
      timer = 0;
      const [first] = waiting;
      const names = [...new Set(waiting.map(({ sender }) => sender.username))];
      words.value =
        waiting.length === 1
          ? `${first!.sender.username}: ${first!.text ?? first!.content}`
          : `${waiting.length} new messages from ${names.slice(0, 3).join(", ")}${names.length > 3 ? " and others" : ""}`;
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
      {words.value}
    </p>
  );
}
