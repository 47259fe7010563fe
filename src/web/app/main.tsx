import "../style/tokens.css";
import "../style/base.css";
import "../style/parts.css";
import "../style/entry.css";
import "../style/shell.css";
import "../style/room.css";
import "../style/messages.css";
import { render } from "preact";
import { chat, me, openRoom } from "./chat.ts";
import { Entry } from "./entry.tsx";
import { Shell } from "./shell.tsx";
import { restoreTheme } from "./theme.ts";
import { restoreLanguage } from "./words/index.ts";

function enter(): void {
  chat.connect();
  openRoom("global");
}

function App() {
  return me.value ? <Shell key={me.value.id} /> : <Entry entered={enter} />;
}

restoreTheme();
restoreLanguage();
// A reload goes on where one was, without the card in between.
if (await chat.restore()) chat.connect();
render(<App />, document.querySelector("#app")!);
