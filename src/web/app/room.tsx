import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { chat, connection, known, listShown, load, me, newFrom, online, unloaded, unread } from "./chat.ts";
import { Composer } from "./composer.tsx";
import { linesOf } from "./lines.ts";
import { Announcer, LineOf } from "./messages.tsx";
import { Avatar, Icon, IconButton, Name } from "./parts.tsx";
import { createScroll } from "./scroll.ts";
import { partnerOf } from "./shell.tsx";
import { agoOf } from "./time.ts";
import { words } from "./words/index.ts";

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
        <h1>
          <Name of={partner?.username ?? w.everyone} />
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

/** Told quietly, and only where it lasts: the style shows it after a moment. */
function Connection() {
  const now = connection.value;
  if (now.state === "live" && online.value) return <p class="connection" role="status" />;
  const w = words.value.room;
  const given = now.state === "offline" && now.code !== undefined;
  return (
    <p class="connection away" role="status">
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

/** Rows of pixels from the top of what is held, at which older pages are asked for. */
const EARLY = 600;

function Log({ stream }: { stream: string }) {
  const { streams } = known();
  const room = streams.get(stream);
  const box = useRef<HTMLDivElement>(null);
  const scroll = useRef(createScroll()).current;
  const atEnd = useSignal(true);
  const loadingOlder = useSignal(false);
  const olderFailed = useSignal(false);

  async function older(): Promise<void> {
    if (!room?.loaded || !room.olderLeft || loadingOlder.value) return;
    loadingOlder.value = true;
    olderFailed.value = false;
    await chat.loadOlder(stream).catch(() => (olderFailed.value = true));
    loadingOlder.value = false;
  }

  /** What is seen is read: with the end in view, on a page that somebody looks at. */
  function read(): void {
    if (scroll.atEnd() && room?.loaded && document.visibilityState === "visible" && document.hasFocus())
      chat.markRead(stream);
  }

  function scrolled(): void {
    scroll.moved();
    atEnd.value = scroll.atEnd();
    if (box.current!.scrollTop < EARLY && !olderFailed.value) void older();
    read();
  }

  useLayoutEffect(() => {
    scroll.settle(box.current!);
    atEnd.value = scroll.atEnd();
    read();
    // A page that does not fill the view can not be scrolled for more.
    if (box.current!.scrollHeight <= box.current!.clientHeight && !olderFailed.value) void older();
  });
  useEffect(() => {
    // The composer grows, an on-screen keyboard comes: the end stays in view.
    const element = box.current!;
    const watch = new ResizeObserver(() => scroll.settle(element));
    watch.observe(element);
    const seen = () => read();
    addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    return () => {
      watch.disconnect();
      removeEventListener("focus", seen);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [room]);

  const lines = linesOf(room?.messages ?? [], chat.pending(stream), me.value?.id ?? "", newFrom.value);
  const failed = unloaded.value.has(stream);
  const w = words.value.room;
  return (
    <div class="log-frame">
      <div class="log scrolls" ref={box} onScroll={scrolled} tabIndex={0} role="region" aria-label={w.messages}>
        {room?.loaded && room.olderLeft && (
          <p class="quiet">
            {olderFailed.value ? (
              <button type="button" class="link" onClick={older}>
                {w.olderFailed}
              </button>
            ) : (
              w.older
            )}
          </p>
        )}
        {!room?.loaded && (
          <p class="quiet" role="status">
            {failed ? (
              <button type="button" class="link" onClick={() => load(stream)}>
                {w.failed}
              </button>
            ) : (
              <span class="late">{w.loading}</span>
            )}
          </p>
        )}
        {room?.loaded && !lines.length && <Empty isGlobal={stream === "global"} />}
        <ol class="lines">
          {lines.map((line) => (
            <LineOf
              key={line.key}
              line={line}
              mine={line.kind === "pending" || (line.kind === "message" && line.message.sender.id === me.value?.id)}
              isRead={line.kind === "message" && line.message.seq <= (room?.othersReadSeq ?? 0)}
            />
          ))}
        </ol>
        <Typing names={room?.kind === "direct" ? [...room.typing.values()] : []} />
      </div>
      {!atEnd.value && (
        <button
          type="button"
          class="latest glass"
          onClick={() => scroll.toEnd(box.current!)}
          aria-label={room?.unread ? w.toLatestNew(room.unread) : w.toLatest}
        >
          <Icon name="down" />
          {room?.unread ? <span>{w.countNew(room.unread)}</span> : null}
        </button>
      )}
    </div>
  );
}

function Empty({ isGlobal }: { isGlobal: boolean }) {
  return (
    <div class="empty">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <p>{isGlobal ? words.value.room.emptyGlobal : words.value.room.emptyDirect} </p>
    </div>
  );
}

function Typing({ names }: { names: string[] }) {
  return (
    <p class={names.length ? "typing" : "typing nobody"} role="status">
      {names.length > 0 && (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span>{words.value.room.isTyping(<Name of={names[0]!} />)}</span>
        </>
      )}
    </p>
  );
}
