import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { User } from "../../protocol/models.ts";
import { chat, isLive, isOnline, opened as room } from "./chat.ts";
import { dialog, go } from "./keys.ts";
import { Avatar, Name } from "./parts.tsx";
import { Picker } from "./picker.tsx";
import { Keys, switchKeys } from "./shortcuts.tsx";
import { words } from "./words/index.ts";

/** Before the server is asked (ms): a name is typed in one go. */
const PAUSE = 120;

/**
 * People by a part of their name.
 *
 * @param opened called with the conversation that somebody was chosen for
 * @returns `settled`: the answer to what was asked last is there
 */
export function usePeople(opened: (stream: string) => void) {
  const found = useSignal<User[]>([]);
  const settled = useSignal(true);
  const problem = useSignal<"" | "failed" | "notOpened">("");
  const asking = useRef({ timer: 0, turn: 0 });

  useEffect(() => () => ask(""), []);

  function ask(text: string): void {
    const turn = ++asking.current.turn;
    clearTimeout(asking.current.timer);
    problem.value = "";
    settled.value = !text;
    if (!text) found.value = [];
    else
      asking.current.timer = setTimeout(async () => {
        try {
          const { results } = await chat.users(text);
          // A slow answer must not take the place of a later one.
          if (turn !== asking.current.turn) return;
          found.value = results;
          settled.value = true;
        } catch {
          if (turn === asking.current.turn) problem.value = "failed";
        }
      }, PAUSE);
  }

  async function open(user: User): Promise<void> {
    const { turn } = asking.current;
    const from = room.peek();
    // Who has gone elsewhere meanwhile stays there: what they type is for somebody else.
    const isHere = () => turn === asking.current.turn && from === room.peek() && !document.activeElement?.matches("textarea"); // prettier-ignore
    try {
      const stream = await chat.openConversation(user.id);
      if (isHere()) opened(stream);
    } catch {
      if (isHere()) problem.value = "notOpened";
    }
  }

  const choices = found.value.map((user) => ({
    key: user.id,
    shown: <Person user={user} />,
    choose: () => void open(user),
    stale: !settled.value,
  }));
  return { ask, choices, settled: settled.value, problem: problem.value && words.value.people[problem.value] };
}

/** Finds people; Enter opens the conversation. */
export function People({ searching }: { searching: Signal<boolean> }) {
  const query = useSignal("");
  const people = usePeople((stream) => {
    search("");
    go(stream);
  });

  function search(text: string): void {
    query.value = text;
    searching.value = text.trim() !== "";
    people.ask(text.trim());
  }

  const w = words.value;
  return (
    <Picker
      name="people"
      label={w.people.find}
      list={w.people.found}
      query={query.value}
      change={search}
      isOpen={searching.value}
      choices={people.choices}
      settled={people.settled}
      said={people.problem || (people.settled && !people.choices.length && w.people.nobody)}
      end={
        <button type="button" class="hint-keys" aria-haspopup="dialog" onClick={() => (dialog.value = "switcher")}>
          <span class="for-ears">{w.keys.goTo}: </span>
          <Keys of={switchKeys()} />
        </button>
      }
    />
  );
}

function Person({ user }: { user: User }) {
  return (
    <>
      <Avatar id={user.id} name={user.username} online={isOnline(user.id)} />
      <span class="row-text">
        <span class="row-title">
          <Name of={user.username} />
        </span>
        <span class="row-last">
          <span class="preview">{isLive.value && (isOnline(user.id) ? words.value.online : words.value.offline)}</span>
        </span>
      </span>
    </>
  );
}
