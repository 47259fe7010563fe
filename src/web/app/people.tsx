import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { User } from "../../protocol/models.ts";
import { chat, known, openRoom } from "./chat.ts";
import { Avatar, Icon, IconButton, Name } from "./parts.tsx";
import { words } from "./words/index.ts";

/** Before the server is asked (ms): a name is typed in one go. */
const PAUSE = 120;

/** Finds people by a part of their name; Enter opens the conversation. */
export function People({ searching }: { searching: Signal<boolean> }) {
  const query = useSignal("");
  /** Null while the server is asked for the first time. */
  const found = useSignal<User[] | null>(null);
  const problem = useSignal<"" | "failed" | "notOpened">("");
  const chosen = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  /** `enter`: pressed before the answer to what was typed was there; whoever comes first in it is then opened. */
  const asking = useRef({ timer: 0, turn: 0, answered: 0, enter: false });

  useEffect(() => () => clearTimeout(asking.current.timer), []);

  function search(text: string): void {
    query.value = text;
    searching.value = text.trim() !== "";
    problem.value = "";
    const turn = ++asking.current.turn;
    asking.current.enter = false;
    clearTimeout(asking.current.timer);
    if (!searching.value) {
      found.value = null;
      return;
    }
    asking.current.timer = setTimeout(async () => {
      try {
        const { results } = await chat.users(text.trim());
        // A slow answer must not take the place of a later one.
        if (turn !== asking.current.turn) return;
        found.value = results;
        chosen.value = 0;
        asking.current.answered = turn;
        if (asking.current.enter) void open(results[0]);
      } catch {
        if (turn === asking.current.turn) problem.value = "failed";
      }
    }, PAUSE);
  }

  async function open(user: User | undefined): Promise<void> {
    if (!user) return;
    try {
      const stream = await chat.openConversation(user.id);
      search("");
      openRoom(stream);
    } catch {
      problem.value = "notOpened";
    }
  }

  function key(event: KeyboardEvent): void {
    const count = found.value?.length ?? 0;
    if (event.key === "Enter" && !event.isComposing) {
      asking.current.enter = asking.current.answered !== asking.current.turn;
      if (!asking.current.enter) void open(found.value?.[chosen.value]);
    } else if (event.key === "Escape" && query.value) {
      event.stopPropagation();
      search("");
    } else if (event.key === "ArrowDown" && count) chosen.value = (chosen.value + 1) % count;
    else if (event.key === "ArrowUp" && count) chosen.value = (chosen.value + count - 1) % count;
    else return;
    event.preventDefault();
  }

  const people = found.value;
  const w = words.value.people;
  return (
    <>
      <div class="search field-box" role="search">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label={w.find}
          aria-expanded={searching.value}
          aria-controls="people"
          aria-activedescendant={people?.length ? `person-${people[chosen.value]?.id}` : undefined}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          dir={query.value ? "auto" : undefined}
          placeholder={w.find}
          value={query.value}
          onInput={(event) => search(event.currentTarget.value)}
          onKeyDown={key}
        />
        {query.value && (
          <IconButton
            icon="close"
            label={w.clear}
            onClick={() => {
              search("");
              input.current?.focus();
            }}
          />
        )}
      </div>
      {searching.value && (
        <div class="scrolls found">
          <ul id="people" class="rows" role="listbox" aria-label={w.found}>
            {people?.map((user, i) => (
              <li
                key={user.id}
                id={`person-${user.id}`}
                class="row"
                role="option"
                aria-selected={i === chosen.value}
                onClick={() => open(user)}
              >
                <Person user={user} />
              </li>
            ))}
          </ul>
          <p class="quiet" role="status">
            {problem.value ? w[problem.value] : people?.length === 0 && w.nobody}
          </p>
        </div>
      )}
    </>
  );
}

function Person({ user }: { user: User }) {
  const isOnline = known().presence.has(user.id);
  return (
    <>
      <Avatar id={user.id} name={user.username} online={isOnline} />
      <span class="row-text">
        <span class="row-title">
          <Name of={user.username} />
        </span>
        <span class="row-last">
          <span class="preview">{isOnline ? words.value.online : words.value.offline}</span>
        </span>
      </span>
    </>
  );
}
