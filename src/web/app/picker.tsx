import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, IconButton } from "./parts.tsx";
import { words } from "./words/index.ts";

export type Choice = { key: string; shown: ComponentChildren; choose: () => void; stale?: boolean };

/**
 * A box to type in and what it offers, by hand or by arrows and Enter. A choice is `stale` while it answers an earlier question; Enter then
 * waits until all is `settled`, and takes the first one.
 *
 * @param isOpen whether anything is offered
 */
export function Picker({
  name,
  label,
  list,
  query,
  change,
  isOpen,
  choices,
  settled,
  said,
  end,
}: {
  name: string;
  label: string;
  list: string;
  query: string;
  change: (text: string) => void;
  isOpen: boolean;
  choices: Choice[];
  settled: boolean;
  said: ComponentChildren;
  /** At the end of the empty box. */
  end?: ComponentChildren;
}) {
  const at = useSignal(0);
  const enter = useRef(false);
  const input = useRef<HTMLInputElement>(null);
  const chosen = choices[Math.min(at.value, choices.length - 1)];
  const idOf = ({ key }: Choice) => `${name}-${key}`;

  useEffect(() => {
    if (!settled || !enter.current) return;
    enter.current = false;
    choices[0]?.choose();
  }, [settled]);
  useEffect(() => {
    if (chosen) document.getElementById(idOf(chosen))?.scrollIntoView({ block: "nearest" });
  }, [chosen?.key]);

  function type(text: string): void {
    at.value = 0;
    enter.current = false;
    change(text);
  }

  function key(event: KeyboardEvent): void {
    const count = choices.length;
    if (event.key === "Enter" && !event.isComposing) {
      if (chosen && !chosen.stale) chosen.choose();
      else enter.current = !settled;
    } else if (event.key === "Escape" && query && !input.current!.closest("dialog")) type("");
    else if (event.key === "ArrowDown" && count) at.value = (at.value + 1) % count;
    else if (event.key === "ArrowUp" && count) at.value = (at.value + count - 1) % count;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <>
      <div class="search field-box" role="search">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label={label}
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={isOpen ? name : undefined}
          aria-activedescendant={isOpen && chosen ? idOf(chosen) : undefined}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          dir={query ? "auto" : undefined}
          placeholder={label}
          value={query}
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={key}
        />
        {query ? (
          <IconButton
            icon="close"
            label={words.value.people.clear}
            onClick={() => {
              type("");
              input.current?.focus();
            }}
          />
        ) : (
          end
        )}
      </div>
      {isOpen && (
        <div class="scrolls found">
          <ul id={name} class="rows" role="listbox" aria-label={list}>
            {choices.map((choice) => (
              <li
                key={choice.key}
                id={idOf(choice)}
                class="row"
                role="option"
                aria-selected={choice === chosen}
                onClick={choice.choose}
              >
                {choice.shown}
              </li>
            ))}
          </ul>
          <p class="quiet" role="status">
            {said}
          </p>
        </div>
      )}
    </>
  );
}
