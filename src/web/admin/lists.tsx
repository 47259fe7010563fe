/** What the pages share: a list that loads by pages, and its states. */
import { type Signal, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../app/parts.tsx";
import { saidOf } from "./api.ts";

/** Before the server is asked (ms): a name is typed in one go. */
const PAUSE = 200;

export type Loaded<T> = {
  rows: Signal<readonly T[]>;
  /** Whether there is another page; null while the first is on its way. */
  more: Signal<boolean | null>;
  problem: Signal<string>;
  next: () => Promise<void>;
  /** From the first page on. */
  again: () => Promise<void>;
};

/**
 * Rows by pages. `key`: what they depend on; another one begins anew. `load` gets the cursor that the page before it gave, null at first,
 * and gives the next one, null at the end. `idOf`: who comes or goes meanwhile moves the others from page to page, and none is listed twice.
 */
export function usePages<T, C>(
  key: () => string,
  load: (cursor: C | null) => Promise<[rows: readonly T[], next: C | null]>,
  idOf: (row: T) => string | number,
) {
  const rows = useSignal<readonly T[]>([]);
  const more = useSignal<boolean | null>(null);
  const problem = useSignal("");
  const at = useRef({ cursor: null as C | null, asked: false, timer: 0 });
  const latest = useRef(load);
  latest.current = load;

  async function next(): Promise<void> {
    const turn = at.current;
    if (turn.asked) return;
    turn.asked = true;
    problem.value = "";
    try {
      const [page, after] = await latest.current(turn.cursor);
      // A slow answer must not take the place of a later one.
      if (turn !== at.current) return;
      const held = turn.cursor === null ? [] : rows.value;
      const ids = new Set(held.map(idOf));
      rows.value = [...held, ...page.filter((row) => !ids.has(idOf(row)))];
      turn.cursor = after;
      more.value = after !== null;
    } catch (error) {
      if (turn === at.current) problem.value = saidOf(error);
    } finally {
      turn.asked = false;
    }
  }
  function begin(timer = 0): void {
    clearTimeout(at.current.timer);
    at.current = { cursor: null, asked: false, timer };
  }
  function again(): Promise<void> {
    begin();
    return next();
  }
  const first = useRef(true);
  useSignalEffect(() => {
    void key();
    begin(setTimeout(next, first.current ? 0 : PAUSE));
    first.current = false;
  });
  useEffect(() => () => clearTimeout(at.current.timer), []);
  return { rows, more, problem, next, again } satisfies Loaded<T>;
}

/** What stands below the rows. */
export function Rest({ of: { rows, more, problem, next }, none }: { of: Loaded<unknown>; none: string }) {
  return (
    <div class="rest" aria-live="polite">
      {problem.value && <p class="wrong">{problem.value}</p>}
      {more.value === null && !problem.value && <p class="quiet">One moment…</p>}
      {more.value === false && rows.value.length === 0 && <p class="quiet">{none}</p>}
      {(more.value || problem.value) && (
        <button type="button" class="link" onClick={next}>
          {problem.value ? "Try again" : "More"}
        </button>
      )}
    </div>
  );
}

export function Search({
  label,
  text,
  children,
}: {
  label: string;
  text: Signal<string>;
  children?: ComponentChildren;
}) {
  return (
    <div class="tools">
      <div class="search field-box" role="search">
        <Icon name="search" />
        <input
          type="search"
          aria-label={label}
          placeholder={label}
          maxLength={64}
          dir="auto"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </div>
      {children}
    </div>
  );
}

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
/** As the browser's owner writes times, which can be from right to left. */
export const When = ({ at }: { at: string }) => (
  <time dir="auto" dateTime={at}>
    {when.format(new Date(at))}
  </time>
);
