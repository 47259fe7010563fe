import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { chat, isLive, known, load, me, newFrom, unloaded } from "./chat.ts";
import { keep, kept } from "./kept.ts";
import { linesOf } from "./lines.ts";
import { drawn, LineOf } from "./messages.tsx";
import { Icon, Name } from "./parts.tsx";
import { createScroll, type Place } from "./scroll.ts";
import { words } from "./words/index.ts";

/** Pixels of lines above the view, below which older pages are asked for. */
const EARLY = 1_500;
/** Pages to look through for the place where one was; beyond, one is shown the latest. */
const FAR = 40;

/**
 * The messages of a room. Only those around the view are in the document, so a search of the browser's and a screen reader's cursor find these
 * alone, and the list has no end for them; both move on as it is scrolled, by keys too.
 */
export function Log({ stream }: { stream: string }) {
  const room = known().streams.get(stream);
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const name = `place ${me.peek()?.id} ${stream}`;
  /** Rises when other lines are to be in the document. */
  const turn = useSignal(0);
  const atEnd = useSignal(true);
  const olderFailed = useSignal(false);

  function keepPlace(): void {
    const place = scroll.place();
    if (chat.user()) keep(name, place && JSON.stringify(place));
  }
  const [scroll] = useState(() =>
    createScroll(JSON.parse(kept(name) ?? "null") as Place | null, () => {
      keepPlace();
      turn.value++;
    }),
  );

  const now = () => chat.state.streams.get(stream);

  async function older(): Promise<void> {
    olderFailed.value = false;
    await chat.loadOlder(stream).catch(() => (olderFailed.value = true));
  }

  /** Whether the place where one was is not among the messages held. */
  function isAway(): boolean {
    const place = scroll.place();
    return place !== null && now()!.olderLeft && place.seq < (now()!.messages[0]?.seq ?? 0);
  }

  function toEnd(): void {
    scroll.toEnd();
    turn.value++;
  }

  const goingBack = useRef(false);
  async function goBack(): Promise<void> {
    goingBack.current = true;
    for (let page = 0; page < FAR && box.current && now()?.loaded && isAway(); page++) {
      await older();
      if (olderFailed.value) break;
    }
    goingBack.current = false;
    // Emptied meanwhile, it begins anew once the latest page is there.
    if (now()?.loaded && isAway()) toEnd();
  }

  /** What is seen is read: with the end in view, on a page that somebody looks at. */
  function read(): void {
    if (scroll.atEnd() && now()?.loaded && document.visibilityState === "visible" && document.hasFocus())
      chat.markRead(stream);
  }

  /** The view is where it was not before. */
  function arrived(): void {
    if (!now()?.loaded || isAway()) return;
    atEnd.value = scroll.atEnd();
    chat.keepHistory(stream, scroll.place() !== null);
    if (scroll.above() < EARLY && !olderFailed.value) void older();
    read();
  }

  useSignalEffect(() => {
    known();
    scroll.look();
  });
  void turn.value;
  const pending = chat.pending(stream);
  const isReady = room?.loaded && !isAway();
  const sentAt = useRef(pending.at(-1)?.at ?? 0);
  if (pending.length && pending.at(-1)!.at > sentAt.current) {
    sentAt.current = pending.at(-1)!.at;
    scroll.toEnd();
  }
  const talk = {
    messages: isReady ? room.messages : [],
    pending: isReady || !room?.loaded ? pending : [],
    olderLeft: room?.olderLeft ?? true,
    me: me.value?.id ?? "",
    newFrom: newFrom.value,
  };
  const { from, to } = scroll.span(talk);
  const lines = linesOf(talk, from, to);
  const drawnBefore = drawn.lines;

  useLayoutEffect(() => {
    if (scroll.settle(box.current!, list.current!, true, drawn.lines - drawnBefore)) turn.value++;
    arrived();
  });
  useEffect(() => {
    if (room?.loaded && !isReady && !goingBack.current) void goBack();
  });
  useLayoutEffect(() => {
    // The composer grows, an on-screen keyboard comes, a long text is unfolded.
    const watch = new ResizeObserver(() => {
      if (scroll.settle(box.current!, list.current!, false)) turn.value++;
      arrived();
    });
    watch.observe(box.current!);
    watch.observe(list.current!);
    const seen = () => read();
    addEventListener("focus", seen);
    addEventListener("pagehide", keepPlace);
    document.addEventListener("visibilitychange", seen);
    return () => {
      watch.disconnect();
      removeEventListener("focus", seen);
      removeEventListener("pagehide", keepPlace);
      document.removeEventListener("visibilitychange", seen);
      scroll.stop();
      keepPlace();
    };
  }, []);

  const failed = unloaded.value.has(stream);
  const w = words.value.room;
  return (
    <div class="log-frame">
      <div
        class="log scrolls"
        ref={box}
        onScroll={() => {
          if (scroll.moved()) turn.value++;
          arrived();
        }}
        onKeyDown={(event) => {
          if (event.key !== "End" || event.target !== box.current) return;
          // The browser's way would end where the end was when it began.
          event.preventDefault();
          toEnd();
        }}
        tabIndex={0}
        role="region"
        aria-label={w.messages}
      >
        {isReady && room.olderLeft && (
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
        {!isReady && (
          <p class="quiet" role="status">
            {failed ? (
              <button type="button" class="link" onClick={() => load(stream)}>
                {w.failed}
              </button>
            ) : (
              <span class="late">{isLive.value ? w.loading : w.later}</span>
            )}
          </p>
        )}
        {isReady && !lines.length && <Empty isGlobal={stream === "global"} />}
        <ol class="lines" ref={list}>
          {lines.map((line) => (
            <LineOf
              key={line.key}
              line={line}
              mine={!line.message || line.message.sender.id === me.value?.id}
              isRead={line.message !== undefined && line.message.seq <= (room?.othersReadSeq ?? 0)}
            />
          ))}
        </ol>
        <Typing names={room?.kind === "direct" ? [...room.typing.values()] : []} />
      </div>
      {!atEnd.value && (
        <button
          type="button"
          class="latest glass"
          onClick={toEnd}
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
    <p class="typing" role="status">
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
