import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ChatError } from "../../client/index.ts";
import { chat, goodbye, openRoom, tellTabs } from "./chat.ts";
import { Field, IconButton } from "./parts.tsx";
import { strengthOf } from "./strength.ts";

type Wrongs = { username?: string; password?: string; form?: string };

/** The card: log in, or sign up. */
export function Entry() {
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
      ...(!given.username && { username: "Your name here, please." }),
      ...(!given.password && { password: "A password is needed." }),
    };
    if (missing.username || missing.password) return refuse(missing);
    busy.value = true;
    wrongs.value = {};
    try {
      await (isNew.value ? chat.signUp(given) : chat.logIn(given));
      goodbye.value = "";
      tellTabs("session");
      chat.connect();
      openRoom("global");
    } catch (error) {
      refuse(wrongsOf(error));
    } finally {
      busy.value = false;
    }
  }

  function change(event: Event): void {
    const { name, value } = event.currentTarget as HTMLInputElement;
    typed.value = { ...typed.value, [name]: value };
    if (wrongs.value[name as "username"] || wrongs.value.form) wrongs.value = { ...wrongs.value, [name]: "", form: "" };
  }

  function turn(): void {
    isNew.value = !isNew.value;
    wrongs.value = {};
    form.current?.querySelector("input")?.focus();
  }

  const strength = isNew.value ? strengthOf(typed.value.password, typed.value.username) : null;
  const said = wrongs.value.form || goodbye.value;
  return (
    <main class="entry">
      <section class="card glass" aria-labelledby="title">
        <header>
          <img src="/icon.svg" alt="" width="44" height="44" />
          <h1 id="title">{isNew.value ? "Join the conversation" : "Welcome back"}</h1>
          <p>{isNew.value ? "A name and a password, nothing else." : "Log in to LiquidChat."}</p>
        </header>
        <form ref={form} method="post" action="/" noValidate onSubmit={submit}>
          <Field
            label="Name"
            name="username"
            type="text"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            dir="auto"
            maxLength={64}
            autofocus
            error={wrongs.value.username || undefined}
            onInput={change}
          />
          <Field
            label="Password"
            name="password"
            type={shown.value ? "text" : "password"}
            autocomplete={isNew.value ? "new-password" : "current-password"}
            error={wrongs.value.password || undefined}
            onInput={change}
            hint={
              strength && (
                <>
                  <span class={`strength of-${strength.score}`} aria-hidden="true">
                    <i />
                    <i />
                    <i />
                  </span>
                  {strength.words}
                </>
              )
            }
            action={
              <IconButton
                icon={shown.value ? "hidden" : "shown"}
                label={shown.value ? "Hide the password" : "Show the password"}
                aria-pressed={shown.value}
                onClick={() => (shown.value = !shown.value)}
              />
            }
          />
          <p class={wrongs.value.form ? "said wrong" : "said"} role="alert">
            {said}
          </p>
          <button class="button" type="submit" aria-busy={busy.value}>
            {isNew.value ? "Sign up" : "Log in"}
          </button>
        </form>
        <footer>
          {isNew.value ? "Been here before?" : "New here?"}{" "}
          <button type="button" class="link" onClick={turn}>
            {isNew.value ? "Log in" : "Create an account"}
          </button>
        </footer>
      </section>
    </main>
  );
}

/** What to say, and where. */
function wrongsOf(error: unknown): Wrongs {
  if (!(error instanceof ChatError)) throw error;
  const of = (field: string) => error.errors.find((wrong) => wrong.field === field)?.message;
  const username = of("username");
  const password = of("password");
  if (username || password) return { ...(username && { username }), ...(password && { password }) };
  if (error.code === "unauthenticated") return { form: "That name and password do not go together." };
  if (error.code === "rate_limited") {
    const seconds = Math.ceil((error.retryAfterMs ?? 1_000) / 1_000);
    return { form: `Too many tries. Wait ${seconds === 1 ? "a second" : `${seconds} seconds`}, then try again.` };
  }
  if (error.code === "offline")
    return { form: "The server cannot be reached. Look at your connection, then try again." };
  return { form: error.detail };
}
