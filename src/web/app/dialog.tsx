import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { dialog } from "./keys.ts";

/** Gives the focus back to where it was. Its own event comes too late for who opens the next one by keys at once. */
export function closeDialog(): void {
  document.querySelector<HTMLDialogElement>("dialog[open]")?.close();
  dialog.value = null;
}

/** The browser's own dialog: it holds the focus, and Escape closes it. */
export function Dialog({ name, label, children }: { name: string; label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  // At once: the next key is meant for it.
  useLayoutEffect(() => box.current!.showModal(), []);
  return (
    <dialog
      ref={box}
      class={`dialog glass ${name}`}
      aria-label={label}
      onCancel={closeDialog}
      onClose={({ currentTarget }) => currentTarget.isConnected && closeDialog()}
      onClick={({ target, currentTarget }) => target === currentTarget && closeDialog()}
    >
      <div class="dialog-in">{children}</div>
    </dialog>
  );
}
