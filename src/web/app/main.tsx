import "../style/tokens.css";
import "../style/base.css";
import "../style/parts.css";
import "../style/entry.css";
import "../style/shell.css";
import "../style/room.css";
import "../style/messages.css";
import { render } from "preact";
import { chat, me, opened, openRoom } from "./chat.ts";
import { Entry } from "./entry.tsx";
import { startNotices } from "./notices.tsx";
import { Reset } from "./reset.tsx";
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
const isReset = location.pathname === "/reset";
if (!isReset) startNotices();
// A reload goes on where one was, without the card in between.
if (!isReset && (await chat.restore())) {
  chat.connect();
  chat.preload(opened.value);
}
render(isReset ? <Reset /> : <App />, document.querySelector("#app")!);
