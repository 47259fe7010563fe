import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Field } from "../app/parts.tsx";
import { question, type Question, saidOf } from "./api.ts";

/** Asks for the password before something is destroyed, and tells what came of it. */
export function Ask() {
  // Whoever logs in here next is asked nothing that was asked of somebody else.
  useEffect(() => () => void (question.value = null), []);
  return question.value && <Dialog key={question.value.title} of={question.value} />;
}

function Dialog({ of }: { of: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const busy = useSignal(false);
  const wrong = useSignal("");
  const told = useSignal("");
  // Before the next key is pressed: it would press the button behind.
  useLayoutEffect(() => dialog.current!.showModal(), []);
  useLayoutEffect(() => dialog.current!.querySelector("input")!.focus(), [told.value]);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    const form = event.currentTarget as HTMLFormElement;
    const password = `${new FormData(form).get("password")}`;
    if (!password) {
      wrong.value = "Your own password, please.";
      return;
    }
    busy.value = true;
    wrong.value = "";
    try {
      const tells = await of.run(password);
      if (tells) told.value = tells;
      else dialog.current?.close();
    } catch (error) {
      wrong.value = saidOf(error);
      form.querySelector("input")?.focus();
    } finally {
      busy.value = false;
    }
  }

  /** A page cannot keep a second Escape from closing it; but what was sent happens, and a link is told nowhere else. */
  function closed(): void {
    if (busy.value) dialog.current?.showModal();
    else question.value = null;
  }

  return (
    <dialog ref={dialog} class="ask card glass" aria-labelledby="ask" onClose={closed}>
      <h2 id="ask">{of.title}</h2>
      {told.value ? (
        <>
          <p>Hand this link over by a way you trust. It works once, within an hour:</p>
          <p class="told">
            <input readOnly value={told.value} aria-label="Link" onFocus={(event) => event.currentTarget.select()} />
          </p>
          <div class="ends">
            <button type="button" class="button" onClick={() => dialog.current!.close()}>
              Done
            </button>
          </div>
        </>
      ) : (
        <form noValidate onSubmit={submit}>
          <p>{of.about}</p>
          <Field
            label="Your password"
            name="password"
            type="password"
            autocomplete="current-password"
            error={wrong.value || undefined}
            onInput={() => (wrong.value = "")}
          />
          <div class="ends">
            <button type="button" class="link" disabled={busy.value} onClick={() => dialog.current!.close()}>
              Cancel
            </button>
            <button type="submit" class="button" aria-busy={busy.value}>
              {of.does}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}
