import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ChatError } from "../../client/index.ts";
import { chat, goodbye, tellTabs } from "./chat.ts";
import { Field, IconButton, LanguageChoice, StrengthOf } from "./parts.tsx";
import { strengthOf } from "./strength.ts";
import { fieldSentenceOf, sentenceOf, words } from "./words/index.ts";

/** Sentences, in whatever language is chosen when they are shown. */
type Wrongs = { username?: () => string; password?: () => string; form?: () => string };

/** The card: log in, or sign up. `entered`: what comes after. */
export function Entry({ entered }: { entered?: () => void }) {
  const isNew = useSignal(false);
  const busy = useSignal(false);
  const shown = useSignal(false);
  const wrongs = useSignal<Wrongs>({});
  const typed = useSignal({ username: "", password: "" });
  const form = useRef<HTMLFormElement>(null);

  /** At the first field that is wrong one goes on. */
  function refuse(all: Wrongs): void {
    wrongs.value = all;
    form.current?.querySelector<HTMLInputElement>(all.username ? "#username" : "#password")?.focus();
  }

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    // What a password manager filled in need not have been typed.
    const data = new FormData(form.current!);
    const given = { username: `${data.get("username")}`.trim(), password: `${data.get("password")}` };
    const missing: Wrongs = {
      ...(!given.username && { username: () => words.value.signIn.nameMissing }),
      ...(!given.password && { password: () => words.value.signIn.passwordMissing }),
    };
    if (missing.username || missing.password) return refuse(missing);
    busy.value = true;
    wrongs.value = {};
    try {
      await (isNew.value ? chat.signUp(given) : chat.logIn(given));
      goodbye.value = null;
      tellTabs("session");
      entered?.();
    } catch (error) {
      refuse(wrongsOf(error));
    } finally {
      busy.value = false;
    }
  }

  function change(event: Event): void {
    const { name, value } = event.currentTarget as HTMLInputElement;
    typed.value = { ...typed.value, [name]: value };
    const { [name as "username"]: _, form: __, ...left } = wrongs.value;
    wrongs.value = left;
  }

  function turn(): void {
    isNew.value = !isNew.value;
    wrongs.value = {};
    form.current?.querySelector("input")?.focus();
  }

  const strength = isNew.value ? strengthOf(typed.value.password, typed.value.username) : null;
  const w = words.value.signIn;
  const said = wrongs.value.form?.() ?? (goodbye.value && words.value.goodbye[goodbye.value]);
  return (
    <main class="entry">
      <section class="card glass" aria-labelledby="title">
        <LanguageChoice />
        <header>
          <img src="/icon.svg" alt="" width="44" height="44" />
          <h1 id="title">{isNew.value ? w.joinTitle : w.logInTitle}</h1>
          <p>{isNew.value ? w.joinHint : w.logInHint}</p>
        </header>
        <form ref={form} method="post" action="/" noValidate onSubmit={submit}>
          <Field
            label={w.name}
            name="username"
            type="text"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            dir={typed.value.username ? "auto" : undefined}
            maxLength={64}
            autofocus
            error={wrongs.value.username?.()}
            onInput={change}
          />
          <Field
            label={w.password}
            name="password"
            type={shown.value ? "text" : "password"}
            autocomplete={isNew.value ? "new-password" : "current-password"}
            error={wrongs.value.password?.()}
            onInput={change}
            hint={strength && <StrengthOf strength={strength} />}
            action={
              <IconButton
                icon={shown.value ? "hidden" : "shown"}
                label={shown.value ? w.hidePassword : w.showPassword}
                aria-pressed={shown.value}
                onClick={() => (shown.value = !shown.value)}
              />
            }
          />
          <p class={wrongs.value.form ? "said wrong" : "said"} role="alert">
            {said}
          </p>
          <button class="button" type="submit" aria-busy={busy.value}>
            {isNew.value ? w.join : w.logIn}
          </button>
        </form>
        <footer>
          {isNew.value ? w.isKnown : w.isNew}{" "}
          <button type="button" class="link" onClick={turn}>
            {isNew.value ? w.toLogIn : w.toJoin}
          </button>
        </footer>
      </section>
    </main>
  );
}

/** What to say, and where. */
function wrongsOf(error: unknown): Wrongs {
  if (!(error instanceof ChatError)) throw error;
  const of = (field: string) => {
    const wrong = error.errors.find((wrong) => wrong.field === field);
    return wrong && (() => fieldSentenceOf(wrong));
  };
  const username = of("username");
  const password = of("password");
  if (username || password) return { ...(username && { username }), ...(password && { password }) };
  if (error.code === "unauthenticated") return { form: () => words.value.signIn.refused };
  if (error.code === "rate_limited")
    return { form: () => words.value.signIn.tooMany(Math.ceil((error.retryAfterMs ?? 1_000) / 1_000)) };
  return { form: () => sentenceOf(error) };
}
