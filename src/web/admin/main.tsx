import "../style/tokens.css";
import "../style/base.css";
import "../style/parts.css";
import "../style/entry.css";
import "../style/admin.css";
import "../style/forced-colors.css";
import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { ChatError } from "../../client/index.ts";
import type { AdminRoom } from "../../protocol/admin.ts";
import { chat, me } from "../app/chat.ts";
import { Entry } from "../app/entry.tsx";
import { Avatar, Name } from "../app/parts.tsx";
import { restoreTheme } from "../app/theme.ts";
import { api } from "./api.ts";
import { Ask } from "./ask.tsx";
import { watchFocus } from "./focus.ts";
import { Live } from "./live.tsx";
import { Log } from "./log.tsx";
import { Messages, Rooms } from "./rooms.tsx";
import { Users } from "./users.tsx";

const PAGES = [
  ["people", "People"],
  ["rooms", "Rooms"],
  ["live", "Live"],
  ["log", "Log"],
] as const;
type Page = (typeof PAGES)[number][0];

const here = (): Page => PAGES.find(([page]) => location.hash === `#${page}`)?.[0] ?? "people";

function Admin() {
  const page = useSignal<Page>(here());
  const room = useSignal<AdminRoom | null>(null);
  /** Whether the server lets this person in; null until it has said so. */
  const allowed = useSignal<boolean | null>(null);

  useEffect(() => {
    const turn = () => {
      page.value = here();
      room.value = null;
    };
    addEventListener("hashchange", turn);
    api.live().then(
      () => (allowed.value = true),
      // Anything else is told by the page that asks again.
      (error) => (allowed.value = !(error instanceof ChatError && error.code === "forbidden")),
    );
    return () => removeEventListener("hashchange", turn);
  }, []);

  if (allowed.value === null) return null;
  if (!allowed.value)
    return (
      <main class="entry">
        <section class="card glass">
          <h1>This is for administrators</h1>
          <p>
            You are logged in as <Name of={me.value!.username} />, who is not one.
          </p>
          <p>
            <a href="/">To the chat</a>
          </p>
        </section>
      </main>
    );
  const title = PAGES.find(([name]) => name === page.value)![1];
  return (
    <div class="admin">
      <header class="glass">
        <h1>LiquidChat</h1>
        <nav aria-label="Administration">
          {PAGES.map(([name, words]) => (
            <a key={name} href={`#${name}`} aria-current={page.value === name ? "page" : undefined}>
              {words}
            </a>
          ))}
        </nav>
        <span class="who">
          <Avatar id={me.value!.id} name={me.value!.username} />
          <Name of={me.value!.username} />
        </span>
        <a href="/">To the chat</a>
      </header>
      <main class="glass scrolls" aria-label={title}>
        <h2 class="for-ears">{title}</h2>
        {page.value === "people" && <Users />}
        {page.value === "rooms" &&
          (room.value ? (
            <Messages room={room.value} back={() => (room.value = null)} />
          ) : (
            <Rooms open={(opened) => (room.value = opened)} />
          ))}
        {page.value === "live" && <Live />}
        {page.value === "log" && <Log />}
      </main>
      <Ask />
    </div>
  );
}

const App = () => (me.value ? <Admin key={me.value.id} /> : <Entry />);

restoreTheme();
watchFocus();
document.title = "LiquidChat: administration";
await chat.restore();
render(<App />, document.querySelector("#app")!);
