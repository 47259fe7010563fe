import { chat, connection, known, listShown, online, partnerOf, unread } from "./chat.ts";
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
  const partner = stream === "global" ? undefined : partnerOf(streams.get(stream));
  const isOnline = partner !== undefined && presence.has(partner.id);
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
      {partner ? (
        <Avatar id={partner.id} name={partner.username} online={isOnline} />
      ) : (
        <span class="avatar of-room" aria-hidden="true">
          <Icon name="room" />
        </span>
      )}
      <div class="room-title">
        <h1 tabIndex={-1}>
          <Name of={partner?.username ?? (stream === "global" ? w.everyone : "")} />
        </h1>
        <p>{partner ? (isOnline ? w.online : lastSeen(partner.last_seen)) : w.room.online(presence.size)}</p>
      </div>
      <Connection />
    </header>
  );
}

function lastSeen(at: string | null): string {
  return at ? words.value.room.lastSeen(agoOf(Date.parse(at))) : words.value.offline;
}

/** Told quietly, and only where it lasts: the style shows it after a moment, and ears hear of it in announcer.tsx. */
function Connection() {
  const now = connection.value;
  if (now.state === "live" && online.value) return null;
  const w = words.value.room;
  const given = now.state === "offline" && now.code !== undefined;
  return (
    <p class="connection away">
      {given ? (
        <button type="button" class="link" onClick={() => chat.connect()}>
          {w.connectAgain}
        </button>
      ) : online.value ? (
        w.reconnecting
      ) : (
        w.offline
      )}
    </p>
  );
}
