import { chat, connection, known, listShown, online, unread } from "./chat.ts";
import { Composer } from "./composer.tsx";
import { Log } from "./log.tsx";
import { Announcer } from "./messages.tsx";
import { Avatar, Icon, IconButton, Name } from "./parts.tsx";
import { partnerOf } from "./shell.tsx";
import { dayOf, timeOf } from "./time.ts";

export function Room({ stream }: { stream: string }) {
  return (
    <main class="room glass">
      <Header stream={stream} />
      <Log stream={stream} />
      <Composer stream={stream} />
      <Announcer stream={stream} />
    </main>
  );
}

function Header({ stream }: { stream: string }) {
  const { streams, presence } = known();
  const partner = stream === "global" ? undefined : partnerOf(streams.get(stream));
  const isOnline = partner !== undefined && presence.has(partner.id);
  const others = unread.value - (streams.get(stream)?.unread ?? 0);
  return (
    <header class="room-head">
      <span class="menu">
        <IconButton
          icon="menu"
          label="Rooms"
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
        <h1>
          <Name of={partner?.username ?? (stream === "global" ? "Everyone" : "")} />
        </h1>
        <p>{partner ? (isOnline ? "Online" : lastSeen(partner.last_seen)) : `${presence.size} online`}</p>
      </div>
      <Connection />
    </header>
  );
}

function lastSeen(at: string | null): string {
  if (!at) return "Offline";
  const then = Date.parse(at);
  const day = dayOf(then);
  return `Last seen ${day === "Today" ? "at" : `${day.toLowerCase() === "yesterday" ? "yesterday" : day} at`} ${timeOf(then)}`;
}

/** Told quietly, and only where it lasts: the style shows it after a moment. */
function Connection() {
  const now = connection.value;
  if (now.state === "live" && online.value) return <p class="connection" role="status" />;
  const given = now.state === "offline" && now.code !== undefined;
  return (
    <p class="connection away" role="status">
      {given ? (
        <button type="button" class="link" onClick={() => chat.connect()}>
          Disconnected. Connect again
        </button>
      ) : online.value ? (
        "Reconnecting…"
      ) : (
        "You are offline"
      )}
    </p>
  );
}
