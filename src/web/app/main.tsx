import "../style/tokens.css";
import "../style/base.css";
import "../style/parts.css";
import "../style/entry.css";
import "../style/shell.css";
import "../style/room.css";
import "../style/messages.css";
import "../style/dialog.css";
import "../style/forced-colors.css";
import { render } from "preact";
import { chat, me, opened } from "./chat.ts";
import { Entry } from "./entry.tsx";
import { startNotices } from "./notices.tsx";
import { Reset } from "./reset.tsx";
import { Shell } from "./shell.tsx";
import { restoreTheme } from "./theme.ts";
import { fitToKeyboard } from "./viewport.ts";
import { restoreLanguage } from "./words/index.ts";

/** Goes on in the room where one was. What was shown before the socket has told how it stands would be emptied again. */
function enter(): void {
  chat.connect();
  chat.preload(opened.value);
}

function App() {
  return me.value ? <Shell key={me.value.id} /> : <Entry entered={enter} />;
}

restoreTheme();
fitToKeyboard();
restoreLanguage();
const isReset = location.pathname === "/reset";
// A reload goes on without the card in between.
const isKnown = !isReset && (await chat.restore());
// After it: what a notification leads to comes before the room where one was.
if (!isReset) startNotices();
if (isKnown) enter();
render(isReset ? <Reset /> : <App />, document.querySelector("#app")!);
