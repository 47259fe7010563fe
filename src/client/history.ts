import { asking, merge, type Message } from "./messages.ts";
import type { Rest } from "./rest.ts";
import { ChatError } from "./errors.ts";
import { addConversation, type ChatState, streamOf } from "./state.ts";

/** Messages a page. */
const PAGE = 50;

/** Pages of REST, taken into a state that changes while they are on their way. */
export function createHistory({
  rest,
  state,
  changed,
}: {
  rest: Pick<Rest, "messages" | "conversations">;
  state: () => ChatState;
  changed: () => void;
}) {
  const loading = new Map<string, { state: ChatState; done: Promise<void> }>();
  let early: { name: string; state: ChatState; messages: Promise<Message[] | null> } | null = null;

  /** The page that was asked for before the room was known, if it has all that the room has been told of since. */
  async function takeEarly(now: ChatState, name: string): Promise<Message[] | null> {
    if (early?.state !== now || early.name !== name) return null;
    const page = await early.messages;
    early = null;
    const newest = Math.max(0, ...(page ?? []).map((message) => message.version));
    return newest >= (now.streams.get(name)?.last ?? Infinity) ? page : null;
  }

  /** One load of a kind at a time, however often it is asked for. */
  function once(name: string, load: (state: ChatState) => Promise<void>): Promise<void> {
    const now = state();
    const running = loading.get(name);
    if (running?.state === now) return running.done;
    const mine = { state: now, done: load(now).finally(() => loading.get(name) === mine && loading.delete(name)) };
    loading.set(name, mine);
    return mine.done;
  }

  /** @returns false if it came too late: it would leave a hole */
  async function page(now: ChatState, name: string, older: boolean): Promise<boolean> {
    const stream = now.streams.get(name);
    const era = stream?.era;
    const before = older ? stream?.messages[0]?.id : undefined;
    const done = stream && asking(stream);
    try {
      const messages =
        (older ? null : await takeEarly(now, name)) ??
        (await rest.messages(name, { limit: PAGE, ...(before !== undefined && { before }) }).catch((error) => {
          // The server does not keep messages for ever: this one is gone there, and what was before it too.
          if (before !== undefined && error instanceof ChatError && error.code === "invalid_field") return [];
          throw error;
        }));
      // Somebody else is signed in.
      if (now !== state()) return true;
      if (now.streams.get(name) !== stream || stream?.era !== era) return false;
      const room = streamOf(now, name);
      merge(room, messages, messages.length >= PAGE, now.me?.id);
      room.loaded = true;
      changed();
      return true;
    } finally {
      done?.();
    }
  }

  const loadLatest = (name: string): Promise<void> =>
    once(`latest ${name}`, async (now) => {
      while (now === state() && !now.streams.get(name)?.loaded) if (await page(now, name, false)) return;
    });

  return {
    /** Asks for the latest page while nothing is known yet: `loadLatest` need not wait for it then. */
    preload(name: string): void {
      early = { name, state: state(), messages: rest.messages(name, { limit: PAGE }).catch(() => null) };
    },
    loadLatest,
    loadOlder: (name: string): Promise<void> => {
      const stream = state().streams.get(name);
      if (!stream?.loaded) return loadLatest(name);
      if (!stream.olderLeft) return Promise.resolve();
      // Who looks at the past wants it kept.
      stream.wide = true;
      return once(`older ${name}`, async (now) => {
        while (now === state() && now.streams.get(name)?.loaded) if (await page(now, name, true)) return;
      });
    },
    loadConversations: (): Promise<void> =>
      once("rooms", async (now) => {
        const known = now.streams.size;
        // The first pages are those that the snapshot has shown.
        do {
          const { list } = now;
          const { results, next } = await rest.conversations(list.pages + 1).catch((error) => {
            // The list has become shorter.
            if (error instanceof ChatError && error.code === "not_found") return { results: [], next: null };
            throw error;
          });
          for (const conversation of results) addConversation(now, conversation);
          list.pages++;
          // Else it begins anew.
          if (now.list === list) now.more = next !== null;
          changed();
        } while (now === state() && now.more && now.streams.size < known + PAGE);
      }),
  };
}
