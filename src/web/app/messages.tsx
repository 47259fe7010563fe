import { effect, signal } from "@preact/signals";
import { Component } from "preact";
import { ChatError, type Message, type Pending } from "../../client/index.ts";
import { chat, me, opened } from "./chat.ts";
import { takenBack } from "./composer.tsx";
import type { Line } from "./lines.ts";
import { Avatar, Icon, IconButton, type IconName, Name, Question } from "./parts.tsx";
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

/** How many lines were ever drawn (anew): whoever measures them asks whether there is anything new to measure. */
export const drawn = { lines: 0 };

/**
 * A message with what stands above it: its day, and that it is the first new one. Rendered anew only where something of it has changed, since all
 * others in view stand still when one comes; what is unsent changes in place, and a day gets another name at midnight.
 */
export class LineOf extends Component<Props> {
  override shouldComponentUpdate({ line, mine, isRead }: Props): boolean {
    const { line: old, ...before } = this.props;
    const { message, day, isNew, first, last } = line;
    const isSame = message && message === old.message && mine === before.mine && isRead === before.isRead;
    const standsSame = day === old.day && isNew === old.isNew && first === old.first && last === old.last;
    const isOther = !isSame || !standsSame;
    if (isOther) drawn.lines++;
    return isOther || day || isNew;
  }

  // Not when it is there: whoever measures is asked before that.
  override componentWillMount(): void {
    drawn.lines++;
  }

  override render({ line, mine, isRead }: Props) {
    return (
      <li data-key={line.key}>
        {line.day && (
          <div class="divider">
            <time dateTime={new Date(line.at).toISOString()}>{dayOf(line.at)}</time>
          </div>
        )}
        {line.isNew && (
          <div class="divider is-new">
            <span>{words.value.message.new}</span>
          </div>
        )}
        <MessageOf line={line} mine={mine} isRead={isRead} />
      </li>
    );
  }
}

function MessageOf({ line, mine, isRead }: Props) {
  const w = words.value;
  const { first, last } = line;
  const { sender, content } = line.message
    ? { sender: line.message.sender, content: line.message.text ?? line.message.content }
    : { sender: { id: me.value?.id ?? "", username: me.value?.username ?? "" }, content: line.pending.content };
  const state = line.pending ? line.pending.state : isRead ? "read" : "sent";
  return (
    <div
      class={`message ${mine ? "mine" : ""} ${first ? "first" : ""} ${last ? "last" : ""}`}
      data-state={mine ? state : undefined}
      // A tap shows what can be done with it.
      tabIndex={mine && line.message ? -1 : undefined}
    >
      {!mine && first && <Avatar id={sender.id} name={sender.username} />}
      <div class={first && !mine ? "said-by" : "said-by unseen"}>
        {first && !mine ? (
          <Name of={sender.username} />
        ) : (
          <span class="for-ears">{w.message.says(mine ? w.you : sender.username)} </span>
        )}
      </div>
      <div class="bubble-row">
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
        {mine && line.message && <RemoveButton message={line.message} />}
      </div>
      {mine && line.message && removing.value?.id === line.message.id && <Removing message={line.message} />}
      {line.pending?.state === "failed" && <Failed pending={line.pending} />}
    </div>
  );
}

function Failed({ pending: { clientId, content, error } }: { pending: Pending }) {
  const w = words.value;
  // As it is, it would be refused again.
  const isTooLong = error?.code === "too_long";
  function edit(): void {
    takenBack.value = content;
    chat.discard(clientId);
  }
  return (
    <p class="failed">
      {error ? sentenceOf(error) : w.message.notSent}{" "}
      <button type="button" class="link" onClick={() => (isTooLong ? edit() : chat.retry(clientId))}>
        {isTooLong ? w.message.edit : w.tryAgain}
      </button>{" "}
      <button type="button" class="link" onClick={() => chat.discard(clientId)}>
        {w.message.discard}
      </button>
    </p>
  );
}

/** What is to be removed, by its id, until another room is opened; `problem` is why it was not. */
const removing = signal<{ id: Message["id"]; problem?: string } | null>(null);
effect(() => {
  void opened.value;
  removing.value = null;
});

function RemoveButton({ message: { id } }: { message: Message }) {
  const isAsked = removing.value?.id === id;
  return (
    <IconButton
      class="remove"
      icon="remove"
      label={words.value.message.remove}
      aria-expanded={isAsked}
      onClick={() => (removing.value = isAsked ? null : { id })}
    />
  );
}

/** Asks before: it goes for everyone. Whoever has it learns of it from the server, this page too. */
function Removing({ message: { id } }: { message: Message }) {
  const w = words.value.message;
  async function remove(): Promise<void> {
    const stream = opened.peek();
    try {
      await chat.remove(stream, id);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (removing.peek()?.id === id) removing.value = { id, problem: sentenceOf(error) };
    }
  }
  function keep(): void {
    document.querySelector<HTMLElement>('.remove[aria-expanded="true"]')?.focus();
    removing.value = null;
  }
  return (
    <Question yes={w.remove} no={w.keep} onYes={remove} onNo={keep}>
      {removing.value?.problem ?? w.removeForAll}
    </Question>
  );
}
