import { signal, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { chat, me } from "./chat.ts";
import { keep, kept } from "./kept.ts";
import { focusRoom } from "./keys.ts";
import { IconButton } from "./parts.tsx";
import { words } from "./words/index.ts";

/** A text that is to be written on. */
export const takenBack = signal<string | null>(null);

/** Enter sends, Shift and Enter begins a new line. */
export function Composer({ stream }: { stream: string }) {
  const begun = `begun ${me.peek()?.id} ${stream}`;
  const text = useSignal(kept(begun) ?? "");
  const box = useRef<HTMLTextAreaElement>(null);
  const w = words.value.room;

  function change(next: string): void {
    text.value = next;
    keep(begun, next || null);
  }

  function send(): void {
    const content = text.value.trim();
    if (!content) return;
    chat.send(stream, content);
    change("");
    box.current?.focus();
  }

  useSignalEffect(() => {
    if (takenBack.value === null) return;
    // Above what was begun meanwhile.
    change([takenBack.value, text.peek()].filter(Boolean).join("\n"));
    takenBack.value = null;
    box.current?.focus();
  });

  // As high as what is in it, until the style says that it is enough. Where the style cannot: all has to be laid out at once for that.
  useLayoutEffect(() => {
    if (CSS.supports("field-sizing", "content")) return;
    const { style } = box.current!;
    style.height = "auto";
    style.height = `${box.current!.scrollHeight}px`;
  }, [text.value]);

  useLayoutEffect(focusRoom, []);

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="field-box">
        <textarea
          ref={box}
          rows={1}
          dir={text.value ? "auto" : undefined}
          aria-label={w.message}
          placeholder={w.message}
          enterkeyhint="send"
          value={text.value}
          onInput={(event) => {
            change(event.currentTarget.value);
            // Nobody is told of it in the public room.
            if (stream !== "global" && text.value) chat.typing(stream);
          }}
          onKeyDown={(event) => {
            // An input method uses Enter to take what it offers.
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <IconButton type="submit" icon="send" label={w.send} class="send" disabled={!text.value.trim()} />
      </div>
    </form>
  );
}
