import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ChatError, type Room as RoomOfClient } from "../../client/index.ts";
import { chat, connection, goodbye, known, listShown, me, online, opened, openRoom, tellTabs } from "./chat.ts";
import { Avatar, Badge, Icon, IconButton, LanguageChoice, Name } from "./parts.tsx";
import { People } from "./people.tsx";
import { Room } from "./room.tsx";
import { NoticesButton, NoticesHint } from "./notices.tsx";
import { chooseNext, theme } from "./theme.ts";
import { shortlyOf } from "./time.ts";
import { words } from "./words/index.ts";

/** All that one sees once logged in: the list of rooms and the room. */
export function Shell() {
  useEffect(() => {
    const close = (event: KeyboardEvent) => event.key === "Escape" && (listShown.value = false);
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, []);
  return (
    <div class={`shell ${listShown.value ? "list-shown" : ""}`}>
      <Sidebar />
      <div class="veil" onClick={() => (listShown.value = false)} />
      <Room key={opened.value} stream={opened.value} />
    </div>
  );
}

/** The other one of a conversation. */
export function partnerOf(room: Readonly<RoomOfClient> | undefined) {
  return room?.participants.find(({ id }) => id !== me.value?.id) ?? room?.participants[0];
}

function Sidebar() {
  const searching = useSignal(false);
  return (
    <nav class="sidebar glass" aria-label={words.value.rooms.list}>
      <People searching={searching} />
      {!searching.value && <Rooms />}
      <NoticesHint />
      <Account />
    </nav>
  );
}

function Rooms() {
  const { streams, presence, more } = known();
  const w = words.value;
  const rooms = [...streams.values()].sort(
    (one, other) =>
      Number(other.stream === "global") - Number(one.stream === "global") || (one.updatedAt < other.updatedAt ? 1 : -1),
  );
  return (
    <ul class="rows scrolls">
      {rooms.map((room) => {
        const partner = partnerOf(room);
        if (room.kind === "direct" && !partner) return null;
        const isOnline = partner !== undefined && presence.has(partner.id);
        return (
          <li key={room.stream}>
            <button
              type="button"
              class="row"
              aria-current={room.stream === opened.value ? "true" : undefined}
              onClick={() => openRoom(room.stream)}
            >
              {partner ? (
                <Avatar id={partner.id} name={partner.username} online={isOnline} />
              ) : (
                <span class="avatar of-room" aria-hidden="true">
                  <Icon name="room" />
                </span>
              )}
              <span class="row-text">
                <span class="row-title">
                  <Name of={partner?.username ?? w.everyone} />
                  {isOnline && <span class="for-ears"> {w.isOnline}</span>}
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
  known();
  const w = words.value;
  if (room.kind === "direct" && room.typing.size) return <em class="preview accent">{w.typing}</em>;
  const last = room.lastMessage;
  if (!last) return <span class="preview">{room.kind === "global" ? w.rooms.emptyGlobal : w.rooms.emptyDirect}</span>;
  const whole = room.messages.at(-1);
  const text = <bdi>{whole?.seq === last.seq ? (whole.text ?? whole.content) : last.content}</bdi>;
  return <span class="preview">{last.sender_id === me.value?.id ? w.rooms.byMe(text) : text}</span>;
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
    <footer class="account">
      <Avatar id={user.id} name={user.username} online={connection.value.state === "live" && online.value} />
      <span class="account-name">
        <Name of={user.username} />
      </span>
      <LanguageChoice />
      <NoticesButton />
      <IconButton icon={theme.value} label={w.colours[theme.value]} onClick={chooseNext} />
      <IconButton icon="leave" label={w.logOut} onClick={leave} />
    </footer>
  );
}
