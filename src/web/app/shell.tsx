import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ChatError, type Room as RoomOfClient } from "../../client/index.ts";
import { Announcer } from "./announcer.tsx";
import {
  chat,
  countUnsent,
  goodbye,
  isLive,
  isOnline,
  known,
  listed,
  listShown,
  me,
  opened,
  partnerOf,
  tellTabs,
  unsent,
} from "./chat.ts";
import { dialog, go, listenToKeys, watchFocus } from "./keys.ts";
import { NoticesButton, NoticesHint } from "./notices.tsx";
import { Avatar, Badge, Icon, IconButton, LanguageChoice, Name, Question } from "./parts.tsx";
import { People } from "./people.tsx";
import { Room } from "./room.tsx";
import { Shortcuts } from "./shortcuts.tsx";
import { Switcher } from "./switcher.tsx";
import { chooseNext, theme } from "./theme.ts";
import { shortlyOf } from "./time.ts";
import { words } from "./words/index.ts";

/** All that one sees once logged in: the list of rooms and the room. */
export function Shell() {
  useEffect(listenToKeys, []);
  useEffect(watchFocus, []);
  useEffect(() => {
    const wide = matchMedia("(width > 760px)");
    const close = () => (listShown.value = false);
    wide.addEventListener("change", close);
    return () => wide.removeEventListener("change", close);
  }, []);
  const wasShown = useRef(false);
  // The list lies over the room on a phone: only one of the two is there for hands and ears.
  useEffect(() => {
    const main = document.querySelector("main")!;
    main.inert = listShown.value;
    if (listShown.value) document.querySelector<HTMLElement>(".sidebar [aria-current]")?.focus();
    else if (wasShown.current && !main.contains(document.activeElement))
      document.querySelector<HTMLElement>(".menu button")?.focus();
    wasShown.current = listShown.value;
  }, [listShown.value]);
  return (
    <div class={`shell ${listShown.value ? "list-shown" : ""}`}>
      <div class="skips">
        <Skip to=".log">{words.value.keys.toMessages}</Skip>
        <Skip to=".composer textarea">{words.value.keys.toComposer}</Skip>
      </div>
      <Sidebar />
      <div class="veil" onClick={() => (listShown.value = false)} />
      <Room key={opened.value} stream={opened.value} />
      {dialog.value === "shortcuts" && <Shortcuts />}
      {dialog.value === "switcher" && <Switcher />}
      <Announcer />
    </div>
  );
}

function Skip({ to, children }: { to: string; children: string }) {
  return (
    <button type="button" class="button" onClick={() => document.querySelector<HTMLElement>(to)?.focus()}>
      {children}
    </button>
  );
}

function Sidebar() {
  const searching = useSignal(false);
  return (
    <nav class="sidebar glass" aria-label={words.value.rooms.list}>
      <header class="list-head">
        <h2>{words.value.rooms.list}</h2>
        <IconButton icon="close" label={words.value.rooms.close} onClick={() => (listShown.value = false)} />
      </header>
      <People searching={searching} />
      {!searching.value && <Rooms />}
      <NoticesHint />
      <Account />
    </nav>
  );
}

function Rooms() {
  const { more } = known();
  const w = words.value;
  return (
    <ul class="rows scrolls">
      {listed().map((room) => {
        const partner = partnerOf(room);
        if (room.kind === "direct" && !partner) return null;
        return (
          <li key={room.stream}>
            <button
              type="button"
              class="row"
              aria-current={room.stream === opened.value ? "true" : undefined}
              onClick={() => go(room.stream)}
            >
              {partner ? (
                <Avatar id={partner.id} name={partner.username} online={isOnline(partner.id)} />
              ) : (
                <span class="avatar of-room" aria-hidden="true">
                  <Icon name="room" />
                </span>
              )}
              <span class="row-text">
                <span class="row-title">
                  <Name of={partner?.username ?? w.everyone} />
                  {partner && isOnline(partner.id) && <span class="for-ears"> {w.isOnline}</span>}
                  {room.lastMessage && (
                    <time dateTime={room.lastMessage.timestamp}>
                      {shortlyOf(Date.parse(room.lastMessage.timestamp))}
                    </time>
                  )}
                </span>
                <span class="row-last">
                  <Preview room={room} />
                  <Badge count={room.unread} />
                </span>
              </span>
            </button>
          </li>
        );
      })}
      {more && (
        <li>
          <MoreRooms />
        </li>
      )}
    </ul>
  );
}

function Preview({ room }: { room: Readonly<RoomOfClient> }) {
  const { presence } = known();
  const w = words.value;
  if (room.kind === "direct" && room.typing.size) return <em class="preview accent">{w.typing}</em>;
  const last = room.lastMessage;
  if (!last) return <span class="preview">{room.kind === "global" ? w.rooms.emptyGlobal : w.rooms.emptyDirect}</span>;
  const whole = room.messages.at(-1);
  const message = whole?.seq === last.seq ? whole : undefined;
  // More is never seen, and would be read out.
  const text = <bdi>{message ? (message.text ?? message.content).slice(0, 100) : last.content}</bdi>;
  const sender = message?.sender.username ?? presence.get(last.sender_id);
  return (
    <span class="preview">
      {last.sender_id === me.value?.id
        ? w.rooms.byMe(text)
        : room.kind === "global" && sender
          ? w.rooms.by(<Name of={sender} />, text)
          : text}
    </span>
  );
}

function MoreRooms() {
  const failed = useSignal(false);
  async function load(): Promise<void> {
    failed.value = false;
    await chat.loadConversations().catch(() => (failed.value = true));
  }
  return (
    <button type="button" class="link more" onClick={load}>
      {failed.value ? words.value.rooms.olderFailed : words.value.rooms.older}
    </button>
  );
}

function Account() {
  const user = me.value!;
  const asked = useSignal(false);
  const box = useRef<HTMLElement>(null);
  async function askToLeave(): Promise<void> {
    // What other tabs have not sent would be lost as well.
    await chat.restore();
    // Not as it is shown: that may be a frame behind.
    if (countUnsent()) asked.value = true;
    else await leave();
  }
  function stay(): void {
    if (box.current?.contains(document.activeElement)) box.current.querySelector<HTMLElement>(".leave")?.focus();
    asked.value = false;
  }
  useLayoutEffect(() => {
    if (!unsent.value) stay();
  }, [unsent.value]);
  async function leave(): Promise<void> {
    try {
      await chat.logOut();
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      goodbye.value = "untold";
    } finally {
      tellTabs("session");
    }
  }
  const w = words.value.account;
  return (
    <footer class="account" ref={box}>
      <Avatar id={user.id} name={user.username} online={isLive.value} />
      <span class="account-name">
        <Name of={user.username} />
      </span>
      <span class="account-tools">
        <LanguageChoice />
        <NoticesButton />
        <IconButton
          icon="keys"
          label={words.value.keys.title}
          aria-haspopup="dialog"
          onClick={() => (dialog.value = "shortcuts")}
        />
        <IconButton icon={theme.value} label={w.colours[theme.value]} onClick={chooseNext} />
        <IconButton class="leave" icon="leave" label={w.logOut} aria-expanded={asked.value} onClick={askToLeave} />
      </span>
      {asked.value && (
        <Question yes={w.logOut} no={w.stay} onYes={leave} onNo={stay} grave>
          {w.unsent(unsent.value)}
        </Question>
      )}
    </footer>
  );
}
