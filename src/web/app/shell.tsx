import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ChatError, type Room as RoomOfClient } from "../../client/index.ts";
import { chat, connection, goodbye, known, listShown, me, online, opened, openRoom, tellTabs } from "./chat.ts";
import { Avatar, Badge, Icon, IconButton, Name } from "./parts.tsx";
import { People } from "./people.tsx";
import { Room } from "./room.tsx";
import { NoticesButton, NoticesHint } from "./notices.tsx";
import { chooseNext, theme } from "./theme.ts";
import { shortlyOf } from "./time.ts";

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
    <nav class="sidebar glass" aria-label="Rooms">
      <People searching={searching} />
      {!searching.value && <Rooms />}
      <NoticesHint />
      <Account />
    </nav>
  );
}

function Rooms() {
  const { streams, presence, more } = known();
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
                  <Name of={partner?.username ?? "Everyone"} />
                  {isOnline && <span class="for-ears"> (online)</span>}
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
  if (room.kind === "direct" && room.typing.size) return <em class="preview accent">typing…</em>;
  const last = room.lastMessage;
  if (!last)
    return <span class="preview">{room.kind === "global" ? "Say hello to everyone" : "Nothing said yet"}</span>;
  const whole = room.messages.at(-1);
  return (
    <span class="preview">
      {last.sender_id === me.value?.id && "You: "}
      <bdi>{whole?.seq === last.seq ? (whole.text ?? whole.content) : last.content}</bdi>
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
      {failed.value ? "That did not work. Try again" : "Older conversations"}
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
      goodbye.value = "You are logged out here. The server could not be told: its side of the session ends by itself.";
    } finally {
      tellTabs("session");
    }
  }
  const label = { system: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" }[theme.value];
  return (
    <footer class="account">
      <Avatar id={user.id} name={user.username} online={connection.value.state === "live" && online.value} />
      <span class="account-name">
        <Name of={user.username} />
      </span>
      <NoticesButton />
      <IconButton icon={theme.value} label={label} onClick={chooseNext} />
      <IconButton icon="leave" label="Log out" onClick={leave} />
    </footer>
  );
}
