import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { FieldError } from "../../client/index.ts";
import { Field, LanguageChoice, StrengthOf } from "./parts.tsx";
import { strengthOf } from "./strength.ts";
import { fieldSentenceOf, sentenceOf, words } from "./words/index.ts";

/** What `/api/auth/reset/` says when it says no. */
type Problem = Parameters<typeof sentenceOf>[0] & { errors?: FieldError[] };

/** The card behind a one-time link, `/reset#<token>`: a new password. What stands behind the # reaches no server and no log. */
export function Reset() {
  const busy = useSignal(false);
  const done = useSignal(false);
  const typed = useSignal("");
  const wrong = useSignal<{ password?: () => string; form?: () => string }>({});
  const form = useRef<HTMLFormElement>(null);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    const password = `${new FormData(form.current!).get("password")}`;
    busy.value = true;
    wrong.value = {};
    try {
      const answer = await fetch("/api/auth/reset/", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token: location.hash.slice(1), password }),
      });
      if (answer.ok) {
        // The link is used up; nobody shall come back to it.
        history.replaceState(null, "", "/reset");
        done.value = true;
        return;
      }
      const problem: Problem = await answer.json();
      const [error] = problem.errors ?? [];
      if (error?.field === "password") wrong.value = { password: () => fieldSentenceOf(error) };
      else wrong.value = { form: () => (error ? words.value.reset.linkOver : sentenceOf(problem)) };
    } catch {
      wrong.value = { form: () => words.value.errors.offline };
    } finally {
      busy.value = false;
    }
  }

  const w = words.value.reset;
  if (done.value)
    return (
      <Card title={w.doneTitle} hint={w.doneHint}>
        <a class="button" href="/">
          {words.value.signIn.logIn}
        </a>
      </Card>
    );
  const strength = strengthOf(typed.value, "");
  return (
    <Card title={w.title} hint={w.hint}>
      <form ref={form} noValidate onSubmit={submit}>
        <Field
          label={w.password}
          name="password"
          type="password"
          autocomplete="new-password"
          autofocus
          error={wrong.value.password?.()}
          hint={<StrengthOf strength={strength} />}
          onInput={(event: Event) => {
            typed.value = (event.currentTarget as HTMLInputElement).value;
            wrong.value = {};
          }}
        />
        <p class={wrong.value.form ? "said wrong" : "said"} role="alert">
          {wrong.value.form?.()}
        </p>
        <button class="button" type="submit" aria-busy={busy.value}>
          {w.set}
        </button>
      </form>
    </Card>
  );
}

function Card({ title, hint, children }: { title: string; hint: string; children: ComponentChildren }) {
  return (
    <main class="entry">
      <section class="card glass" aria-labelledby="title">
        <LanguageChoice />
        <header>
          <img src="/icon.svg" alt="" width="44" height="44" />
          <h1 id="title">{title}</h1>
          <p>{hint}</p>
        </header>
        {children}
      </section>
    </main>
  );
}
