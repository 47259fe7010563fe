import type { User } from "../../protocol/models.ts";
import { chat, connection, isLive, isOnline, known, listShown, online, partner, unread } from "./chat.ts";
import { Composer } from "./composer.tsx";
import { Log } from "./log.tsx";
import { Avatar, Icon, IconButton, Name } from "./parts.tsx";
import { agoOf } from "./time.ts";
import { words } from "./words/index.ts";

export function Room({ stream }: { stream: string }) {
  return (
    <main class="room glass">
      <Header stream={stream} />
      <Log stream={stream} />
      <Composer stream={stream} />
    </main>
  );
}

function Header({ stream }: { stream: string }) {
  const { streams, presence } = known();
  const other = partner.value;
  const others = unread.value - (streams.get(stream)?.unread ?? 0);
  const w = words.value;
  return (
    <header class="room-head">
      <span class="menu">
        <IconButton
          icon="menu"
          label={w.rooms.list}
          aria-expanded={listShown.value}
          onClick={() => (listShown.value = !listShown.value)}
        />
        {others > 0 && <span class="dot" />}
      </span>
      {stream === "global" ? (
        <span class="avatar of-room" aria-hidden="true">
          <Icon name="room" />
        </span>
      ) : (
        <Avatar id={other?.id ?? stream} name={other?.username ?? ""} online={other && isOnline(other.id)} />
      )}
      <div class="room-title">
        <h1 tabIndex={-1}>
          <Name of={stream === "global" ? w.everyone : (other?.username ?? "")} />
        </h1>
        <p>{isLive.value && (other ? presenceOf(other) : w.room.online(presence.size))}</p>
      </div>
      <Connection />
    </header>
  );
}

function presenceOf({ id, last_seen }: Pick<User, "id" | "last_seen">): string {
  const w = words.value;
  if (isOnline(id)) return w.online;
  return last_seen ? w.room.lastSeen(agoOf(Date.parse(last_seen))) : w.offline;
}

/** Told quietly, and only where it lasts: the style shows it after a moment, and ears hear of it in announcer.tsx. */
function Connection() {
  const now = connection.value;
  if (isLive.value) return null;
  const w = words.value.room;
  const given = now.state === "offline" && now.code !== undefined;
  return (
    <p class="connection away">
      {given ? (
        <button type="button" class="link" onClick={() => chat.connect()}>
          {w.connectAgain}
        </button>
      ) : online.value ? (
        // Who knows that the network is back need not wait for the next try.
        <button type="button" class="link" title={words.value.tryAgain} onClick={chat.reconnectNow}>
          {w.reconnecting}
        </button>
      ) : (
        w.offline
      )}
    </p>
  );
}
