import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Field } from "./parts.tsx";
import { strengthOf } from "./strength.ts";

/** The card behind a one-time link, `/reset#<token>`: a new password. What stands behind the # reaches no server and no log. */
export function Reset() {
  const busy = useSignal(false);
  const done = useSignal(false);
  const typed = useSignal("");
  const wrong = useSignal<{ password?: string; form?: string }>({});
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
      const { detail, errors = [] } = await answer.json();
      wrong.value = errors[0]?.field === "password" ? { password: detail } : { form: detail };
    } catch {
      wrong.value = { form: "The server cannot be reached. Look at your connection, then try again." };
    } finally {
      busy.value = false;
    }
  }

  if (done.value)
    return (
      <Card title="That is done" words="Your password is new, and every session that there was is over.">
        <a class="button" href="/">
          Log in
        </a>
      </Card>
    );
  const strength = strengthOf(typed.value, "");
  return (
    <Card title="A new password" words="This link is good once. All your sessions end.">
      <form ref={form} noValidate onSubmit={submit}>
        <Field
          label="New password"
          name="password"
          type="password"
          autocomplete="new-password"
          autofocus
          error={wrong.value.password}
          hint={strength.words}
          onInput={(event: Event) => {
            typed.value = (event.currentTarget as HTMLInputElement).value;
            wrong.value = {};
          }}
        />
        <p class={wrong.value.form ? "said wrong" : "said"} role="alert">
          {wrong.value.form}
        </p>
        <button class="button" type="submit" aria-busy={busy.value}>
          Set the password
        </button>
      </form>
    </Card>
  );
}

function Card({ title, words, children }: { title: string; words: string; children: ComponentChildren }) {
  return (
    <main class="entry">
      <section class="card glass" aria-labelledby="title">
        <header>
          <img src="/icon.svg" alt="" width="44" height="44" />
          <h1 id="title">{title}</h1>
          <p>{words}</p>
        </header>
        {children}
      </section>
    </main>
  );
}
